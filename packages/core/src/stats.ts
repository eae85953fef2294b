import type { Gateway } from './gateways/port.ts';
import type { Node } from './node.ts';
import type { Registrations } from './plugin.ts';
import type { Outcome } from './streams/log.ts';

/** What a server is doing, as `stats()` and GET /stats give it. Numbers are since the start of the server. */
export interface Stats {
  readonly status: 'stopped' | 'starting' | 'running' | 'draining';
  readonly uptimeMs: number;
  readonly users: number;
  /** Those that somebody needs, or that keep something. */
  readonly channels: number;
  readonly clients: { readonly online: number; readonly resumable: number; readonly connecting: number };
  readonly connections: { readonly accepted: number; readonly resumed: number };
  readonly frames: { readonly received: number; readonly receivedBytes: number; readonly delivered: number };
  readonly requests: { readonly running: number; readonly replied: number; readonly failed: number };
  /** What became of publications, the clients' and the server's; `withheld`: bytes that were no data of their channel. */
  readonly publications: Readonly<Record<Outcome | 'withheld', number>>;
  /** Errors sent, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Connections ended by the server, by reason. */
  readonly disconnects: Readonly<Record<string, number>>;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
  /** What plugins add, by plugin and name. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What gateways say of themselves, by name. */
  readonly gateways: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Counters behind the stats: plain numbers, written on the hot path. */
export class Counters {
  accepted = 0;
  resumed = 0;
  received = 0;
  receivedBytes = 0;
  delivered = 0;
  replied = 0;
  failed = 0;
  withheld = 0;
  readonly publications: Record<Outcome, number> = { published: 0, stale: 0, repeated: 0 };
  readonly errors = new Map<string, number>();
  readonly disconnects = new Map<string, number>();

  count(counts: Map<string, number>, key: string): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

export function statsOf(
  node: Node,
  status: Stats['status'],
  startedAt: number | undefined,
  metrics: Registrations['metrics'],
  foreign: readonly Gateway[],
): Stats {
  const { counters, clients, users, links, clock, logger } = node;
  const states = { online: 0, resumable: 0, connecting: 0 };
  let running = 0;
  for (const client of clients.byId.values()) {
    if (client.online) states.online++;
    else states.resumable++;
    running += client.outcomes?.running ?? 0;
  }
  for (const link of links) if (link.open && !link.client?.online) states.connecting++;
  const plugins: Record<string, Record<string, number>> = {};
  for (const { plugin, name, read } of metrics) {
    plugins[plugin] ??= {};
    try {
      plugins[plugin][name] = read();
    } catch (cause) {
      logger.error('a metric failed', { plugin, name, cause });
    }
  }
  const gateways: Record<string, Readonly<Record<string, number>>> = {};
  for (const gateway of foreign) if (gateway.stats !== undefined) gateways[gateway.name] = gateway.stats();
  const { rss, heapUsed } = process.memoryUsage();
  const { accepted, resumed, received, receivedBytes, delivered, replied, failed } = counters;
  return {
    status,
    uptimeMs: startedAt === undefined ? 0 : clock.now() - startedAt,
    users: users.byId.size,
    channels: node.channels.byName.size,
    clients: states,
    connections: { accepted, resumed },
    frames: { received, receivedBytes, delivered },
    requests: { running, replied, failed },
    publications: { ...counters.publications, withheld: counters.withheld },
    errors: Object.fromEntries(counters.errors),
    disconnects: Object.fromEntries(counters.disconnects),
    memory: { rssBytes: rss, heapUsedBytes: heapUsed },
    plugins,
    gateways,
  };
}

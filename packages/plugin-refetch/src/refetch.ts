import { type ActorView, definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import type { Subscription } from 'rxjs';
import { bumpRoute } from './bump-route.ts';
import { type BumpOptions, Bumps } from './bumps.ts';
import type { Cell, Counts, Credential } from './cell.ts';
import { Circuit, type CircuitSnapshot } from './circuit.ts';
import { isHeader } from './contract.ts';
import type { Headers } from './headers.ts';
import { type RefetchOptions, type Settings, settingsOf } from './options.ts';
import type { ResourcePath } from './path.ts';
import { answerClients } from './requests.ts';
import { Turns } from './turns.ts';
import { type Asking, fault, Upstream } from './upstream.ts';
import { Watches } from './watches.ts';

/** `server.refetch`. */
export interface Refetch {
  /**
   * These have changed: paths (`/users/1`, with any query; `/users?page=2`, that one), or patterns (`/users/*`, `/public/**`). Gives how many
   * watched resources are fetched for it; 0 where it waits.
   * @throws TypeError where a path or an option is none, RangeError where more than 10,000 paths wait.
   */
  bump(paths: string | readonly string[], options?: BumpOptions): number;
  /** Bumps may have been missed: everything that is watched is asked for, conditionally. Gives how many resources that are. */
  revalidate(): number;
  /** Whether the upstream is asked: closed, open, halfOpen. */
  readonly circuit: ActorView<CircuitSnapshot>;
}

interface UpstreamEvent {
  readonly type: 'REFETCH_UPSTREAM_LOST' | 'REFETCH_UPSTREAM_BACK';
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}

/**
 * Makes a REST API live: `server.refetch`.
 * @throws TypeError where the upstream is no origin, or a path, a header or a waymark none; RangeError where a number is out of range, or
 * a key too short.
 */
export function refetch(options: RefetchOptions): Plugin<'refetch', Refetch> {
  const settings = settingsOf(options);
  return definePlugin({ name: 'refetch', setup: (context) => setUp(context, settings) });
}

/** How long the last page waits for who has lost a connection. */
const HISTORY_TTL_MS = 60_000;

function setUp(context: PluginContext, settings: Settings): Refetch {
  const { server, clock, logger, metric, onDispose } = context;
  const { channel = 'refetch', concurrency, random = Math.random } = settings;
  const counts: Counts = { pages: 0, unchanged: 0, faults: 0 };
  const isOpen = (path: ResourcePath) => settings.paths.some((each) => each.matches(path));
  const upstream = new Upstream({ ...settings, clock, isOpen });
  const circuit = openCircuit(context, settings);
  const turns = new Turns(
    () => ({ closed: concurrency, halfOpen: 1, open: 0 })[circuit.state],
    (cause) => logger.error('a page was not fetched', { cause }),
  );
  const pages = `${channel}/page/`;
  const watches = new Watches({
    ...{ ...settings, clock, counts, random },
    isDown: () => circuit.state === 'open',
    get: (cell, unless, signal) => fetchPage(cell, { unless, signal }),
    pageHeaders: ({ headers }) => settings.responseHeaders(headers),
    enter: (users, job) => turns.enter(users, job),
    publish: ({ id }, told) => {
      const failed = (cause: unknown) => logger.error('a page was not published', { cause });
      server.publish(pages + id, told).catch(failed);
    },
  });
  const fetchPage = async ({ resource, credential }: Cell, how: Pick<Asking, 'unless' | 'signal'>) => {
    const headers = shown(credential, settings);
    if (headers === undefined) {
      // Without what it threw, in which the token may be.
      logger.error('authorization gave no header');
      return fault('BROKEN', false);
    }
    const outcome = await upstream.get({ path: resource.path, headers, ...how });
    if (outcome.kind === 'fault' && outcome.down) {
      if (!how.signal.aborted) circuit.failed();
    } else circuit.answered();
    return outcome;
  };
  circuit.changes$.subscribe((state) => {
    if (state === 'open') watches.stall();
    else turns.go();
    if (state === 'closed') watches.wake();
  });
  const bumps = new Bumps(watches, clock);
  openEntrances(context, settings, bumps);
  context.channels(`${pages}+`, {
    // Pages are states: the last one is all that anybody needs.
    history: { size: 1, ttlMs: HISTORY_TTL_MS, maxBytes: 4 * settings.maxBodyBytes },
    overflow: 'latest',
    // They are for whoever has the credential, and for no broker.
    bridged: false,
    canSubscribe: ({ client, channel: name }) => watches.reads(client, name.slice(pages.length)),
  });
  answerClients(context, { settings, watches, isOpen, nameOf: ({ id }) => pages + id });
  onDispose(async () => {
    bumps.stop();
    watches.clear();
    circuit.stop();
    await upstream.close();
  });
  metric('watches', () => watches.count);
  metric('credentials', () => watches.credentials);
  metric('requests', () => upstream.requests);
  metric('running', () => turns.running);
  metric('waiting', () => turns.waiting);
  metric('pages', () => counts.pages);
  metric('unchanged', () => counts.unchanged);
  metric('faults', () => counts.faults);
  metric('bumps', () => bumps.count);
  metric('malformed', () => bumps.malformed);
  metric('upstreamUp', () => (circuit.state === 'open' ? 0 : 1));
  return {
    bump: (paths, options) => bumps.bump(paths, options),
    revalidate: () => watches.changed('all', 'revalidated'),
    circuit: circuit.view,
  };
}

/** What the API is shown; undefined where the application makes no header of the token: that is not the upstream's fault. */
function shown({ token, headers }: Credential, { authorization = bearer }: Settings): Headers | undefined {
  if (token === undefined) return headers;
  try {
    const [name, value] = authorization(token);
    return isHeader(name, value) ? [...headers, [name, value]] : undefined;
  } catch {
    return undefined;
  }
}

const bearer = (token: string) => ['authorization', `Bearer ${token}`] as const;

function openCircuit({ event, clock, logger }: PluginContext, settings: Settings): Circuit {
  const { circuitFailures: failures, circuitRestMs: restMs } = settings;
  const circuit = new Circuit({ failures, restMs }, { clock, logger });
  const lost = event<UpstreamEvent>('REFETCH_UPSTREAM_LOST');
  const back = event<UpstreamEvent>('REFETCH_UPSTREAM_BACK');
  let isLost = false;
  circuit.changes$.subscribe((state) => {
    if (isLost === (state !== 'closed')) return;
    isLost = !isLost;
    const at = clock.now();
    if (isLost) {
      logger.warn('the upstream does not answer', { upstream: settings.origin });
      lost({ type: 'REFETCH_UPSTREAM_LOST', at });
    } else back({ type: 'REFETCH_UPSTREAM_BACK', at });
  });
  return circuit;
}

/** For bumps from outside: by HTTP, and by a channel, which is MQTT's topic too. */
function openEntrances(context: PluginContext, settings: Settings, bumps: Bumps): void {
  const { server, clock, route, onDispose } = context;
  const { keys, canBump, maxBumpsPerSecond: maxPerSecond, channel = 'refetch' } = settings;
  if (keys.length > 0) route('/refetch/bump', bumpRoute(bumps, clock, { keys, maxPerSecond }));
  if (canBump === undefined) return;
  const name = `${channel}/bump`;
  context.channels(name, { canPublish: canBump, maxPerSecond });
  let subscription: Subscription | undefined;
  server.events$.subscribe(({ type }) => {
    if (type !== 'SERVER_STARTED') return;
    subscription = server.channel(name).publications$.subscribe(({ data }) => void bumps.command(data));
  });
  onDispose(() => subscription?.unsubscribe());
}

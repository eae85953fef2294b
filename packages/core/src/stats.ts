/** What a server is doing, as `stats()` and GET /stats give it. Numbers are since the start of the server. */
export interface Stats {
  readonly status: 'stopped' | 'starting' | 'running' | 'draining';
  readonly uptimeMs: number;
  readonly users: number;
  readonly clients: { readonly online: number; readonly resumable: number; readonly connecting: number };
  readonly connections: { readonly accepted: number; readonly resumed: number };
  readonly frames: { readonly received: number; readonly receivedBytes: number; readonly delivered: number };
  readonly requests: { readonly running: number; readonly replied: number; readonly failed: number };
  /** Errors sent, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Connections ended by the server, by reason. */
  readonly disconnects: Readonly<Record<string, number>>;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
  /** What plugins add, by plugin and name. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, number>>>>;
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
  readonly errors = new Map<string, number>();
  readonly disconnects = new Map<string, number>();

  count(counts: Map<string, number>, key: string): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

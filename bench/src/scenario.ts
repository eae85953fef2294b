import type { Sample } from './control.ts';
import type { Connection, OnText } from './load/connection.ts';
import type { Dialect, Session } from './load/dialect.ts';
import type { Peer } from './peers.ts';

/** One kind of work, put on every peer in the same way. It runs in the load process. */
export interface Scenario {
  readonly name: string;
  /** What the figure is divided by: one `delivery`, one `call`, … */
  readonly unit: string;
  readonly figure: 'µs' | 'KB';
  /** The most connections open at one time; each costs a file descriptor in two processes. */
  readonly connections: number;
  readonly tls?: boolean;
  /** Whether to see how long the server's event loop is held, which costs it a timer. */
  readonly watchLoop?: boolean;
  /** Those it is run against; by default those that take frames over WebSocket. */
  readonly peers?: readonly Peer[];
  /** What Callboard must reach. */
  readonly budgets: readonly Budget[];
  run(bench: Bench): Promise<Measurement>;
}

/** At most so many times a peer's figure, or at most this value of one of the run's own details. */
export type Budget =
  | { readonly atMost: number; readonly times: Peer }
  | { readonly atMost: number; readonly detail: string };

export interface Measurement {
  /** Per unit: µs of the server's CPU time, or KB of its memory. */
  readonly figure: number;
  readonly unitsPerSecond?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** What else the scenario has found out, by name with its unit. */
  readonly details?: Readonly<Record<string, number>>;
}

/** How a client comes back, and who takes what it missed, which may come before it is connected. */
export interface Resuming {
  readonly session: Session;
  readonly onText: OnText;
}

/** What a scenario works with: one running server, and connections to it. */
export interface Bench {
  readonly peer: Peer;
  /** Where the server listens. */
  readonly port: number;
  /** And where for WebSockets: the same but in scenarios over MQTT. */
  readonly webSocketPort: number;
  /** For peers that take frames. */
  readonly dialect: Dialect;
  /** Resolves once the connection is authenticated. */
  connect(userId: string, resuming?: Resuming): Promise<Connection>;
  /** One connection per id, in order; few are being opened at a time. */
  connectAll(userIds: readonly string[]): Promise<Connection[]>;
  /** The server process, now; with `gc` after a full garbage collection. */
  sample(options?: { gc?: boolean }): Promise<Sample>;
  /** Does what is to be measured, and takes a profile of it where one was asked for. */
  profiled<Result>(work: () => Promise<Result>): Promise<Result>;
  /** How often to repeat something: `count`, or a tenth of it in a quick run. */
  times(count: number): number;
}

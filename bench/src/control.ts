/** What travels between the three processes of a run: bench → load → server. */

import type { Measurement } from './scenario.ts';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Load → server. Each is answered by one message: `start` by `Started`, `sample` by `Sample`. */
export type Command =
  | { readonly cmd: 'start'; readonly scenario: string; readonly tls: Certificate | null }
  | { readonly cmd: 'sample'; readonly gc: boolean };

export interface Started {
  readonly port: number;
}

export interface Sample {
  /** CPU time of all the process's threads since it started, user and system, in µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** JavaScript heap in use plus what it holds outside (buffers). */
  readonly heldBytes: number;
}

/** Bench → load: run one scenario against one peer. Answered by one `Outcome`. */
export interface RunRequest {
  readonly scenario: string;
  readonly peer: string;
  readonly quick: boolean;
}

export type Outcome = { readonly measurement: Measurement } | { readonly error: string };

/** What travels between the three processes of a run: bench → load → server. */

import type { Measurement } from './scenario.ts';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * Load → server. Each is answered by one message: `start` by `Started`, `sample` by `Sample`, `profile` by `Profile`,
 * which is empty where it begins.
 */
export type Command =
  | {
      readonly cmd: 'start';
      readonly scenario: string;
      readonly tls: Certificate | null;
      readonly watchLoop: boolean;
    }
  | { readonly cmd: 'sample'; readonly gc: boolean }
  | { readonly cmd: 'profile'; readonly begin: boolean };

export interface Started {
  readonly port: number;
  /** Where it takes WebSockets, if that is another one. */
  readonly webSocketPort?: number;
}

export interface Sample {
  /** CPU time of all the process's threads since it started, user and system, in µs. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** The most that was ever resident. */
  readonly peakRssBytes: number;
  /** JavaScript heap in use plus what it holds outside (buffers). */
  readonly heldBytes: number;
  /** How long turns of the event loop took since the last sample, where it is watched. */
  readonly turns?: Turns;
}

export interface Turns {
  readonly longestMs: number;
  readonly p99Ms: number;
}

/** Where the server's main thread spent its time, by function, the longest first. */
export type Profile = readonly ProfileLine[];

export interface ProfileLine {
  readonly name: string;
  /** File and line, for what is JavaScript. */
  readonly at: string;
  /** In the function itself, without what it calls. */
  readonly selfMs: number;
}

/** Bench → load: run one scenario against one peer. Answered by one `Outcome`. */
export interface RunRequest {
  readonly scenario: string;
  readonly peer: string;
  readonly quick: boolean;
  /** Whether to take a profile of the server while it is measured. */
  readonly profile?: boolean;
}

export interface Run {
  readonly measurement: Measurement;
  readonly profile?: Profile;
}

export type Outcome = Run | { readonly error: string };

import type { Codec } from '@callboard/protocol';
import type { Logger } from '@callboard/runtime';
import type { VerifyClient } from './api.ts';
import type { Clock } from './clock.ts';
import type { StreamLog } from './streams/log.ts';

declare const provided: unique symbol;
/** Names something that a server's container holds, and its type. */
export type Token<T> = symbol & { readonly [provided]?: T };

export function createToken<T>(name: string): Token<T> {
  return Symbol(name);
}

/** What a server stands on: an application may provide its own of each. */
export const tokens = {
  /** Default: the system's. */
  clock: createToken<Clock>('callboard.clock'),
  /** Default: the console. */
  logger: createToken<Logger>('callboard.logger'),
  /** Default: in memory. */
  streamLog: createToken<StreamLog>('callboard.streamLog'),
  /** Default: JSON. */
  codec: createToken<Codec>('callboard.codec'),
  /** Default: the option `verifyClient`. */
  verifier: createToken<VerifyClient>('callboard.verifier'),
} as const;

export interface Provision<T = unknown> {
  readonly token: Token<T>;
  readonly value: T;
}

/** For the option `provide`: `value` stands for `token` in this server. */
export function provide<T>(token: Token<T>, value: NoInfer<T>): Provision {
  return { token, value };
}

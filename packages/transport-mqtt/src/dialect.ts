import type { Disconnect } from '@callboard/protocol';
import type { Decoder } from './decoder.ts';
import type { Framings } from './framings.ts';
import { mqtt311 } from './mqtt-311.ts';

/** Why a connection is not taken. */
export type Refusal = 'version' | 'client id' | 'unavailable' | 'credentials' | 'not authorized';

/** What the versions of the protocol say differently. */
export interface Dialect {
  readonly decoder: Decoder;
  /** Of publications. */
  readonly framings: Framings;
  accepted(sessionPresent: boolean): Buffer;
  refused(why: Refusal): Buffer;
  /** @param granted the QoS, or undefined where it was refused, of each filter. */
  subscribed(messageId: number, granted: readonly (number | undefined)[]): Buffer;
  /** @param had of each filter. */
  unsubscribed(messageId: number, had: readonly boolean[]): Buffer;
  published(messageId: number): Buffer;
  /** The last word, where there is one. */
  disconnected(disconnect: Disconnect): Buffer | undefined;
}

/** The one place that knows which versions there are. */
export function dialectOf(protocolVersion: number | undefined): Dialect | undefined {
  return protocolVersion === 4 ? mqtt311 : undefined;
}

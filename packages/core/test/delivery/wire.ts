import type { Position } from '@callboard/protocol';
import type { Gap } from '../../src/streams/recovery.ts';

/** The frames of PROTOCOL.md that the promise rests on, with the fields that it rests on. */
export type Up =
  | { op: 'connect'; resume?: { session: string; position: Position; mid: number } }
  | { op: 'call'; mid: number; settled: number; selection: { only?: string; exclude?: string } }
  | { op: 'pong'; settled: number };

export type Down =
  | { op: 'connected'; session: string; clientId: string; resumed: boolean; position: Position }
  | { op: 'message'; offset: number; body: string }
  | ({ op: 'gap' } & Omit<Gap, 'stream'>)
  | { op: 'reply'; mid: number; result: string }
  | { op: 'error'; mid: number; code: string; retryable: boolean }
  | { op: 'ping'; offset: number };

/** One connection: what is in flight each way, and which of the two ends still believes in it. */
export class Wire {
  /** Whose it is: names the effects of its requests. */
  readonly name: string;
  readonly up: Up[] = [];
  readonly down: Down[] = [];
  clientOpen = true;
  serverOpen = true;

  constructor(name: string) {
    this.name = name;
  }

  cutAtClient(): void {
    this.clientOpen = false;
    this.down.length = 0;
  }

  cutAtServer(): void {
    this.serverOpen = false;
    this.up.length = 0;
  }
}

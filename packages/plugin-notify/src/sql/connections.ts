import type { Socket } from 'node:net';

/** Of a database server. */
export interface Connections {
  /** At most so many at a time. Default 8. */
  readonly connections?: number;
  /**
   * One that has said nothing for so long is given up, in milliseconds: a network that swallows everything would leave the store waiting for
   * a quarter of an hour. Longer than any statement takes. Default 60,000.
   */
  readonly silentMs?: number;
}

export const defaults = { connections: 8, silentMs: 60_000 } as const;

/** Ends a socket that is silent. */
export function notSilent(socket: Socket, ms: number): Socket {
  return socket.setTimeout(ms, () => socket.destroy(new Error('the database has been silent for too long')));
}

import type { Socket } from 'node:net';
import type { Clock, Expected } from '@callboard/core';

interface Handshake {
  readonly socket: Socket;
  readonly expected: Expected;
  readonly timer: unknown;
}

/** TLS handshakes that are not done: so many, and none for longer than it may take. */
export class Handshakes {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #max: number;
  /** By the ends of their connections, as `node:tls` does not say whose socket became secure; the oldest first. */
  readonly #byEnds = new Map<string, Handshake>();

  constructor(clock: Clock, timeoutMs: number, max: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#max = max;
  }

  /** Where there are too many, the one that takes longest gives way: who means it is done soon. */
  begin(socket: Socket, expected: Expected): void {
    const ends = endsOf(socket);
    // From the first byte to the last: `handshakeTimeout` of Node.js is one of silence.
    const timer = this.#clock.setTimeout(() => socket.destroy(), this.#timeoutMs);
    this.#byEnds.set(ends, { socket, expected, timer });
    socket.once('close', () => {
      if (this.#byEnds.get(ends)?.socket === socket) this.#forget(ends);
      expected.over();
    });
    if (this.#byEnds.size <= this.#max) return;
    const [[oldest, { socket: slowest }]] = this.#byEnds as unknown as [[string, Handshake]];
    this.#forget(oldest);
    slowest.destroy();
  }

  /** It is done. Gives what the socket was counted by. */
  done(secure: Socket): Expected | undefined {
    return this.#forget(endsOf(secure))?.expected;
  }

  #forget(ends: string): Handshake | undefined {
    const handshake = this.#byEnds.get(ends);
    this.#clock.clearTimeout(handshake?.timer);
    this.#byEnds.delete(ends);
    return handshake;
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Connection, ConnectionEvents } from '@callboard/core';
import { refuse } from './answer.ts';
import { Down, type Times } from './down.ts';
import { eventFraming } from './framing.ts';
import { type Goodbye, Up } from './up.ts';

export interface HttpConnectionOptions {
  readonly clock: Clock;
  readonly times: Times;
  readonly maxBodyBytes: number;
  /** It is no more. */
  readonly forget: () => void;
}

/** One connection: a way up and a way down, and how it ends. */
export class HttpConnection implements Connection {
  readonly framing = eventFraming;
  readonly #up: Up;
  readonly #down: Down;
  readonly #forget: () => void;
  #events: ConnectionEvents | undefined;
  #farewell: Goodbye | undefined;
  #over = false;

  constructor({ clock, times, maxBodyBytes, forget }: HttpConnectionOptions) {
    this.#forget = forget;
    this.#up = new Up(
      {
        isOpen: () => this.#isOpen,
        received: (text, bytes) => this.#events?.received(text, bytes),
        malformed: (reason) => this.#events?.malformed(reason),
        goodbye: ({ code, reason }) => {
          this.#down.quit();
          this.#end(code, reason);
        },
      },
      maxBodyBytes,
    );
    this.#down = new Down(clock, times, {
      lost: () => this.terminate(),
      ended: () => this.#end(this.#farewell?.code ?? LOST, this.#farewell?.reason ?? ''),
    });
  }

  begin(events: ConnectionEvents): void {
    this.#events = events;
  }

  get bufferedBytes(): number {
    return this.#down.bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isOpen) this.#down.write(bytes);
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#farewell = { code, reason };
    this.#down.close(code, reason);
  }

  terminate(): void {
    this.#down.destroy();
    this.#end(LOST, '');
  }

  /** A GET; `poll`: its number, where it is one. */
  get(response: ServerResponse, poll: number | undefined): void {
    const refused = poll === undefined ? this.#down.stream(response) : this.#down.poll(poll, response);
    if (refused !== undefined) refuse(response, refused);
  }

  post(request: IncomingMessage, response: ServerResponse, first: number, goodbye?: Goodbye): void {
    this.#up.post(request, response, first, goodbye);
  }

  get #isOpen(): boolean {
    return !this.#over && this.#farewell === undefined;
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    this.#up.end();
    this.#events?.closed(code, reason);
  }
}

/** Nobody said why. */
const LOST = 1006;

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNothing, refuse } from './answer.ts';
import { linesOf, readBody } from './body.ts';

/** Who gets what comes up. */
export interface UpOwner {
  /** Whether it still wants anything. */
  isOpen(): boolean;
  received(text: string, bytes: number): void;
  malformed(reason: string): void;
  /** The client said that it goes. */
  goodbye(goodbye: Goodbye): void;
}

/** A client's last word: a close code, and why. */
export interface Goodbye {
  readonly code: number;
  readonly reason: string;
}

/** What comes up, one POST at a time. Frames are numbered, so a POST may be repeated (PROTOCOL.md, "Frames up"). */
export class Up {
  readonly #owner: UpOwner;
  readonly #maxBodyBytes: number;
  /** The number of the last frame that was taken. */
  #taken = 0;
  /** Gives up the POST that is being read, with this answer. */
  #giveUp: ((code: 'SUPERSEDED' | 'UNKNOWN_CONNECTION') => void) | undefined;

  constructor(owner: UpOwner, maxBodyBytes: number) {
    this.#owner = owner;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** @param first the number of the body's first frame */
  post(request: IncomingMessage, response: ServerResponse, first: number, goodbye?: Goodbye): void {
    if (first > this.#taken + 1) return refuse(response, 'OUT_OF_SEQUENCE');
    // The older one may hang on a link that is dead, and the client has begun anew.
    this.#giveUp?.('SUPERSEDED');
    const stop = readBody(request, this.#maxBodyBytes, (body) => {
      this.#giveUp = undefined;
      if (body === undefined) return;
      if (typeof body === 'string') return refuse(response, body);
      if (!isUtf8(body)) {
        refuse(response, 'MALFORMED_BODY');
        return this.#owner.malformed('a body that is not UTF-8');
      }
      this.#take(body, first);
      answerNothing(response);
      if (goodbye !== undefined) this.#owner.goodbye(goodbye);
    });
    if (response.headersSent) return;
    this.#giveUp = (code) => {
      this.#giveUp = undefined;
      stop();
      response.once('finish', () => request.destroy());
      refuse(response, code);
    };
  }

  /** The connection is over. */
  end(): void {
    this.#giveUp?.('UNKNOWN_CONNECTION');
  }

  #take(body: Buffer, first: number): void {
    let number = first;
    for (const line of linesOf(body)) {
      if (number > this.#taken) {
        this.#taken = number;
        if (this.#owner.isOpen()) this.#owner.received(line.toString(), line.length);
      }
      number++;
    }
  }
}

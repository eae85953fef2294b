import type { ServerResponse } from 'node:http';
import type { Clock } from '@callboard/core';
import { type refusals, refuse, uncached } from './answer.ts';
import { COMMENT, closeEvent, endOfPoll } from './framing.ts';

/** How long things take, in milliseconds. */
export interface Times {
  /** Between two comments in a stream. */
  readonly heartbeatMs: number;
  /** The longest that a poll waits for frames. */
  readonly pollMs: number;
  /** Without a GET for so long a connection is lost. */
  readonly lostMs: number;
}

export interface DownOwner {
  /** Nobody reads any more. */
  lost(): void;
  /** The last event has been sent. */
  ended(): void;
}

type Refused = keyof typeof refusals | undefined;

/** What goes down: in a stream, or in the answers to polls, each of which confirms the one before. */
export class Down {
  readonly #clock: Clock;
  readonly #times: Times;
  readonly #owner: DownOwner;
  /** The GET that is open, or whose answer is being written. */
  #response: ServerResponse | undefined;
  #kind: 'none' | 'stream' | 'poll' = 'none';
  /** The poll waits for its answer. */
  #pending = false;
  /** The stream has brought frames. What became of them nobody knows, if it breaks. */
  #carried = false;
  /** The number of the last poll. */
  #poll = 0;
  /** What waits for a GET. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** What the last poll was answered with: it is sent again, unless the next one confirms it. */
  #unconfirmed: Uint8Array[] = [];
  /** The last event is written, or waits. */
  #closing = false;
  #over = false;
  #timer: unknown;

  constructor(clock: Clock, times: Times, owner: DownOwner) {
    this.#clock = clock;
    this.#times = times;
    this.#owner = owner;
    this.#wait(times.lostMs, () => owner.lost());
  }

  get bufferedBytes(): number {
    return this.#waitingBytes + (this.#response?.writableLength ?? 0);
  }

  /** Gives why it is refused. */
  stream(response: ServerResponse): Refused {
    if (this.#poll > 0) return 'OUT_OF_SEQUENCE';
    if (this.#streamLost()) return 'STREAM_LOST';
    this.#attach(response, 'stream');
    response.writeHead(200, { ...uncached, 'content-type': EVENTS, 'x-accel-buffering': 'no' });
    response.write(COMMENT);
    this.#beat(response);
    const waiting = this.#takeWaiting();
    for (const bytes of waiting) this.#writeTo(response, bytes);
    if (this.#closing) response.end();
    return undefined;
  }

  /** Gives why it is refused. */
  poll(number: number, response: ServerResponse): Refused {
    if (number !== this.#poll && number !== this.#poll + 1) return 'OUT_OF_SEQUENCE';
    if (this.#streamLost()) return 'STREAM_LOST';
    this.#attach(response, 'poll');
    if (number === this.#poll) this.#putBack();
    this.#unconfirmed = [];
    this.#poll = number;
    this.#pending = true;
    if (this.#waiting.length > 0) this.#answer();
    else this.#wait(this.#times.pollMs, () => this.#answer());
    return undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.#kind === 'stream' && this.#response !== undefined) return this.#writeTo(this.#response, bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    // All that is written in this turn goes into one answer.
    if (this.#pending && this.#waiting.length === 1) this.#clock.endOfTurn(() => this.#answer());
  }

  /** The last event goes out after all that waits. */
  close(code: number, reason: string): void {
    this.write(closeEvent(code, reason));
    this.#closing = true;
    if (this.#kind === 'stream') this.#response?.end();
  }

  /** The client is gone of its own will: whatever it still reads ends. */
  quit(): void {
    const response = this.#response;
    if (this.#pending) this.#answer();
    this.#end();
    response?.end();
  }

  /** Ends at once, in the middle of whatever it is. */
  destroy(): void {
    const response = this.#response;
    this.#end();
    response?.destroy();
  }

  #end(): void {
    this.#over = true;
    this.#pending = false;
    this.#response = undefined;
    this.#takeWaiting();
    this.#unconfirmed = [];
    this.#clock.clearTimeout(this.#timer);
  }

  /** A client with a stream that works asks for no other: frames are lost, and so is the connection. */
  #streamLost(): boolean {
    if (this.#carried) this.#owner.lost();
    return this.#carried;
  }

  /** The newer GET wins. */
  #attach(response: ServerResponse, kind: 'stream' | 'poll'): void {
    const older = this.#response;
    this.#response = response;
    this.#kind = kind;
    response.on('close', () => this.#closed(response));
    if (older === undefined) return;
    if (!older.headersSent) refuse(older, 'SUPERSEDED');
    // On one and the same socket the older answer is as good as written.
    else if (older.socket !== response.socket) older.destroy();
  }

  #writeTo(response: ServerResponse, bytes: Uint8Array): void {
    this.#carried = true;
    if (!response.destroyed) response.write(bytes);
  }

  #beat(response: ServerResponse): void {
    this.#wait(this.#times.heartbeatMs, () => {
      if (!response.writableEnded) response.write(COMMENT);
      this.#beat(response);
    });
  }

  #answer(): void {
    if (!this.#pending || this.#response === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    this.#pending = false;
    this.#unconfirmed = this.#takeWaiting();
    const body = Buffer.concat([...this.#unconfirmed, endOfPoll(this.#poll)]);
    this.#response.writeHead(200, { ...uncached, 'content-type': EVENTS, 'content-length': body.length });
    this.#response.end(body);
  }

  /** A GET is over, however that came about. */
  #closed(response: ServerResponse): void {
    if (this.#over || this.#response !== response) return;
    this.#response = undefined;
    this.#pending = false;
    const last = this.#closing && this.#waiting.length === 0 && response.writableFinished;
    if (last) {
      this.#end();
      this.#owner.ended();
    } else this.#wait(this.#carried ? GOODBYE_MS : this.#times.lostMs, () => this.#owner.lost());
  }

  #takeWaiting(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return waiting;
  }

  #putBack(): void {
    for (const bytes of this.#unconfirmed) this.#waitingBytes += bytes.byteLength;
    this.#waiting = [...this.#unconfirmed, ...this.#waiting];
  }

  /** One thing at a time is waited for. */
  #wait(ms: number, then: () => void): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(then, ms);
  }
}

const EVENTS = 'text/event-stream';
/** A page that is closed ends its stream before its goodbye gets here. */
const GOODBYE_MS = 500;

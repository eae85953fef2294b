import { SUBPROTOCOL } from '@callboard/protocol';
import type { Timers } from '@callboard/runtime';
import { EventReader } from './http-events.ts';
import { Outgoing } from './http-outgoing.ts';
import type { ClientConnection, ClientConnectionEvents } from './transport.ts';

export interface HttpConnectionOptions {
  readonly url: string;
  readonly timers: Timers;
  readonly fetch: typeof globalThis.fetch;
  readonly events: ClientConnectionEvents;
  /** Whether streams are worth a try. */
  readonly streams: boolean;
  /** They were not: something on the way holds them back. */
  readonly heldBack: () => void;
}

/** One connection: GETs bring frames, POSTs take them, one of each at a time. */
export class HttpConnection implements ClientConnection {
  readonly #options: HttpConnectionOptions;
  readonly #reader: EventReader;
  readonly #outgoing = new Outgoing();
  /** Ends all requests but the goodbye, which outlives a page. */
  readonly #requests = new AbortController();
  /** Ends the POST that is open. */
  #post = new AbortController();
  readonly #timers = new Set<unknown>();
  /** The connection's name, once it has one. */
  #name = '';
  #isOpen = false;
  #posting = false;
  #leaving = false;
  #over = false;

  constructor(options: HttpConnectionOptions) {
    this.#options = options;
    this.#reader = new EventReader({
      frame: (text) => {
        if (!this.#isLeaving) options.events.received(text);
      },
      close: (code, reason) => this.#end(code, reason),
    });
    this.#run().catch(() => this.#lost());
  }

  send(text: string): void {
    if (!this.#isOpen || this.#isLeaving) return;
    this.#outgoing.push(text);
    if (!this.#posting) void this.#flush();
  }

  close(code: number, reason: string): void {
    if (this.#isLeaving) return;
    if (!this.#isOpen) return this.#end(LOST);
    this.#leaving = true;
    // All that it had goes along with the goodbye.
    this.#post.abort();
    this.#goodbye(code, reason).then(
      () => this.#end(code, reason),
      () => this.#end(LOST),
    );
  }

  drop(): void {
    this.#end(LOST);
  }

  async #run(): Promise<void> {
    await this.#opens();
    if (this.#options.streams && !this.#over && (await this.#stream())) return this.#lost();
    this.#opened();
    for (let poll = 1; !this.#isLeaving; poll++) {
      const text = await this.#insist(() => this.#poll(poll));
      if (text !== undefined) this.#reader.read(text);
    }
  }

  /** Has the server give us a connection. */
  async #opens(): Promise<void> {
    const response = await this.#ask({ method: 'POST' });
    if (response.status !== 201) return this.#end(...(await refusal(response)));
    const { protocol, connection, maxBodyBytes } = await response.json();
    this.#name = connection;
    this.#outgoing.maxBytes = maxBodyBytes;
    if (protocol !== SUBPROTOCOL) this.#end(1002, 'another protocol');
  }

  /** Until the stream ends; false where none got through. */
  async #stream(): Promise<boolean> {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    this.#requests.signal.addEventListener('abort', giveUp);
    const timer = this.#after(GREETING_MS, () => {
      this.#options.heldBack();
      giveUp();
    });
    try {
      const response = await this.#ask({ signal: attempt.signal });
      const body = response.status === 200 ? response.body?.getReader() : undefined;
      const decoder = new TextDecoder();
      for (let got = await body?.read(); got !== undefined && !got.done; got = await body?.read()) {
        this.#cancel(timer);
        this.#opened();
        this.#reader.read(decoder.decode(got.value, { stream: true }));
      }
    } catch {
      // It was held back, or broke: whether it had begun says which.
    }
    this.#cancel(timer);
    giveUp();
    return this.#isOpen;
  }

  /** The answer's events. */
  async #poll(poll: number): Promise<string | undefined> {
    const response = await this.#ask({ headers: { 'callboard-poll': String(poll) } });
    if (response.status !== 200) {
      if (!passes(response.status)) this.#lost();
      return undefined;
    }
    const text = await response.text();
    // Otherwise it was cut off, or is no answer to this poll.
    return text.endsWith(`:${poll}\n\n`) ? text : undefined;
  }

  /** Sends what waits, body after body, and what comes meanwhile. */
  async #flush(): Promise<void> {
    this.#posting = true;
    // What is sent in one turn goes together.
    await undefined;
    while (!this.#outgoing.empty && !this.#isLeaving) await this.#insist(() => this.#send());
    this.#posting = false;
  }

  async #send(): Promise<true | undefined> {
    const { first, body, count } = this.#outgoing.next();
    this.#post = new AbortController();
    const headers = { 'callboard-frame': String(first) };
    const { status } = await this.#ask({ method: 'POST', headers, body, signal: this.#post.signal });
    if (status === 204) {
      this.#outgoing.taken(count);
      return true;
    }
    if (passes(status)) return undefined;
    if (status === 413) this.#end(1009);
    else this.#after(LAST_WORD_MS, () => this.#lost());
    // It is over, then: nothing more is sent. The server has closed it, perhaps, and the GET brings the code.
    return new Promise(() => {});
  }

  async #goodbye(code: number, reason: string): Promise<void> {
    for (let last = false; !last; ) {
      const { first, body, count, all } = this.#outgoing.next();
      last = all;
      const headers = {
        'callboard-frame': String(first),
        ...(last && { 'callboard-close': `${code} ${encodeURIComponent(reason)}`.trim() }),
      };
      // Browsers send so much even when the page is gone.
      const keepalive = body.length < 16_000;
      await this.#ask({ method: 'POST', headers, body, keepalive, signal: null });
      this.#outgoing.taken(count);
    }
  }

  /** What the attempt gives; undefined is in vain. Five times in vain, and the link is lost. */
  async #insist<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
    for (let waitMs = 250; !this.#isLeaving; waitMs *= 2) {
      const outcome = await attempt().catch(() => undefined);
      if (outcome !== undefined) return outcome;
      if (waitMs > 4_000) this.#lost();
      if (!this.#isLeaving) await new Promise<void>((resolve) => void this.#after(waitMs, resolve));
    }
    return undefined;
  }

  #ask(init: RequestInit): Promise<Response> {
    return this.#options.fetch(this.#options.url, {
      cache: 'no-store',
      credentials: 'include',
      redirect: 'error',
      signal: this.#requests.signal,
      ...init,
      headers: { ...init.headers, ...(this.#name && { 'callboard-connection': this.#name }) },
    });
  }

  get #isLeaving(): boolean {
    return this.#over || this.#leaving;
  }

  /** Unless it goes by itself: then the goodbye says how it ends. */
  #lost(): void {
    if (!this.#leaving) this.#end(LOST);
  }

  #opened(): void {
    if (this.#isOpen || this.#isLeaving) return;
    this.#isOpen = true;
    this.#options.events.opened();
  }

  #end(code: number, reason = ''): void {
    if (this.#over) return;
    this.#over = true;
    this.#requests.abort();
    this.#post.abort();
    for (const timer of this.#timers) this.#options.timers.clearTimeout(timer);
    // Nothing is told within the call that caused it.
    queueMicrotask(() => this.#options.events.closed(code, reason));
  }

  #after(ms: number, task: () => void): unknown {
    const timer = this.#options.timers.setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: unknown): void {
    this.#options.timers.clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

/** Why no connection was opened: for good where the server says so, and then by which code. */
async function refusal(response: Response): Promise<[code: number, reason: string]> {
  if (response.status < 400 || passes(response.status)) return [LOST, ''];
  const body = await response.json().catch(() => undefined);
  const code: unknown = body?.error?.code;
  return [1002, typeof code === 'string' ? code : `HTTP ${response.status}`];
}

/** It may be another one next time. */
const passes = (status: number) => status >= 500 || status === 429;

/** Nobody said why. */
const LOST = 1006;
/** For the first bytes of a stream. */
const GREETING_MS = 3_000;
const LAST_WORD_MS = 1_000;

import { type Awaitable, type Logger, type Timers, whenReady } from '@callboard/runtime';
import { LONGEST_MS } from './longest.ts';
import type { ClientOptions } from './options.ts';

export interface CredentialsHost {
  readonly timers: Timers;
  readonly logger: Logger;
  /** Gives the server a new token, on the connection that there is. */
  refresh(token: string): Promise<void>;
}

/** What proves who the client is, now and later. */
export class Credentials {
  #given: ClientOptions['token'];
  readonly #host: CredentialsHost;
  #renewal: unknown;
  #used: string | undefined;

  constructor(given: ClientOptions['token'], host: CredentialsHost) {
    this.#given = given;
    this.#host = host;
  }

  /** The token for a new connection. Throws, or rejects, where the application's function does. */
  token(): Awaitable<string | undefined> {
    if (typeof this.#given === 'function') return this.#given();
    this.#used = this.#given;
    return this.#used;
  }

  /** The application has given no other token than the one that was used last. */
  get exhausted(): boolean {
    return typeof this.#given !== 'function' && this.#given === this.#used;
  }

  /** The application has a new one. Where it gave a function, that will know by itself. */
  replace(token: string): void {
    if (typeof this.#given !== 'function') this.#given = token;
  }

  /** Where the application can make tokens, the server is given a new one before the last one expires. */
  renewBefore(expiresAtMs: number | undefined): void {
    this.rest();
    const { timers, logger, refresh } = this.#host;
    const given = this.#given;
    if (expiresAtMs === undefined || typeof given !== 'function') return;
    const leftMs = expiresAtMs - timers.now();
    // All but over, or a clock that is wrong: asked again and again, that would not end. The server closes when it is over.
    if (!(leftMs > MIN_WAIT_MS)) return;
    const inMs = Math.max(MIN_WAIT_MS, leftMs - Math.min(MAX_LEAD_MS, leftMs / 5));
    const failed = (cause: unknown) => logger.warn('the token could not be refreshed', { cause });
    const renew = (token: string | undefined) => {
      if (token !== undefined) refresh(token).catch(failed);
    };
    this.#renewal = timers.setTimeout(() => whenReady(given, renew, failed), Math.min(inMs, LONGEST_MS));
  }

  /** There is no connection to refresh anything on. */
  rest(): void {
    this.#host.timers.clearTimeout(this.#renewal);
  }
}

/** A token is renewed a fifth of its time before it expires, at most so long before, and not sooner than that. */
const MAX_LEAD_MS = 60_000;
const MIN_WAIT_MS = 5_000;

import { frameLimits, nativeEvents, type ReplyError } from '@callboard/protocol';
import type { Timers } from '@callboard/runtime';
import { LONGEST_MS } from './longest.ts';
import type { RequestBody } from './requests.ts';
import type { SendError } from './send-error.ts';

export interface NativeEventsHost {
  readonly timers: Timers;
  /** The types that somebody subscribed to; only some of them are native events. */
  wanted(): readonly string[];
  request(body: RequestBody): Promise<unknown>;
}

/** Has the server send the native events that somebody subscribed to, and no others. */
export class NativeEvents {
  readonly #host: NativeEventsHost;
  /** Those that this server has, and those that the session has been given. */
  #known: ReadonlySet<string> = own;
  #asked: ReadonlySet<string> = new Set();
  #online = false;
  #again: unknown;
  /** Counts sessions: what failed in another one is asked for anew anyway. */
  #session = 0;

  constructor(host: NativeEventsHost) {
    this.#host = host;
  }

  /** There is a connection. @param added what the server's plugins add. */
  begin(added: readonly string[], resumed: boolean): void {
    this.#online = true;
    this.#known = new Set([...own, ...added]);
    if (!resumed) {
      this.#asked = new Set();
      this.#session++;
    }
    this.update();
  }

  rest(): void {
    this.#online = false;
    this.#host.timers.clearTimeout(this.#again);
  }

  /** Who subscribes to what has changed. A client follows its user's status whoever does. */
  update(): void {
    if (!this.#online) return;
    const wanted = new Set(['STATUS_CHANGE', ...this.#host.wanted()].filter((type) => this.#known.has(type)));
    const missing = [...wanted].filter((type) => !this.#asked.has(type));
    const unwanted = [...this.#asked].filter((type) => !wanted.has(type));
    this.#asked = wanted;
    this.#ask('subscribe', missing);
    this.#ask('unsubscribe', unwanted);
  }

  /** A round trip that changes nothing. */
  probe(): void {
    this.#ask('subscribe', ['STATUS_CHANGE']);
  }

  #ask(op: 'subscribe' | 'unsubscribe', types: readonly string[]): void {
    const session = this.#session;
    for (let i = 0; i < types.length; i += frameLimits.maxEvents) {
      const events = types.slice(i, i + frameLimits.maxEvents);
      this.#host.request({ op, events }).catch(({ error }: SendError) => {
        const open = error.retryable || error.code === 'OUTCOME_UNKNOWN';
        if (open && session === this.#session) this.#failed(op, events, error);
      });
    }
  }

  /**
   * Counts as not done, and what lacks then is asked for anew, now or in the next connection. The same again would not
   * do, as other types may be wanted by then.
   */
  #failed(op: 'subscribe' | 'unsubscribe', events: readonly string[], { retryAfterMs }: ReplyError): void {
    const asked = new Set(this.#asked);
    for (const type of events) {
      if (op === 'subscribe') asked.delete(type);
      else asked.add(type);
    }
    this.#asked = asked;
    if (!this.#online) return;
    const { timers } = this.#host;
    timers.clearTimeout(this.#again);
    this.#again = timers.setTimeout(() => this.update(), Math.min(retryAfterMs ?? AGAIN_MS, LONGEST_MS));
  }
}

/** Before it asks again, where the server does not say when. */
const AGAIN_MS = 1_000;

const own: ReadonlySet<string> = new Set(Object.values(nativeEvents).flat());

import type { AnnouncedLimits, AnyAction, RequestFrame } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { type RequestBody, type RequestOptions, Requests } from '../src/requests.ts';
import { SendError } from '../src/send-error.ts';
import { limits } from './scripted-transport.ts';

export const SESSION_MS = limits.requestTimeoutMs + limits.resumeWindowMs;

/** The requests of a client, with everything else played by the test. */
export class RequestsStage {
  readonly clock = new SimulatedClock();
  readonly requests: Requests;
  /** Calls that were answered: the action and its result. */
  readonly replied: [AnyAction, unknown][] = [];
  /** What happens as soon as something is written. */
  onWrite: () => void = () => {};
  readonly #texts: string[] = [];
  #taken = 0;

  constructor({ maxQueued = 1_000 } = {}) {
    this.requests = new Requests({
      timers: this.clock,
      maxQueued,
      write: (text) => {
        this.#texts.push(text);
        this.onWrite();
      },
      replied: (action, result) => void this.replied.push([action, result]),
    });
  }

  /** A connection is there: of the same session, unless `generation` says another. */
  begin(announced: Partial<AnnouncedLimits> = {}, generation = 1): void {
    this.requests.begin({ ...limits, ...announced }, generation);
  }

  add(body: RequestBody, options: Partial<RequestOptions> = {}): Promise<unknown> {
    const promise = this.requests.add(body, { timeoutMs: 35_000, resend: false, ...options });
    // Who looks at it later must not make it unhandled until then.
    promise.catch(() => {});
    return promise;
  }

  call(n: unknown = 0, options?: Partial<RequestOptions>): Promise<unknown> {
    return this.add({ op: 'call', action: { type: 'A', n } }, options);
  }

  /** What was written since this was asked last. */
  take(): RequestFrame[] {
    const fresh = this.#texts.slice(this.#taken);
    this.#taken = this.#texts.length;
    return fresh.map((text) => JSON.parse(text) as RequestFrame);
  }

  takeMids(): number[] {
    return this.take().map(({ mid }) => mid);
  }

  reply(mid: number, result?: unknown): void {
    this.requests.answered({ op: 'reply', mid, result });
  }

  error(mid: number, code: string, retryable = false): void {
    this.requests.answered({ op: 'error', mid, code, message: code, retryable });
  }
}

/** How a promise stands: `pending`, what it resolved with, or the code and effect that it was rejected with. */
export async function standing(promise: Promise<unknown>): Promise<unknown> {
  const pending = Symbol('pending');
  // A promise that has settled wins against one that takes longer to.
  const later = new Promise<unknown>((resolve) => setImmediate(resolve, pending));
  try {
    const outcome = await Promise.race([promise, later]);
    return outcome === pending ? 'pending' : { result: outcome };
  } catch (error) {
    if (!(error instanceof SendError)) throw error;
    return `${error.code}, effect ${error.effect}`;
  }
}

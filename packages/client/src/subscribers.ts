import { type Logger, whenReady } from '@callboard/runtime';
import type { Delivery, Unsubscribe } from './api.ts';

type Callback = (payload: never, delivery: Delivery) => unknown;
/** One call of `subscribe`: the same callback may subscribe twice. */
interface Subscriber {
  readonly callback: Callback;
}

/** Who wants to be called back for which type, or which channel. */
export class Subscribers {
  readonly #logger: Logger;
  readonly #changed: (type: string) => void;
  readonly #byType = new Map<string, Set<Subscriber>>();

  /** @param changed the first subscriber of a type came, or the last one left. */
  constructor(logger: Logger, changed: (type: string) => void) {
    this.#logger = logger;
    this.#changed = changed;
  }

  get types(): readonly string[] {
    return [...this.#byType.keys()];
  }

  has(type: string): boolean {
    return this.#byType.has(type);
  }

  add(type: string, callback: Callback): Unsubscribe {
    const subscriber = { callback };
    const subscribers = this.#byType.get(type) ?? new Set();
    subscribers.add(subscriber);
    if (subscribers.size === 1) {
      this.#byType.set(type, subscribers);
      this.#changed(type);
    }
    return () => {
      if (!subscribers.delete(subscriber) || subscribers.size > 0) return;
      this.#byType.delete(type);
      this.#changed(type);
    };
  }

  /** Ends all subscriptions to a type. */
  clear(type: string): void {
    this.#byType.get(type)?.clear();
    if (this.#byType.delete(type)) this.#changed(type);
  }

  /** Those who unsubscribe meanwhile are not called; those who subscribe meanwhile are called from the next one on. */
  tell(type: string, payload: unknown, delivery?: Delivery): void {
    const subscribers = this.#byType.get(type);
    if (subscribers === undefined) return;
    const failed = (cause: unknown) => this.#logger.error('a subscriber failed', { type, cause });
    for (const subscriber of [...subscribers]) {
      if (!subscribers.has(subscriber)) continue;
      // Also later: one may be an async function.
      whenReady(
        () => subscriber.callback(payload as never, delivery as Delivery),
        () => {},
        failed,
      );
    }
  }
}

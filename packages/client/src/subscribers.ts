import { type Logger, whenReady } from '@callboard/runtime';
import type { Delivery, Unsubscribe } from './api.ts';

type Callback = (payload: never, delivery: Delivery) => unknown;
/** One call of `subscribe`: the same callback may subscribe twice. */
interface Subscriber {
  readonly callback: Callback;
}

/** Who wants to be called back for which type. */
export class Subscribers {
  readonly #logger: Logger;
  readonly #changed: () => void;
  readonly #byType = new Map<string, Set<Subscriber>>();

  /** @param changed the first subscriber of a type came, or the last one left. */
  constructor(logger: Logger, changed: () => void) {
    this.#logger = logger;
    this.#changed = changed;
  }

  get types(): readonly string[] {
    return [...this.#byType.keys()];
  }

  add(type: string, callback: Callback): Unsubscribe {
    const subscriber = { callback };
    const subscribers = this.#byType.get(type) ?? new Set();
    subscribers.add(subscriber);
    if (subscribers.size === 1) {
      this.#byType.set(type, subscribers);
      this.#changed();
    }
    return () => {
      if (!subscribers.delete(subscriber) || subscribers.size > 0) return;
      this.#byType.delete(type);
      this.#changed();
    };
  }

  /** Those who unsubscribe meanwhile are not called; those who subscribe meanwhile are called from the next one on. */
  tell(type: string, payload: unknown, delivery: Delivery): void {
    const subscribers = this.#byType.get(type);
    if (subscribers === undefined) return;
    const failed = (cause: unknown) => this.#logger.error('a subscriber failed', { type, cause });
    for (const subscriber of [...subscribers]) {
      if (!subscribers.has(subscriber)) continue;
      // Also later: one may be an async function.
      whenReady(
        () => subscriber.callback(payload as never, delivery),
        () => {},
        failed,
      );
    }
  }
}

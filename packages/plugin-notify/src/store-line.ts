import type { Clock, Logger } from '@callboard/core';
import type { NotifyStore } from './store.ts';

/** The store did not do it, or not in time: whether it took effect is not known. */
export class StoreGone extends Error {
  override readonly name = 'StoreGone';
}

export interface StoreLineHost {
  readonly store: NotifyStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** It does not answer, where it did, and the other way round. */
  lost(): void;
  back(): void;
}

/** The way to the store: opens it, waits no longer than it may, and notices when it is gone and when it is back. */
export class StoreLine {
  /** Calls that wait for their answer. */
  waiting = 0;
  /** Since the last one that succeeded. */
  failures = 0;
  readonly #host: StoreLineHost;
  #opened: Promise<void> | undefined;

  constructor(host: StoreLineHost) {
    this.#host = host;
  }

  /** @throws StoreGone */
  async call<T>(work: (store: NotifyStore) => Promise<T>): Promise<T> {
    const { store, logger } = this.#host;
    this.waiting++;
    try {
      this.#opened ??= this.#soon(Promise.resolve(store.open()));
      await this.#opened;
      const result = await this.#soon(work(store));
      if (this.failures > 0) {
        this.failures = 0;
        logger.info('the notification store is back');
        this.#host.back();
      }
      return result;
    } catch (cause) {
      this.#opened = undefined;
      if (++this.failures === 1) {
        logger.error('the notification store does not answer', { cause });
        this.#host.lost();
      }
      throw new StoreGone('the notification store does not answer', { cause });
    } finally {
      this.waiting--;
    }
  }

  async close(): Promise<void> {
    this.#opened = undefined;
    await this.#host.store.close();
  }

  #soon<T>(work: Promise<T>): Promise<T> {
    return inTime(this.#host.clock, this.#host.timeoutMs, work, 'the notification store took too long');
  }
}

/** @throws where it takes longer. */
export function inTime<T>(clock: Clock, ms: number, work: Promise<T>, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new Error(message)), ms);
    work.then(resolve, reject).finally(() => clock.clearTimeout(timer));
  });
}

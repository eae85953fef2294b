import { type Awaitable, isPromise, type Logger } from '@callboard/runtime';
import type { Clock } from '../clock.ts';
import { Feed, type ItemOf } from './feed.ts';
import type { Retention, StreamLog } from './log.ts';
import type { Pace } from './pace.ts';

/** Opens and closes feeds: one of a stream that is still being released waits for that. */
export class Feeds {
  readonly #log: StreamLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pace: Pace;
  readonly #closing = new Map<string, PromiseLike<void>>();

  constructor(log: StreamLog, clock: Clock, logger: Logger, pace: Pace) {
    this.#log = log;
    this.#clock = clock;
    this.#logger = logger;
    this.#pace = pace;
  }

  open<Item>(stream: string, itemOf: ItemOf<Item>, retention?: Retention): Awaitable<Feed<Item>> {
    const open = () => Feed.open(stream, this.#log, this.#clock, itemOf, this.#pace, retention);
    const closing = this.#closing.get(stream);
    return closing === undefined ? open() : closing.then(open);
  }

  /** Also one that is still being opened, as soon as it is. */
  close<Item>(stream: string, feed: Awaitable<Feed<Item>>): void {
    const failed = (cause: unknown) => this.#logger.warn('a stream was not released', { stream, cause });
    const close = (opened: Feed<Item>) => opened.close();
    try {
      const closed = isPromise(feed) ? feed.then(close, () => {}) : close(feed);
      if (!isPromise(closed)) return;
      const done = closed.then(undefined, failed).then(() => {
        if (this.#closing.get(stream) === done) this.#closing.delete(stream);
      });
      this.#closing.set(stream, done);
    } catch (cause) {
      failed(cause);
    }
  }
}

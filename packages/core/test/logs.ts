import type { Awaitable } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import type { Draft, Follow, Page, Retention, StreamLog } from '../src/streams/log.ts';
import { MemoryStreamLog } from '../src/streams/memory-log.ts';
import { provide, tokens } from '../src/tokens.ts';

/** A log that answers, and follows, some microtasks later. `hold` stops it altogether until it is released. */
export class SlowLog implements StreamLog {
  readonly inner: MemoryStreamLog;
  #held: Promise<void> | undefined;

  constructor(inner: MemoryStreamLog) {
    this.inner = inner;
  }

  /** What is asked from now on is answered after the returned function was called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      this.#held = undefined;
      release();
    };
  }

  open(stream: string, follow: Follow, retention?: Retention) {
    const late: Follow = (entry, epoch) => void this.#later(() => follow(entry, epoch));
    return this.#later(() => this.inner.open(stream, late, retention));
  }
  release(stream: string) {
    return this.#later(() => this.inner.release(stream));
  }
  append(stream: string, draft: Draft) {
    return this.#later(() => this.inner.append(stream, draft));
  }
  read(
    stream: string,
    after: { epoch: string; offset: number },
    maxEntries: number,
  ): Promise<Page | undefined> {
    return this.#later(() => this.inner.read(stream, after, maxEntries));
  }
  position(stream: string) {
    return this.#later(() => this.inner.position(stream));
  }

  async #later<T>(work: () => Awaitable<T>): Promise<T> {
    await this.#held;
    for (let i = 0; i < 3; i++) await undefined;
    const result = await work();
    for (let i = 0; i < 3; i++) await undefined;
    return result;
  }
}

/** Options of a harness whose streams are kept in a log that answers at once, or later. */
export function withLog(answers: 'at once' | 'later', maxEntries = 256) {
  const clock = new SimulatedClock();
  const memory = new MemoryStreamLog(clock, { maxEntries, maxLength: 100_000, ttlMs: 120_000 });
  const log = answers === 'at once' ? memory : new SlowLog(memory);
  return { memory, log, options: { clock, provide: [provide(tokens.streamLog, log)] } };
}

export const bothLogs = ['at once', 'later'] as const;

import assert from 'node:assert/strict';
import {
  type Appended,
  AppendRefused,
  type Awaitable,
  type Clock,
  type Draft,
  type Entry,
  type Follow,
  MemoryStreamLog,
  type Page,
  type Retention,
  type StreamLog,
} from '@callboard/core';
import type { Position } from '@callboard/protocol';
import type { Random } from './random.ts';

/** `prompt`: as in memory. `slow`: answers later. `refusing` and `breaking`: some appends fail, before or after their effect. */
export type Mood = (typeof moods)[number];
export const moods = ['prompt', 'slow', 'refusing', 'breaking'] as const;

/** An entry that was appended; `Body` is what its codec made of it. */
export type Noted<Body> = Omit<Entry, 'body'> &
  Body & {
    readonly stream: string;
    readonly epoch: string;
    /** Its place among all that happened. */
    readonly at: number;
  };

/**
 * The truth: what the server took for which stream, in order. Around the log in memory, with the moods that the port
 * allows a log.
 */
export class FaultyLog<Body extends object> implements StreamLog {
  mood: Mood = 'prompt';
  readonly tick: () => number;
  readonly #inner: MemoryStreamLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pinned = new Map<
    string,
    { readonly follow: Follow; readonly retention: Retention | undefined }
  >();
  /** In the order in which they began. */
  readonly #epochs = new Map<string, Noted<Body>[]>();

  readonly #lost = new Set<string>();

  constructor(clock: Clock, retention: Retention, random: Random, tick: () => number) {
    this.#inner = new MemoryStreamLog(clock, retention);
    this.#clock = clock;
    this.#random = random;
    this.tick = tick;
  }

  get size(): number {
    return this.#inner.size;
  }

  /** Position of the newest entry; undefined where the stream is not there. */
  headOf(stream: string): Position | undefined {
    return this.#inner.position(stream);
  }

  /** What a client is to see next after `position`, up to `last`. */
  next(
    { epoch, offset }: Position,
    clientId: string,
    last = Number.POSITIVE_INFINITY,
  ): Noted<Body> | undefined {
    const entries = this.#epochs.get(epoch) ?? assert.fail(`there is no epoch ${epoch}`);
    for (let i = offset; i < Math.min(entries.length, last); i++) {
      const entry = entries[i] as Noted<Body>;
      if (isFor(entry, clientId)) return entry;
    }
    return undefined;
  }

  isLater(epoch: string, than: string): boolean {
    const epochs = [...this.#epochs.keys()];
    return epochs.indexOf(epoch) > epochs.indexOf(than);
  }

  /** Whether it began because the state before was lost. */
  beganLost(epoch: string): boolean {
    return this.#lost.has(epoch);
  }

  /** The oldest entry of an epoch that can still be read; infinite where the epoch is over. */
  oldestOf(stream: string, epoch: string): number {
    const page = this.#inner.read(stream, { epoch: '', offset: 0 }, 1);
    if (page?.epoch !== epoch) return Number.POSITIVE_INFINITY;
    return page.entries[0]?.offset ?? page.head + 1;
  }

  /** The state of a stream is lost, and it begins anew. Whether there was one. */
  loseStream(stream: string): boolean {
    const pinned = this.#pinned.get(stream);
    if (pinned === undefined) return false;
    this.#inner.release(stream);
    this.#lost.add(this.#begin(stream, pinned.follow, pinned.retention).epoch);
    return true;
  }

  open(stream: string, follow: Follow, retention?: Retention): Awaitable<Position> {
    return this.#answer(() => {
      this.#pinned.set(stream, { follow, retention });
      return this.#begin(stream, follow, retention);
    });
  }

  release(stream: string): Awaitable<void> {
    return this.#answer(() => {
      this.#pinned.delete(stream);
      this.#inner.release(stream);
    });
  }

  append(stream: string, draft: Draft): Awaitable<Appended | undefined> {
    const luck = this.#random.below(4);
    return this.#answer(() => {
      if (this.mood === 'refusing' && luck < 3) throw new AppendRefused('refused');
      if (this.mood === 'breaking' && luck === 0) throw new Error('lost before it took effect');
      const appended = this.#inner.append(stream, draft);
      this.appended(stream, draft, appended);
      if (this.mood === 'breaking' && luck === 1)
        throw new Error('took effect, and then the answer was lost');
      return appended;
    });
  }

  read(stream: string, after: Position, maxEntries: number): Awaitable<Page | undefined> {
    const luck = this.#random.below(3);
    return this.#answer(() => {
      if (this.mood === 'breaking' && luck === 0) throw new Error('not read');
      return this.#inner.read(stream, after, maxEntries);
    });
  }

  position(stream: string): Awaitable<Position | undefined> {
    return this.#answer(() => this.#inner.position(stream));
  }

  /** An entry is there; it has not been followed yet. */
  protected noted(_entry: Noted<Body>): void {}

  /** Something was to be appended; whether or not somebody was there. */
  protected appended(_stream: string, _draft: Draft, _appended: Appended | undefined): void {}

  #begin(stream: string, follow: Follow, retention: Retention | undefined): Position {
    const position = this.#inner.open(
      stream,
      (entry, epoch) => {
        const { body, ...rest } = entry;
        // As the codec leaves it: what follows the offset.
        const made: Body = JSON.parse(`{${body}`);
        const noted = { ...rest, ...made, stream, epoch, at: this.tick() };
        this.#epochs.get(epoch)?.push(noted);
        this.noted(noted);
        follow(entry, epoch);
      },
      retention,
    );
    this.#epochs.set(position.epoch, []);
    return position;
  }

  #answer<T>(work: () => T): Awaitable<T> {
    if (this.mood !== 'slow') return work();
    return this.#later().then(async () => {
      const result = work();
      await this.#later();
      return result;
    });
  }

  #later(): Promise<void> {
    const ms = this.#random.of([0, 0, 5, 400, 3_000]);
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms));
  }
}

export function isFor({ exclude, only }: Omit<Entry, 'body'>, clientId: string): boolean {
  return exclude !== clientId && (only === undefined || only === clientId);
}

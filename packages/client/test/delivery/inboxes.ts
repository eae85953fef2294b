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
import type { AnyAction, Position } from '@callboard/protocol';
import type { Random } from './random.ts';

/** `prompt`: as in memory. `slow`: answers later. `refusing` and `breaking`: some appends fail, before or after their effect. */
export type Mood = (typeof moods)[number];
export const moods = ['prompt', 'slow', 'refusing', 'breaking'] as const;

/** An entry as a client is to see it. */
export interface Letter extends Omit<Entry, 'body'> {
  readonly action: AnyAction;
  readonly from?: { readonly userId: string; readonly clientId: string };
  /** Its place among all that happened. */
  readonly at: number;
}

/**
 * The truth: what the server took for which inbox, in order. Around the log in memory, with the moods that the port
 * allows a log.
 */
export class Inboxes implements StreamLog {
  mood: Mood = 'prompt';
  readonly #inner: MemoryStreamLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tick: () => number;
  readonly #pinned = new Map<string, Follow>();
  /** In the order in which they began. */
  readonly #epochs = new Map<string, Letter[]>();
  /** How often something was appended, by its id and the stream; whether or not somebody was there. */
  readonly #appended = new Map<string, number>();

  constructor(clock: Clock, retention: Retention, random: Random, tick: () => number) {
    this.#inner = new MemoryStreamLog(clock, retention);
    this.#clock = clock;
    this.#random = random;
    this.#tick = tick;
  }

  get size(): number {
    return this.#inner.size;
  }

  times(id: string, userId: string): number {
    return this.#appended.get(`${id} $inbox/${userId}`) ?? 0;
  }

  /** Position of the newest entry; undefined where the user is not there. */
  head(userId: string): Position | undefined {
    return this.#inner.position(`$inbox/${userId}`);
  }

  /** What a client is to see next after `position`, up to `last`. */
  next({ epoch, offset }: Position, clientId: string, last = Number.POSITIVE_INFINITY): Letter | undefined {
    const letters = this.#epochs.get(epoch) ?? assert.fail(`there is no epoch ${epoch}`);
    return letters
      .slice(offset)
      .find(
        (letter) =>
          letter.offset <= last &&
          letter.exclude !== clientId &&
          (letter.only === undefined || letter.only === clientId),
      );
  }

  isLater(epoch: string, than: string): boolean {
    const epochs = [...this.#epochs.keys()];
    return epochs.indexOf(epoch) > epochs.indexOf(than);
  }

  /** The oldest entry of an epoch that can still be read; infinite where the epoch is over. */
  oldest(userId: string, epoch: string): number {
    const page = this.#inner.read(`$inbox/${userId}`, { epoch: '', offset: 0 }, 1);
    if (page?.epoch !== epoch) return Number.POSITIVE_INFINITY;
    return page.entries[0]?.offset ?? page.head + 1;
  }

  /** The state of an inbox is lost, and it begins anew. */
  lose(userId: string): void {
    const stream = `$inbox/${userId}`;
    const follow = this.#pinned.get(stream);
    if (follow === undefined) return;
    this.#inner.release(stream);
    this.#begin(stream, follow);
  }

  open(stream: string, follow: Follow): Awaitable<Position> {
    return this.#answer(() => {
      this.#pinned.set(stream, follow);
      return this.#begin(stream, follow);
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
      const { id } = read(draft.body).action;
      const key = `${id} ${stream}`;
      this.#appended.set(key, (this.#appended.get(key) ?? 0) + 1);
      const position = this.#inner.append(stream, draft);
      if (this.mood === 'breaking' && luck === 1)
        throw new Error('took effect, and then the answer was lost');
      return position;
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

  #begin(stream: string, follow: Follow): Position {
    const position = this.#inner.open(stream, (entry, epoch) => {
      const { body, ...rest } = entry;
      this.#epochs.get(epoch)?.push({ ...rest, ...read(body), at: this.#tick() });
      follow(entry, epoch);
    });
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

function read(body: string): Pick<Letter, 'action' | 'from'> {
  // As the codec leaves it: what follows the offset.
  return JSON.parse(`{${body}`);
}

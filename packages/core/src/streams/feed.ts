import type { GapReason, Position } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Clock } from '../clock.ts';
import { Early } from './early.ts';
import type { Entry, Page, Retention, StreamLog } from './log.ts';
import type { Pace } from './pace.ts';
import { CatchUp, evictedUpTo, type ItemOf, isFor, type Reader, type Recovery } from './recovery.ts';

export type { Gap, ItemOf, Missed, Reader, Recovery } from './recovery.ts';

const PAGE = 256;
const RETRY_MS = 200;
const MAX_RECENT = 1_024;
const NONE: Entry[] = [];
/** Until the first comes: most feeds of channels that only keep something never have one. */
const NOBODY: Set<never> = new Set();

/**
 * One node's view of one stream: puts what it follows in order, makes one item of each entry and hands that to all
 * live readers. A reader that comes back first reads what it missed, and is live from where that ends.
 */
export class Feed<Item> {
  readonly stream: string;
  readonly #log: StreamLog;
  readonly #clock: Clock;
  readonly #itemOf: ItemOf<Item>;
  readonly #pace: Pace;
  #live: Set<Reader<Item>> = NOBODY;
  /** Is given each entry when all live readers have been, whoever it is for. */
  #tail: Reader<Item> | undefined;
  /** Readers that have read further than the feed has followed: they are live once it gets there. */
  #ahead: Map<Reader<Item>, number> | undefined;
  /** Readers that wait for the log to answer, each with what it has of its recovery. */
  #recovering: Map<Reader<Item>, Recovery<Item>> | undefined;
  /** What was followed while a reader waits for the log: a read never catches up with a busy stream by itself. */
  #recent: Entry[] = NONE;
  /** Items of entries that were read again, until the turn ends: who comes back seldom comes alone. */
  #again: Map<Entry, Item> | undefined;
  /** Made with the first entry that comes before its turn. */
  #early: Early | undefined;
  #epoch = '';
  #head = 0;
  /** How often the epoch has changed: a page read before the last change may be of an epoch that has ended. */
  #changes = 0;
  /** The log may hold more than was followed, or another epoch. */
  #behind = false;
  #reading = false;
  /** Readers are being called: who joins now has no part in it, and what is followed now comes after it. */
  #calling = false;
  #closed = false;
  /** What came early includes what is next, and waits for the end of the turn. */
  #deferred = false;
  /** Somebody left since readers were last called. */
  #left = false;

  private constructor(stream: string, log: StreamLog, clock: Clock, itemOf: ItemOf<Item>, pace: Pace) {
    this.stream = stream;
    this.#log = log;
    this.#clock = clock;
    this.#itemOf = itemOf;
    this.#pace = pace;
  }

  /** Opens the stream and follows it. `itemOf` is called once an entry, and once more for each turn in which it is replayed. */
  static open<Item>(
    stream: string,
    log: StreamLog,
    clock: Clock,
    itemOf: ItemOf<Item>,
    pace: Pace,
    retention?: Retention,
  ): Awaitable<Feed<Item>> {
    const feed = new Feed(stream, log, clock, itemOf, pace);
    const early: [Entry, string][] = [];
    let opened = false;
    const follow = (entry: Entry, epoch: string) => {
      if (opened) feed.#follow(entry, epoch);
      else early.push([entry, epoch]);
    };
    const at = log.open(stream, follow, retention);
    const begin = (position: Position) => {
      opened = true;
      feed.#epoch = position.epoch;
      feed.#head = position.offset;
      for (const [entry, epoch] of early) feed.#follow(entry, epoch);
      return feed;
    };
    return isPromise(at) ? at.then(begin) : begin(at);
  }

  get position(): Position {
    return { epoch: this.#epoch, offset: this.#head };
  }

  /** Live readers, and those that are about to be. */
  get readers(): number {
    return this.#live.size + (this.#ahead?.size ?? 0) + (this.#recovering?.size ?? 0);
  }

  /** Gives every entry from here on to `tail` too, after all readers. */
  endWith(tail: Reader<Item>): void {
    this.#tail = tail;
  }

  /** Live from here on. */
  join(reader: Reader<Item>): Position {
    this.#add(reader, this.#head);
    return this.position;
  }

  /**
   * Reads what `reader` missed since `from`, hands that to `begin`, and from then on the reader is live: the next
   * entry it is given is the one after. `begin` is not called where the reader leaves, recovers anew or the feed is
   * closed before; where it throws, the reader has left.
   * @throws what the log throws at a read; the reader is not live then.
   */
  recover(reader: Reader<Item>, from: Position, begin: (recovery: Recovery<Item>) => void): Awaitable<void> {
    this.leave(reader);
    if (this.#closed) throw new Error(`the feed is closed: ${this.stream}`);
    const catchUp = new CatchUp(this.stream, reader, from, (entry, epoch) => this.#itemAgain(entry, epoch));
    const live = () => {
      this.leave(reader);
      this.#add(reader, catchUp.position.offset);
      try {
        this.#call(() => begin(catchUp));
      } catch (error) {
        this.leave(reader);
        throw error;
      }
    };
    const read = (): Awaitable<void> => {
      for (;;) {
        const changes = this.#changes;
        const page = this.#log.read(this.stream, catchUp.position, PAGE);
        if (isPromise(page)) {
          return page.then((ready) => {
            if (this.#recovering?.get(reader) !== catchUp) return undefined;
            return this.#advance(catchUp, ready, changes) ? live() : read();
          });
        }
        if (this.#advance(catchUp, page, changes)) return live();
      }
    };
    if (from.epoch === this.#epoch && from.offset === this.#head) return live();
    const reading = read();
    if (!isPromise(reading)) return reading;
    this.#recovering ??= new Map();
    this.#recovering.set(reader, catchUp);
    return reading.then(undefined, (error: unknown) => {
      if (this.#recovering?.get(reader) === catchUp) this.leave(reader);
      throw error;
    });
  }

  leave(reader: Reader<Item>): void {
    this.#live.delete(reader);
    this.#left = true;
    this.#ahead?.delete(reader);
    if (!this.#recovering?.delete(reader) || this.#recovering.size > 0) return;
    this.#recovering = undefined;
    this.#recent = NONE;
  }

  /** Delivers now what waits for the end of the turn. */
  settle(): void {
    this.#deferred = false;
    this.#drain();
  }

  close(): Awaitable<void> {
    this.#closed = true;
    this.#live = NOBODY;
    this.#tail = undefined;
    this.#ahead = undefined;
    this.#recovering = undefined;
    this.#recent = NONE;
    this.#early = undefined;
    return this.#log.release(this.stream);
  }

  #add(reader: Reader<Item>, offset: number): void {
    if (offset === this.#head && !this.#calling) this.#goLive(reader);
    else {
      this.#ahead ??= new Map();
      this.#ahead.set(reader, offset);
    }
  }

  #goLive(reader: Reader<Item>): void {
    if (this.#live === NOBODY) this.#live = new Set();
    this.#live.add(reader);
  }

  /** Whether a recovery has now come to what the feed has followed. */
  #advance(catchUp: CatchUp<Item>, page: Page | undefined, changes: number): boolean {
    if (page === undefined) throw new Error(`the stream is not pinned: ${this.stream}`);
    catchUp.take(page);
    for (const entry of this.#recent) catchUp.next(entry, this.#epoch);
    const { epoch, offset } = catchUp.position;
    if (epoch !== this.#epoch && changes === this.#changes) {
      this.#enter(epoch);
      this.#fetch();
    }
    return epoch === this.#epoch && offset >= this.#head;
  }

  #follow(entry: Entry, epoch: string): void {
    if (this.#closed) return;
    // Of an epoch that has ended, or the stream has begun anew: only the log knows.
    if (epoch !== this.#epoch) this.#fetch();
    if (epoch !== this.#epoch || entry.offset <= this.#head) return;
    const isNext = entry.offset === this.#head + 1 && !this.#calling;
    if (isNext && this.#pace.takes(this.#live.size)) this.#deliver([entry]);
    else {
      if (isNext) this.#defer();
      this.#park(entry);
    }
    this.#drain();
  }

  #itemAgain(entry: Entry, epoch: string): Item {
    if (this.#again === undefined) {
      this.#again = new Map();
      this.#clock.endOfTurn(() => {
        this.#again = undefined;
      });
    }
    const item = this.#again.get(entry) ?? this.#itemOf(entry, epoch);
    this.#again.set(entry, item);
    return item;
  }

  /** Much was delivered in this turn already: what comes next waits for its end. */
  #defer(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#pace.atEnd(() => {
      if (this.#deliverRun()) return true;
      this.settle();
      return false;
    });
  }

  /** Delivers what came early and is next, as much as is to be delivered at once. Says whether there was any. */
  #deliverRun(): boolean {
    let max = this.#pace.entriesFor(this.#live.size);
    // Who has read further is live from there.
    for (const offset of this.#ahead?.values() ?? []) max = Math.min(max, offset - this.#head);
    const run = this.#early?.takeAfter(this.#head, max) ?? [];
    if (run.length === 0) return false;
    this.#deliver(run);
    return true;
  }

  /** Gives each reader all of them, then the next reader: whoever was just called is called again at a fifth of the cost. */
  #deliver(entries: readonly Entry[]): void {
    const items = entries.map((entry) => this.#itemOf(entry, this.#epoch));
    const forAll = entries.every(({ exclude, only }) => exclude === undefined && only === undefined);
    this.#head += entries.length;
    if (this.#recovering !== undefined) for (const entry of entries) this.#keep(entry);
    this.#calling = true;
    this.#left = false;
    try {
      for (const reader of this.#live) {
        for (let at = 0; at < entries.length; at++) {
          const entry = entries[at] as Entry;
          if (forAll || isFor(entry, reader)) reader.deliver(items[at] as Item, entry.offset);
          else reader.skip(entry.offset);
          if (this.#left && !this.#live.has(reader)) break;
        }
      }
      for (const [at, { offset }] of entries.entries()) this.#tail?.deliver(items[at] as Item, offset);
    } finally {
      this.#calling = false;
      this.#promote();
    }
  }

  /** Calls readers; what is followed meanwhile comes after it. */
  #call(readers: () => void): void {
    const within = this.#calling;
    this.#calling = true;
    try {
      readers();
    } finally {
      this.#calling = within;
      this.#promote();
      this.#drain();
    }
  }

  #keep(entry: Entry): void {
    if (this.#recent === NONE) this.#recent = [];
    this.#recent.push(entry);
    if (this.#recent.length > MAX_RECENT) this.#recent.splice(0, MAX_RECENT / 2);
  }

  #park(entry: Entry): void {
    // A log without a history does not have it any more: whoever publishes so much has to wait for it.
    if (this.#early?.full && this.#deferred) this.settle();
    this.#early ??= new Early();
    if (this.#early.full) this.#behind = true;
    else this.#early.add(entry);
  }

  /** Delivers what came early and is next; reads what is missing before the rest. */
  #drain(): void {
    if (this.#early === undefined || this.#calling || this.#deferred) return;
    while (this.#deliverRun());
    this.#early?.dropUpTo(this.#head);
    if (this.#early?.empty) this.#early = undefined;
    if (this.#early !== undefined) this.#fetch();
  }

  /** Reads what the log holds after the head. */
  #fetch(): void {
    this.#behind = true;
    if (this.#reading) return;
    this.#reading = true;
    const read = async () => {
      while (this.#behind && !this.#closed) {
        this.#behind = false;
        const changes = this.#changes;
        const page = await this.#log.read(this.stream, this.position, PAGE);
        if (page !== undefined) this.#absorb(page, changes);
      }
      this.#reading = false;
    };
    read().catch(() => {
      this.#clock.setTimeout(() => {
        this.#reading = false;
        if (!this.#closed) this.#fetch();
      }, RETRY_MS);
    });
  }

  #absorb(page: Page, changes: number): void {
    if (this.#closed) return;
    if (page.epoch !== this.#epoch) {
      if (changes !== this.#changes) return;
      this.#enter(page.epoch);
    }
    const before = evictedUpTo(page);
    if (before > this.#head) this.#lose({ epoch: page.epoch, offset: before }, 'evicted');
    for (const entry of page.entries) if (entry.offset === this.#head + 1) this.#deliver([entry]);
    if (page.head > this.#head) this.#behind = true;
    this.#drain();
  }

  /** The stream's state was lost and it has begun anew. */
  #enter(epoch: string): void {
    this.#early = undefined;
    this.#recent = NONE;
    this.#changes++;
    this.#lose({ epoch, offset: 0 }, 'epoch');
  }

  #lose(to: Position, reason: GapReason): void {
    const gap = { stream: this.stream, from: this.position, to, reason };
    const ahead = [...(this.#ahead ?? [])];
    this.#epoch = to.epoch;
    this.#head = to.offset;
    this.#call(() => {
      for (const reader of this.#live) reader.gap(gap);
      for (const [reader, offset] of ahead) {
        if (this.#ahead?.get(reader) !== offset) continue;
        if (reason === 'evicted' && offset >= to.offset) continue;
        this.#ahead.set(reader, to.offset);
        reader.gap({ ...gap, from: { epoch: gap.from.epoch, offset } });
      }
      this.#tail?.gap(gap);
    });
  }

  #promote(): void {
    const ahead = this.#ahead;
    if (ahead === undefined || this.#calling) return;
    for (const [reader, offset] of ahead) {
      if (offset > this.#head) continue;
      ahead.delete(reader);
      this.#goLive(reader);
    }
    if (ahead.size === 0) this.#ahead = undefined;
  }
}

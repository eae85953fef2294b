import type { GapReason, Position } from '@callboard/protocol';
import type { Entry, Page } from './log.ts';

/**
 * Who reads a stream through a feed: gets each entry that is for it once, in order, and is told of what is lost. It
 * may join, leave, recover and append from within these calls; what is appended then waits for its turn. It must not
 * throw: those after it would miss the entry.
 */
export interface Reader<Item> {
  /** What entries name in `only` and `exclude`. */
  readonly clientId: string;
  deliver(item: Item, offset: number): void;
  /** An entry was passed over that is not for this reader. */
  skip(offset: number): void;
  gap(gap: Gap): void;
}

/** Entries after `from` up to `to` are lost for a reader. */
export interface Gap {
  readonly stream: string;
  readonly from: Position;
  readonly to: Position;
  readonly reason: GapReason;
}

/** What a reader missed, in order, up to the position from which it is live. */
export interface Recovery<Item> {
  readonly missed: readonly Missed<Item>[];
  readonly position: Position;
}
export type Missed<Item> = { readonly item: Item; readonly offset: number } | { readonly gap: Gap };

/** What readers are given of an entry. */
export type ItemOf<Item> = (entry: Entry, epoch: string) => Item;

/** Gathers what one reader missed from pages of the log. */
export class CatchUp<Item> implements Recovery<Item> {
  readonly missed: Missed<Item>[] = [];
  position: Position;
  readonly #stream: string;
  readonly #reader: Reader<Item>;
  readonly #itemOf: ItemOf<Item>;

  constructor(stream: string, reader: Reader<Item>, from: Position, itemOf: ItemOf<Item>) {
    this.position = from;
    this.#stream = stream;
    this.#reader = reader;
    this.#itemOf = itemOf;
  }

  /** Takes the page after the position, and what is lost before it. */
  take(page: Page): void {
    const { epoch, head, entries } = page;
    const before = evictedUpTo(page);
    if (epoch !== this.position.epoch || this.position.offset > head) this.#lose(epoch, before, 'epoch');
    else if (before > this.position.offset) this.#lose(epoch, before, 'evicted');
    for (const entry of entries) this.next(entry, epoch);
  }

  /** Takes an entry, if it is the next. */
  next(entry: Entry, epoch: string): void {
    const { offset } = entry;
    if (epoch !== this.position.epoch || offset !== this.position.offset + 1) return;
    if (isFor(entry, this.#reader)) this.missed.push({ item: this.#itemOf(entry, epoch), offset });
    this.position = { epoch, offset };
  }

  #lose(epoch: string, offset: number, reason: GapReason): void {
    const to = { epoch, offset };
    this.missed.push({ gap: { stream: this.#stream, from: this.position, to, reason } });
    this.position = to;
  }
}

/** The last offset before those that the page has. */
export function evictedUpTo({ head, entries }: Page): number {
  return (entries[0]?.offset ?? head + 1) - 1;
}

export function isFor(entry: Entry, reader: { readonly clientId: string }): boolean {
  return entry.exclude !== reader.clientId && (entry.only === undefined || entry.only === reader.clientId);
}

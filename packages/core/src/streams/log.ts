import type { Position } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';

/** What is appended to a stream. */
export interface Draft {
  /** The body of a message as its codec made it; stored and replayed as it is. */
  readonly body: string;
  /** Client id of the one reader it is not for, live and in replay. */
  readonly exclude?: string;
  /** Client id of the one reader it is for. */
  readonly only?: string;
}

export interface Entry extends Draft {
  /** 1, 2, 3 … within the epoch, without holes. */
  readonly offset: number;
}

export interface Page {
  readonly epoch: string;
  /** Offset of the newest entry. */
  readonly head: number;
  /** Contiguous, oldest first. Where the first is not the next of the reader's position, those between are evicted. */
  readonly entries: readonly Entry[];
}

/** Called with each entry; possibly late, twice, or out of order. */
export type Follow = (entry: Entry, epoch: string) => void;

/**
 * Where streams are kept: a port. In memory it answers at once; elsewhere it may take its time, and appends made at
 * the same time may take effect in any order. An implementation passes the stream-log suite of the test kit.
 */
export interface StreamLog {
  /**
   * Pins a stream and follows it: every entry after the returned head reaches `follow`. A stream that nobody pinned
   * begins anew, with a fresh epoch, and keeps what `retention` says; what the log keeps by default without it.
   */
  open(stream: string, follow: Follow, retention?: Retention): Awaitable<Position>;
  /** Unpins it for this node. A stream that no node has pinned is forgotten. */
  release(stream: string): Awaitable<void>;
  /**
   * Appends to a pinned stream; undefined, and no effect, where no node has it pinned.
   * @throws AppendRefused where it certainly did not take effect; anything else where that is not known.
   */
  append(stream: string, draft: Draft): Awaitable<Position | undefined>;
  /**
   * Entries after `after` (the oldest retained, where that is evicted or of another epoch), at most `maxEntries`;
   * undefined where the stream is not pinned. What a page shows held at some time between call and answer, and an
   * entry that was followed is read until it is evicted.
   */
  read(stream: string, after: Position, maxEntries: number): Awaitable<Page | undefined>;
  /** The head; undefined where the stream is not pinned. */
  position(stream: string): Awaitable<Position | undefined>;
}

/** An append that certainly did not take effect. */
export class AppendRefused extends Error {
  override readonly name = 'AppendRefused';
}

/** What a stream keeps for readers that come back. */
export interface Retention {
  /** Entries per stream; 0 keeps none. */
  readonly maxEntries: number;
  /** UTF-16 units of bodies per stream. */
  readonly maxLength: number;
  /** Age of an entry in milliseconds. */
  readonly ttlMs: number;
}

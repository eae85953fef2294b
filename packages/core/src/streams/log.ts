import type { Position, Published } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';

/** What a gateway's protocol says of a publication beside its bytes. */
export interface Attributes {
  /** The device wants it to be the last value. */
  readonly retain?: boolean | undefined;
  /** By the node's clock, in milliseconds: nobody is given it later. */
  readonly expiresAt?: number | undefined;
  /** What only readers of that protocol are told. */
  readonly own?: object | undefined;
}

/** What is appended to a stream. */
export interface Draft {
  /** The body of a message as its codec made it; stored and replayed as it is. */
  readonly body: string;
  /** Client id of the one reader it is not for, live and in replay. */
  readonly exclude?: string;
  /** The bytes that a gateway was given, for those who read bytes; kept for as long as the entry is. */
  readonly payload?: Uint8Array;
  /** Whoever is not there when it comes need not be given it later, where a gateway's protocol knows that. Only with `payload`. */
  readonly atMostOnce?: boolean;
  readonly attributes?: Attributes;
  /** Client id of the one reader it is for. */
  readonly only?: string;
  /** Below the highest that the stream has seen it is stale, and not appended. A whole number ≥ 0. */
  readonly version?: number;
  /** Where the stream has seen it before it is repeated, and not appended. Those of stale drafts count. */
  readonly key?: string;
}

export interface Entry extends Omit<Draft, 'version' | 'key'> {
  /** 1, 2, 3 … within the epoch, without holes. */
  readonly offset: number;
}

/** What became of a draft, and the head after that. */
export interface Appended extends Position {
  readonly outcome: Outcome;
}
export type Outcome = Published['outcome'];

/** How many keys a stream remembers, and for how long. */
export const keyLimits = { maxKeys: 1_024, ttlMs: 300_000 } as const;

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
 * Where streams are kept: a port. What it promises it must settle: requests have time-outs, but a channel stays for as long as
 * an answer about it is due. In memory it answers at once; elsewhere it may take its time, and appends made at
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
   * Appends to a pinned stream, unless it is stale or repeated, in one step with finding that out; undefined, and no effect,
   * where no node has it pinned. Keys are remembered as `keyLimits` says.
   * @throws AppendRefused where it certainly did not take effect; anything else where that is not known.
   */
  append(stream: string, draft: Draft): Awaitable<Appended | undefined>;
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
  /** Bytes of bodies in UTF-8 per stream. Default: as many as the others let. */
  readonly maxBytes?: number;
  /** Age of an entry in milliseconds. */
  readonly ttlMs: number;
}

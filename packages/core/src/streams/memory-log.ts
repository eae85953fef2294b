import { randomBytes } from 'node:crypto';
import type { Position } from '@callboard/protocol';
import type { Clock } from '../clock.ts';
import {
  type Appended,
  type Draft,
  type Entry,
  type Follow,
  keyLimits,
  type Outcome,
  type Page,
  type Retention,
  type StreamLog,
} from './log.ts';

interface MemoryStream {
  readonly epoch: string;
  head: number;
  readonly follow: Follow;
  readonly retention: Retention;
  /** Made with the first entry: most streams never have one. */
  kept: Entry[] | undefined;
  /** When each of `kept` was appended. */
  at: number[];
  /** Entries before this index are evicted; the array is cut when half of it is. */
  first: number;
  length: number;
  /** Counted where the retention bounds them. */
  bytes: number;
  /** The highest that it has seen. */
  version: number;
  /** Those that it remembers, the oldest first, and since when. Made with the first one. */
  keys: Map<string, number> | undefined;
}

const NONE: number[] = [];

/** Not a spread: this is on the way of every message to every recipient. */
function entryOf({ body, exclude, only, payload, atMostOnce, attributes }: Draft, offset: number): Entry {
  if (payload !== undefined || attributes !== undefined)
    return {
      offset,
      body,
      ...(payload !== undefined && { payload }),
      ...(attributes !== undefined && { attributes }),
      ...(atMostOnce === true && { atMostOnce }),
      ...(exclude !== undefined && { exclude }),
      ...(only !== undefined && { only }),
    };
  if (exclude !== undefined) return { offset, body, exclude };
  return only === undefined ? { offset, body } : { offset, body, only };
}

/** The streams of one process. Entries follow at once, in order. */
export class MemoryStreamLog implements StreamLog {
  readonly #streams = new Map<string, MemoryStream>();
  /** Streams with entries or keys that will expire. */
  readonly #expiring = new Set<MemoryStream>();
  readonly #incarnation = randomBytes(6).toString('base64url');
  #opened = 0;
  #sweep: unknown;
  readonly #clock: Clock;
  readonly #retention: Retention;

  constructor(clock: Clock, retention: Retention) {
    this.#clock = clock;
    this.#retention = retention;
  }

  get size(): number {
    return this.#streams.size;
  }

  open(stream: string, follow: Follow, retention = this.#retention): Position {
    if (this.#streams.has(stream)) throw new Error(`the stream is open already: ${stream}`);
    const epoch = `${this.#incarnation}.${(++this.#opened).toString(36)}`;
    const nothing = {
      kept: undefined,
      at: NONE,
      first: 0,
      length: 0,
      bytes: 0,
      version: -1,
      keys: undefined,
    };
    this.#streams.set(stream, { epoch, head: 0, follow, retention, ...nothing });
    return { epoch, offset: 0 };
  }

  release(stream: string): void {
    const state = this.#streams.get(stream);
    if (state === undefined) return;
    this.#streams.delete(stream);
    this.#expiring.delete(state);
    if (this.#expiring.size === 0) this.#disarmSweep();
  }

  append(stream: string, draft: Draft): Appended | undefined {
    const state = this.#streams.get(stream);
    if (state === undefined) return undefined;
    if (draft.key !== undefined || draft.version !== undefined) {
      const outcome = this.#judge(state, draft);
      if (outcome !== 'published') return { epoch: state.epoch, offset: state.head, outcome };
    }
    const entry = entryOf(draft, ++state.head);
    if (state.retention.maxEntries > 0) this.#keep(state, entry);
    state.follow(entry, state.epoch);
    return { epoch: state.epoch, offset: entry.offset, outcome: 'published' };
  }

  read(stream: string, after: Position, maxEntries: number): Page | undefined {
    const state = this.#streams.get(stream);
    if (state === undefined) return undefined;
    this.#evict(state, this.#clock.now());
    const { epoch, head, kept = [] } = state;
    const oldest = kept[state.first]?.offset ?? head + 1;
    const from = after.epoch === epoch ? Math.max(after.offset + 1, oldest) : oldest;
    const start = state.first + (from - oldest);
    return { epoch, head, entries: kept.slice(start, start + maxEntries) };
  }

  position(stream: string): Position | undefined {
    const state = this.#streams.get(stream);
    return state && { epoch: state.epoch, offset: state.head };
  }

  #judge(state: MemoryStream, { key, version }: Draft): Outcome {
    if (key !== undefined && !this.#remember(state, key)) return 'repeated';
    if (version === undefined) return 'published';
    if (version < state.version) return 'stale';
    state.version = version;
    return 'published';
  }

  /** Whether the key is new. */
  #remember(state: MemoryStream, key: string): boolean {
    const now = this.#clock.now();
    state.keys ??= new Map();
    const { keys } = state;
    this.#forgetKeys(keys, now);
    if (keys.has(key)) return false;
    keys.set(key, now);
    const [oldest] = keys.keys();
    if (keys.size > keyLimits.maxKeys) keys.delete(oldest as string);
    this.#expires(state);
    return true;
  }

  #forgetKeys(keys: Map<string, number>, now: number): void {
    for (const [oldest, at] of keys) {
      if (at > now - keyLimits.ttlMs) return;
      keys.delete(oldest);
    }
  }

  #keep(state: MemoryStream, entry: Entry): void {
    const now = this.#clock.now();
    if (state.kept === undefined) {
      state.kept = [];
      state.at = [];
    }
    state.kept.push(entry);
    state.at.push(now);
    state.length += entry.body.length;
    if (state.retention.maxBytes !== undefined) state.bytes += Buffer.byteLength(entry.body);
    this.#evict(state, now);
    this.#expires(state);
  }

  #expires(state: MemoryStream): void {
    this.#expiring.add(state);
    if (this.#sweep === undefined) this.#armSweep();
  }

  #evict(state: MemoryStream, now: number): void {
    const { kept, at, retention } = state;
    if (kept === undefined) return;
    const { maxEntries, maxLength, maxBytes, ttlMs } = retention;
    for (;;) {
      const oldest = kept[state.first];
      if (oldest === undefined) break;
      const isFresh = (at[state.first] as number) > now - ttlMs;
      const fits = state.length <= maxLength && (maxBytes === undefined || state.bytes <= maxBytes);
      if (kept.length - state.first <= maxEntries && fits && isFresh) break;
      state.length -= oldest.body.length;
      if (maxBytes !== undefined) state.bytes -= Buffer.byteLength(oldest.body);
      state.first++;
    }
    if (state.first === 0 || state.first * 2 < kept.length) return;
    kept.splice(0, state.first);
    at.splice(0, state.first);
    state.first = 0;
  }

  #armSweep(): void {
    this.#sweep = this.#clock.setTimeout(() => {
      this.#sweep = undefined;
      const now = this.#clock.now();
      for (const state of this.#expiring) {
        this.#evict(state, now);
        if (state.kept?.length === 0) {
          state.kept = undefined;
          state.at = NONE;
        }
        if (state.keys !== undefined) this.#forgetKeys(state.keys, now);
        if (state.keys?.size === 0) state.keys = undefined;
        if (state.kept === undefined && state.keys === undefined) this.#expiring.delete(state);
      }
      if (this.#expiring.size > 0) this.#armSweep();
    }, this.#retention.ttlMs / 4);
    (this.#sweep as { unref?: () => void }).unref?.();
  }

  #disarmSweep(): void {
    this.#clock.clearTimeout(this.#sweep);
    this.#sweep = undefined;
  }
}

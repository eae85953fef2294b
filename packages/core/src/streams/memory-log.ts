import { randomBytes } from 'node:crypto';
import type { Position } from '@callboard/protocol';
import type { Clock } from '../clock.ts';
import type { Draft, Entry, Follow, Page, Retention, StreamLog } from './log.ts';

interface Kept {
  readonly entry: Entry;
  readonly at: number;
}

interface MemoryStream {
  readonly epoch: string;
  head: number;
  readonly follow: Follow;
  /** Made with the first entry: most streams never have one. */
  kept: Kept[] | undefined;
  /** Entries before this index are evicted; the array is cut when half of it is. */
  first: number;
  length: number;
}

/** The streams of one process. Entries follow at once, in order. */
export class MemoryStreamLog implements StreamLog {
  readonly #streams = new Map<string, MemoryStream>();
  /** Streams with entries that will expire. */
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

  open(stream: string, follow: Follow): Position {
    if (this.#streams.has(stream)) throw new Error(`the stream is open already: ${stream}`);
    const epoch = `${this.#incarnation}.${(++this.#opened).toString(36)}`;
    this.#streams.set(stream, { epoch, head: 0, follow, kept: undefined, first: 0, length: 0 });
    return { epoch, offset: 0 };
  }

  release(stream: string): void {
    const state = this.#streams.get(stream);
    if (state === undefined) return;
    this.#streams.delete(stream);
    this.#expiring.delete(state);
    if (this.#expiring.size === 0) this.#disarmSweep();
  }

  append(stream: string, draft: Draft): Position | undefined {
    const state = this.#streams.get(stream);
    if (state === undefined) return undefined;
    const entry: Entry = { ...draft, offset: ++state.head };
    state.kept ??= [];
    state.kept.push({ entry, at: this.#clock.now() });
    state.length += entry.body.length;
    this.#evict(state);
    this.#expiring.add(state);
    if (this.#sweep === undefined) this.#armSweep();
    state.follow(entry, state.epoch);
    return { epoch: state.epoch, offset: entry.offset };
  }

  read(stream: string, after: Position, maxEntries: number): Page | undefined {
    const state = this.#streams.get(stream);
    if (state === undefined) return undefined;
    this.#evict(state);
    const { epoch, head, kept = [] } = state;
    const oldest = kept[state.first]?.entry.offset ?? head + 1;
    const from = after.epoch === epoch ? Math.max(after.offset + 1, oldest) : oldest;
    const start = state.first + (from - oldest);
    return { epoch, head, entries: kept.slice(start, start + maxEntries).map((each) => each.entry) };
  }

  position(stream: string): Position | undefined {
    const state = this.#streams.get(stream);
    return state && { epoch: state.epoch, offset: state.head };
  }

  #evict(state: MemoryStream): void {
    const { kept } = state;
    if (kept === undefined) return;
    const { maxEntries, maxLength, ttlMs } = this.#retention;
    const expired = this.#clock.now() - ttlMs;
    for (;;) {
      const oldest = kept[state.first];
      if (oldest === undefined) break;
      if (kept.length - state.first <= maxEntries && state.length <= maxLength && oldest.at > expired) break;
      state.length -= oldest.entry.body.length;
      state.first++;
    }
    if (state.first * 2 >= kept.length) {
      kept.splice(0, state.first);
      state.first = 0;
    }
  }

  #armSweep(): void {
    this.#sweep = this.#clock.setTimeout(() => {
      this.#sweep = undefined;
      for (const state of this.#expiring) {
        this.#evict(state);
        if (state.kept !== undefined && state.kept.length > 0) continue;
        state.kept = undefined;
        this.#expiring.delete(state);
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

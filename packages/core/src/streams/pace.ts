import type { Clock } from '../clock.ts';
import { Rounds } from '../rounds.ts';

/** Feeds with fewer live readers are neither held back nor counted. */
const MANY_READERS = 256;
/** Deliveries in one turn, about 2 ms. */
const MAX_IN_TURN = 16_384;
/** Deliveries in one step at its end, about 3 ms: the same reader's next costs a fifth of its first. */
const MAX_IN_STEP = 131_072;
/** No longer than the last step lasts: connections are flushed in the same turn. */
const SLICE_MS = 1;

/**
 * How much the feeds of one server hand to their readers at once. What comes when many deliveries were made in a turn waits
 * for its end, when each reader is given all that waits, one reader after the other. The first of a turn never waits.
 */
export class Pace {
  readonly #atEnd: Rounds;
  #deliveries = 0;

  constructor(clock: Clock) {
    this.#atEnd = new Rounds(clock, SLICE_MS);
  }

  /** Whether so many readers may be given their next entry now. */
  takes(readers: number): boolean {
    if (readers < MANY_READERS) return true;
    if (this.#deliveries > 0 && this.#deliveries + readers > MAX_IN_TURN) return false;
    // Before the readers are called, and their connections fall due: so what waits is in what these are flushed with.
    if (this.#deliveries === 0) this.#atEnd.add(this.#endTurn);
    this.#deliveries += readers;
    return true;
  }

  /** How many entries so many readers may be given in one step. */
  entriesFor(readers: number): number {
    return Math.max(1, Math.floor(MAX_IN_STEP / readers));
  }

  /** Takes this step at the end of the turn, and of those after it for as long as it says that there is more to do. */
  atEnd(step: () => boolean): void {
    this.#atEnd.add(step);
  }

  /** Takes all steps now. */
  finish(): void {
    this.#atEnd.finish();
  }

  readonly #endTurn = (): boolean => {
    this.#deliveries = 0;
    return false;
  };
}

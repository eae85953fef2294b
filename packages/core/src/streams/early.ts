import type { Entry } from './log.ts';

const MAX_EARLY = 1_024;

/** Entries of one stream that came before their turn, by offset. */
export class Early {
  readonly #entries = new Map<number, Entry>();

  get empty(): boolean {
    return this.#entries.size === 0;
  }

  get full(): boolean {
    return this.#entries.size === MAX_EARLY;
  }

  /** Not where it is full. */
  add(entry: Entry): void {
    this.#entries.set(entry.offset, entry);
  }

  /** Takes out those that come next after `head`, at most `max`. */
  takeAfter(head: number, max: number): Entry[] {
    const run: Entry[] = [];
    while (run.length < max) {
      const next = this.#entries.get(head + 1 + run.length);
      if (next === undefined) break;
      this.#entries.delete(next.offset);
      run.push(next);
    }
    return run;
  }

  /** Their turn is over. */
  dropUpTo(head: number): void {
    for (const offset of this.#entries.keys()) if (offset <= head) this.#entries.delete(offset);
  }
}

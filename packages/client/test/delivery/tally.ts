/** How often what is worth trying was tried, over all scripts. */
export class Tally {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, this.of(what) + times);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** In alphabetical order. */
  get all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort());
  }
}

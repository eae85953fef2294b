/** Has things taken in the order in which they were begun, each once it is ready and those before it are taken. */
export class InTurn<T> {
  #begun = 0;
  #next = 0;
  /** By place; made with the first that has to wait. */
  #ready: Map<number, T> | undefined;

  /** @returns its place. */
  begin(): number {
    return this.#begun++;
  }

  /**
   * Has it taken, and what waits for it, unless something before it is not ready; what that makes ready comes after it, not within.
   * @param take always the same; must not throw.
   */
  ready(place: number, item: T, take: (item: T) => void): void {
    if (place !== this.#next) {
      this.#ready ??= new Map();
      this.#ready.set(place, item);
      return;
    }
    for (let next: T | undefined = item; next !== undefined; next = this.#ready?.get(this.#next)) {
      this.#ready?.delete(this.#next);
      take(next);
      this.#next++;
    }
  }
}

/**
 * How much of a budget per second is left: grows with time up to two seconds' worth, and up to 1 in any case, shrinks with
 * what is spent.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#most = Math.max(1, perSecond * 2);
    this.#tokens = this.#most;
    this.#at = now;
  }

  /** Spends, into debt if it must, and gives what is left: below 0, the budget is overdrawn. */
  spend(amount: number, now: number): number {
    if (now > this.#at) {
      const grown = this.#tokens + ((now - this.#at) * this.#perSecond) / 1000;
      this.#tokens = Math.min(grown, this.#most);
    }
    this.#at = now;
    this.#tokens -= amount;
    return this.#tokens;
  }

  /** Milliseconds until nothing is owed. */
  get debtMs(): number {
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#perSecond) * 1000);
  }

  /** More than two seconds' worth is owed: this peer does not heed refusals. */
  get ruined(): boolean {
    return this.#tokens < -this.#perSecond * 2;
  }
}

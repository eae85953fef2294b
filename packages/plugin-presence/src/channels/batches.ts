import type { Clock } from '@callboard/core';

/** Hands over what was added, each thing once: at the end of the turn, or a period after the last time. One timer in all. */
export class Batches<Thing> {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #hand: (thing: Thing) => void;
  readonly #waiting = new Set<Thing>();
  #last = Number.NEGATIVE_INFINITY;
  #armed = false;
  #timer: unknown;

  constructor(clock: Clock, periodMs: number, hand: (thing: Thing) => void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#hand = hand;
  }

  add(thing: Thing): void {
    this.#waiting.add(thing);
    if (this.#armed) return;
    this.#armed = true;
    const waitMs = this.#last + this.#periodMs - this.#clock.now();
    // A clock that was set back must not stop it.
    if (waitMs <= 0) this.#clock.endOfTurn(() => this.#go());
    else this.#timer = this.#clock.setTimeout(() => this.#go(), Math.min(waitMs, this.#periodMs));
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#waiting.clear();
    this.#armed = false;
  }

  #go(): void {
    this.#armed = false;
    this.#last = this.#clock.now();
    const things = [...this.#waiting];
    this.#waiting.clear();
    for (const thing of things) this.#hand(thing);
  }
}

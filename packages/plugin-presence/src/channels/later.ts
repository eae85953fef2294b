import type { Clock } from '@callboard/core';

/** Calls back for each thing that is added, all after the same delay: one timer, however many there are. */
export class Later<Thing> {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #due: (thing: Thing, at: number) => void;
  /** The soonest first. */
  #waiting: { readonly at: number; readonly thing: Thing }[] = [];
  #timer: unknown;

  constructor(clock: Clock, delayMs: number, due: (thing: Thing, at: number) => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#due = due;
  }

  /** Gives when it falls due. */
  add(thing: Thing): number {
    const at = this.#clock.now() + this.#delayMs;
    this.#waiting.push({ at, thing });
    this.#timer ??= this.#arm();
    return at;
  }

  clear(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #arm(): unknown {
    const [next] = this.#waiting;
    if (next === undefined) return undefined;
    const waitMs = next.at - this.#clock.now();
    return this.#clock.setTimeout(() => this.#fire(), Math.min(Math.max(0, waitMs), this.#delayMs));
  }

  #fire(): void {
    const now = this.#clock.now();
    // What is further off than the delay was added before the clock was set back.
    const rest = this.#waiting.findIndex(({ at }) => at > now && at <= now + this.#delayMs);
    const due = this.#waiting.splice(0, rest < 0 ? this.#waiting.length : rest);
    this.#timer = this.#arm();
    for (const { thing, at } of due) this.#due(thing, at);
  }
}

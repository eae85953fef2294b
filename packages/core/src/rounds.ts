import type { Clock } from './clock.ts';

/** Does long work of many in small steps: one of each in turn, so that nobody waits for the whole of another's. */
export class Rounds {
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #sliceMs: number;
  #steps: (() => boolean)[] = [];
  #armed = false;

  /**
   * @param sliceMs how long all of them together hold the event loop before it gets its turn.
   * @param nowMs real time, whatever the clock says: it is the event loop that is held.
   */
  constructor(clock: Clock, sliceMs = 5, nowMs: () => number = () => performance.now()) {
    this.#sliceMs = sliceMs;
    this.#clock = clock;
    this.#nowMs = nowMs;
  }

  /** Takes this step from the end of this turn on, for as long as it says that there is more to do. It must not throw. */
  add(step: () => boolean): void {
    this.#steps.push(step);
    this.#arm();
  }

  /** Does all that there is to do, now. */
  finish(): void {
    while (this.#steps.length > 0) {
      const steps = this.#steps;
      this.#steps = [];
      for (const step of steps) if (step()) this.#steps.push(step);
    }
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#clock.endOfTurn(this.#go);
  }

  readonly #go = (): void => {
    this.#armed = false;
    const untilMs = this.#nowMs() + this.#sliceMs;
    do {
      const steps = this.#steps;
      this.#steps = [];
      for (let at = 0; at < steps.length; at++) {
        const step = steps[at] as () => boolean;
        if (step()) this.#steps.push(step);
        if (this.#nowMs() < untilMs) continue;
        this.#steps = [...steps.slice(at + 1), ...this.#steps];
        break;
      }
    } while (this.#steps.length > 0 && this.#nowMs() < untilMs);
    if (this.#steps.length > 0) this.#arm();
  };
}

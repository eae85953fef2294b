/** Time and what waits for it: a part of Callboard's ports `Clock` and `Timers`. */
interface Timers {
  now(): number;
  setTimeout(task: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Where pages are told how far the theatre's time is ahead. */
export const CLOCK_CHANNEL = 'theatre/clock';
/** By which it can be moved on, in milliseconds. */
export const timeSteps = { hour: 3_600_000, day: 86_400_000 } as const;

interface Waiting {
  readonly task: () => void;
  readonly at: number;
  timer: unknown;
}

/** The time by which events fall due. In the demo it can be ahead of that of the machine: whoever waits then wakes up in time. */
export class TheatreClock implements Timers {
  readonly #timers: Timers;
  readonly #waiting = new Set<Waiting>();
  readonly #listeners = new Set<() => void>();
  #aheadMs = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** How far it is ahead, in milliseconds. */
  readonly get = (): number => this.#aheadMs;

  set(aheadMs: number): void {
    if (aheadMs === this.#aheadMs) return;
    this.#aheadMs = aheadMs;
    for (const waiting of [...this.#waiting]) {
      this.#timers.clearTimeout(waiting.timer);
      this.#wait(waiting);
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back when it is set to another; gives what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  now(): number {
    return this.#timers.now() + this.#aheadMs;
  }

  setTimeout(task: () => void, ms: number): unknown {
    const waiting = { task, at: this.now() + ms, timer: undefined };
    this.#waiting.add(waiting);
    this.#wait(waiting);
    return waiting;
  }

  clearTimeout(timer: unknown): void {
    this.#waiting.delete(timer as Waiting);
    this.#timers.clearTimeout((timer as Waiting | undefined)?.timer);
  }

  #wait(waiting: Waiting): void {
    const ms = Math.max(0, waiting.at - this.now());
    waiting.timer = this.#timers.setTimeout(() => {
      this.#waiting.delete(waiting);
      waiting.task();
    }, ms);
  }
}

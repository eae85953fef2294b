import type { Clock } from '@callboard/core';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const MAX_TURNS = 10_000;

/**
 * A clock that stands still until it is told to move. Timers fire in the order in which they fall due, those of the
 * same time in the order in which they were set. As in Node.js a timer waits 1 ms at least, and one that is longer
 * than Node's can be is refused. What tasks throw is thrown when all that was due has run: alone, or several as an
 * `AggregateError`.
 */
export class SimulatedClock implements Clock {
  #now: number;
  #order = 0;
  /** Soonest first. */
  readonly #timers: Timer[] = [];
  #turn: (() => void)[] = [];

  /** @param now milliseconds since 1970 (UTC). */
  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Until the next timer falls due, in milliseconds; undefined where there is none. */
  get nextTimerInMs(): number | undefined {
    const [next] = this.#timers;
    return next && next.at - this.#now;
  }

  setTimeout(task: () => void, ms: number): unknown {
    if (ms > LONGEST_TIMER_MS) throw new RangeError(`Node's timers cannot be longer than 2^31 - 1 ms: ${ms}`);
    const timer: Timer = { at: this.#now + Math.max(1, ms || 0), order: this.#order++, task };
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (typeof timer !== 'object' || timer === null) return;
    const place = this.#placeOf(timer as Timer);
    if (this.#timers[place] === timer) this.#timers.splice(place, 1);
  }

  endOfTurn(task: () => void): void {
    this.#turn.push(task);
  }

  /** Ends the turn, then lets `ms` pass, timer by timer; the turn ends after each. */
  advance(ms: number): void {
    const errors: unknown[] = [];
    const end = this.#now + ms;
    this.#endTurns(errors);
    while (this.#fireNext(end, errors)) this.#endTurns(errors);
    this.#now = end;
    report(errors);
  }

  /** As `advance`, and lets promises run before the first timer and after each. */
  async advanceAsync(ms: number): Promise<void> {
    const errors: unknown[] = [];
    const end = this.#now + ms;
    await this.#settle(errors);
    while (this.#fireNext(end, errors)) await this.#settle(errors);
    this.#now = end;
    report(errors);
  }

  /** Lets promises run and turns end until neither has more to do. Time stands still. */
  async settle(): Promise<void> {
    const errors: unknown[] = [];
    await this.#settle(errors);
    report(errors);
  }

  async #settle(errors: unknown[]): Promise<void> {
    do {
      this.#endTurns(errors);
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#turn.length > 0);
  }

  /** Tasks that such a task adds belong to the next turn, which ends at once too. */
  #endTurns(errors: unknown[]): void {
    for (let turns = 0; this.#turn.length > 0; turns++) {
      if (turns === MAX_TURNS) throw new Error('the turn does not end: its tasks add tasks without end');
      const tasks = this.#turn;
      this.#turn = [];
      for (const task of tasks) attempt(task, errors);
    }
  }

  #fireNext(end: number, errors: unknown[]): boolean {
    const next = this.#timers[0];
    if (next === undefined || next.at > end) return false;
    this.#timers.shift();
    this.#now = next.at;
    attempt(next.task, errors);
    return true;
  }

  #placeOf(timer: Timer): number {
    let [low, high] = [0, this.#timers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle] as Timer;
      if (other.at < timer.at || (other.at === timer.at && other.order < timer.order)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function attempt(task: () => void, errors: unknown[]): void {
  try {
    task();
  } catch (error) {
    errors.push(error);
  }
}

function report(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, 'several tasks failed');
}

import { SimulatedClock } from './simulated-clock.ts';

/** Timers are simulated, turns of the event loop are real: for what has real sockets. */
export class LiveClock extends SimulatedClock {
  override endOfTurn(task: () => void): void {
    setImmediate(task);
  }

  /** Lets `ms` pass, timer by timer. @param quiet resolves when what was begun so far has come to its end, or waits for time to pass */
  async pass(ms: number, quiet: () => Promise<void>): Promise<void> {
    for (let left = ms; ; ) {
      await quiet();
      const next = this.nextTimerInMs;
      if (next === undefined || next > left) {
        this.advance(left);
        return quiet();
      }
      this.advance(next);
      left -= next;
    }
  }

  /** Lets time pass, 100 ms in 50 turns, until `work` is done. @throws what it throws */
  async until<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = () => {
      done = true;
    };
    work.then(settled, settled);
    for (let turns = 1; !done; turns++) {
      await turn();
      if (turns % 50 === 0) this.advance(100);
    }
    return work;
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The longest that anything real is waited for, in milliseconds: a busy machine may be slow. */
export const PATIENCE_MS = 15_000;

/** Waits, turn by turn, for what is on its way. @throws after `patienceMs`, by default 15,000 real milliseconds. */
export async function until(
  reached: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await reached()); await turn()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

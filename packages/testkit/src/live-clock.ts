import { SimulatedClock } from './simulated-clock.ts';

/** Timers are simulated, turns of the event loop are real: for what has real sockets. */
export class LiveClock extends SimulatedClock {
  override endOfTurn(task: () => void): void {
    setImmediate(task);
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits, turn by turn, for what is on its way. @throws after `patienceMs`, by default 15,000 real milliseconds: a busy machine may be slow. */
export async function until(
  reached: () => boolean | Promise<boolean>,
  what: string,
  patienceMs = 15_000,
): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await reached()); await turn()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

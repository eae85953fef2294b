import type { Timers } from '@callboard/runtime';

/** Timers, and the end of a turn. */
export interface Clock extends Timers {
  /** Runs `task` once what is being done now is done, before any timer: the end of a turn of the event loop. */
  endOfTurn(task: () => void): void;
}

/** What Node's timers can count, in milliseconds; what is longer would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (task, ms) => setTimeout(task, Math.min(ms, LONGEST_TIMER_MS)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  endOfTurn: (task) => void setImmediate(task),
};

export function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, ms));
}

/** When `work` is done, at the latest after `ms`. */
export async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  let timer: unknown;
  const limit = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clock.clearTimeout(timer);
}

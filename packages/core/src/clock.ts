/** Time, as a port: everything that waits or asks for the hour does so here. A timer that throws ends nothing else. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). */
  now(): number;
  setTimeout(task: () => void, ms: number): unknown;
  /** Unknown and fired timers are ignored. */
  clearTimeout(timer: unknown): void;
  /** Runs `task` once what is being done now is done, before any timer: the end of a turn of the event loop. */
  endOfTurn(task: () => void): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (task, ms) => setTimeout(task, ms),
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

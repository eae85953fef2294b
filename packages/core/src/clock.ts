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

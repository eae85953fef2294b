/** When a client comes back, and after how long (PROTOCOL.md, "Close codes"). */

const FIRST_BOUND_MS = 500;
const LAST_BOUND_MS = 20_000;

/** The codes of WebSocket's own with which a connection ends for good. */
const forGood: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1009]);

export function comesBack(code: number): boolean {
  return code < 3000 ? !forGood.has(code) : code % 1000 < 500;
}

/**
 * Full jitter: anything up to a bound that doubles with every attempt that failed, so that clients that were lost
 * together do not come back together.
 */
export function waitMs(failedAttempts: number, random: () => number = Math.random): number {
  return random() * Math.min(LAST_BOUND_MS, FIRST_BOUND_MS * 2 ** failedAttempts);
}

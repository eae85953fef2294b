/** Time, as a port: what waits, or asks for the hour, does so here. A timer that throws ends nothing else. */
export interface Timers {
  /** Milliseconds since 1970 (UTC). */
  now(): number;
  setTimeout(task: () => void, ms: number): unknown;
  /** Unknown and fired timers are ignored. */
  clearTimeout(timer: unknown): void;
}

import type { Clock, LogFields, Logger } from '@callboard/core';

/** Warns of the same thing at most once in so many milliseconds, and says how often it was: who floods does not fill the disk. */
export class LimitedLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #everyMs: number;
  readonly #silent = new Map<string, { until: number; times: number }>();

  constructor(clock: Clock, logger: Logger, everyMs = 10_000) {
    this.#clock = clock;
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  warn(message: string, fields: LogFields): void {
    const now = this.#clock.now();
    const silence = this.#silent.get(message);
    if (silence !== undefined && now < silence.until) {
      silence.times++;
      return;
    }
    const before = silence?.times ?? 0;
    this.#silent.set(message, { until: now + this.#everyMs, times: 0 });
    this.#logger.warn(message, before === 0 ? fields : { ...fields, untold: before });
  }
}

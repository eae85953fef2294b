/** Something that waits for its turn. */
export interface Job {
  run(): Promise<void>;
}

/** Runs jobs, a limited number at a time; users take turns, so that one with many does not hold up the others. */
export class Turns {
  /** By user; the one whose turn it is comes first. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #limit: () => number;
  readonly #failed: (cause: unknown) => void;
  running = 0;

  /** @param limit how many may run just now. */
  constructor(limit: () => number, failed: (cause: unknown) => void) {
    this.#limit = limit;
    this.#failed = failed;
  }

  get waiting(): number {
    let count = 0;
    for (const jobs of this.#waiting.values()) count += jobs.length;
    return count;
  }

  enter(user: string, job: Job): void {
    const jobs = this.#waiting.get(user);
    if (jobs === undefined) this.#waiting.set(user, [job]);
    else jobs.push(job);
    this.go();
  }

  leave(user: string, job: Job): void {
    const jobs = this.#waiting.get(user) ?? [];
    const place = jobs.indexOf(job);
    if (place >= 0) jobs.splice(place, 1);
    if (jobs.length === 0) this.#waiting.delete(user);
  }

  /** Begins what may run. To be called when the limit has grown. */
  go(): void {
    while (this.running < this.#limit()) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const [user, jobs] = next;
      const job = jobs.shift();
      this.#waiting.delete(user);
      if (jobs.length > 0) this.#waiting.set(user, jobs);
      if (job !== undefined) void this.#run(job);
    }
  }

  async #run(job: Job): Promise<void> {
    this.running++;
    try {
      await job.run();
    } catch (cause) {
      this.#failed(cause);
    }
    this.running--;
    this.go();
  }
}

/** Something that waits for its turn. */
export interface Job {
  run(): Promise<void>;
}

/**
 * Runs jobs, a limited number at a time. Users take turns, so that one with many does not hold up the others; and have half of the places
 * at most, so that one with slow ones does not either.
 */
export class Turns {
  /** By user; the one whose turn it is comes first. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #limit: () => number;
  readonly #failed: (cause: unknown) => void;
  readonly #runningOf = new Map<string, number>();
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

  /**
   * Gives what takes it back. @param users who want it, one at least: the turn of the one with the least to do is used, so that none of
   * them holds up the others.
   */
  enter(users: Iterable<string>, job: Job): () => void {
    const user = this.#idlest(users);
    const jobs = this.#waiting.get(user);
    if (jobs === undefined) this.#waiting.set(user, [job]);
    else jobs.push(job);
    this.go();
    return () => this.#leave(user, job);
  }

  /** Begins what may run. To be called when the limit has grown. */
  go(): void {
    for (let user = this.#next(); user !== undefined; user = this.#next()) {
      const jobs = this.#waiting.get(user) ?? [];
      const job = jobs.shift();
      this.#waiting.delete(user);
      if (jobs.length > 0) this.#waiting.set(user, jobs);
      if (job !== undefined) void this.#run(user, job);
    }
  }

  #idlest(users: Iterable<string>): string {
    let idlest = '';
    let least = Number.POSITIVE_INFINITY;
    for (const user of users) {
      const load = (this.#waiting.get(user)?.length ?? 0) + (this.#runningOf.get(user) ?? 0);
      if (load < least) [idlest, least] = [user, load];
      if (load === 0) break;
    }
    return idlest;
  }

  #leave(user: string, job: Job): void {
    const jobs = this.#waiting.get(user) ?? [];
    const place = jobs.indexOf(job);
    if (place >= 0) jobs.splice(place, 1);
    if (jobs.length === 0) this.#waiting.delete(user);
  }

  /** Whose turn it is. */
  #next(): string | undefined {
    const limit = this.#limit();
    if (this.running >= limit) return undefined;
    for (const user of this.#waiting.keys())
      if ((this.#runningOf.get(user) ?? 0) < Math.ceil(limit / 2)) return user;
    return undefined;
  }

  async #run(user: string, job: Job): Promise<void> {
    this.#count(user, 1);
    try {
      await job.run();
    } catch (cause) {
      this.#failed(cause);
    }
    this.#count(user, -1);
    this.go();
  }

  #count(user: string, change: 1 | -1): void {
    this.running += change;
    const running = (this.#runningOf.get(user) ?? 0) + change;
    if (running > 0) this.#runningOf.set(user, running);
    else this.#runningOf.delete(user);
  }
}

/** How much a session remembers of its requests. */
export interface OutcomeLimits {
  /** Outcomes, beyond those of requests that still run. */
  readonly maxOutcomes: number;
  /** UTF-16 units of all remembered replies. */
  readonly maxLength: number;
  /** Age in milliseconds. */
  readonly ttlMs: number;
}

/** One shape from the first sight of a request to the last: this is on the way of each. */
interface Outcome<Asker> {
  readonly mid: number;
  asker: Asker | undefined;
  /** The answer; undefined while the request runs. */
  frame: string | undefined;
  /** When it was first settled. */
  at: number;
  forgotten: boolean;
}

/**
 * What became of the requests of one session, so that a retry takes effect once: it joins the request that runs, or
 * is given the same answer, or — where that is no longer remembered — is told that the outcome is unknown.
 * `Asker` is what a request came by, a connection.
 */
export class Outcomes<Asker = unknown> {
  readonly #byMid = new Map<number, Outcome<Asker>>();
  /** In the order in which they were settled; those before `#oldest` and some others are forgotten already. */
  readonly #settled: Outcome<Asker>[] = [];
  #oldest = 0;
  readonly #limits: OutcomeLimits;
  /** No request up to this mid is run any more, unless it runs already. */
  #floor: number;
  #length = 0;
  #running = 0;

  /** @param floor the highest mid whose outcome was never known to this server. */
  constructor(limits: OutcomeLimits, floor = 0) {
    this.#limits = limits;
    this.#floor = floor;
  }

  /** Requests that run. */
  get running(): number {
    return this.#running;
  }

  get remembered(): number {
    return this.#byMid.size - this.#running;
  }

  /** What to do with a request: run it (`new`), nothing (`running`), say that nobody knows, or send `frame` again. */
  look(mid: number, asker?: Asker): 'new' | 'running' | 'unknown' | { readonly frame: string } {
    const known = this.#byMid.get(mid);
    if (known === undefined) return mid <= this.#floor ? 'unknown' : 'new';
    if (known.frame !== undefined) return { frame: known.frame };
    known.asker = asker;
    return 'running';
  }

  begin(mid: number, asker?: Asker): void {
    this.#byMid.set(mid, { mid, asker, frame: undefined, at: 0, forgotten: false });
    this.#running++;
  }

  /** The request took effect, or may have: its answer is remembered. A later answer replaces an earlier one. */
  settle(mid: number, frame: string, now: number): void {
    const known = this.#byMid.get(mid);
    if (known === undefined) return;
    if (known.frame === undefined) {
      known.asker = undefined;
      known.at = now;
      this.#running--;
      this.#settled.push(known);
    } else this.#length -= known.frame.length;
    known.frame = frame;
    this.#length += frame.length;
    this.#forgetOldest(now);
  }

  /**
   * The request certainly had no effect: it may be sent again. Says who asked for it last, and that one alone may be
   * told so. On a newer connection the client has sent it again, or will: the refusal would meet that on its way, be
   * taken for the answer to it, and then it would take effect.
   */
  forget(mid: number): Asker | undefined {
    const known = this.#byMid.get(mid);
    if (known === undefined || known.frame !== undefined) return undefined;
    this.#byMid.delete(mid);
    this.#running--;
    return known.asker;
  }

  /** What the request did has been undone since: sent again, it runs again. */
  revoke(mid: number): void {
    const known = this.#byMid.get(mid);
    if (known?.frame !== undefined) this.#drop(known, known.frame);
  }

  /** The client has settled all requests up to `mid`. */
  confirm(mid: number): void {
    for (const outcome of this.#byMid.values()) {
      if (outcome.mid <= mid && outcome.frame !== undefined) this.#drop(outcome, outcome.frame);
    }
    this.#floor = Math.max(this.#floor, mid);
  }

  /** Forgets what is too old. */
  expire(now: number): void {
    this.#forgetOldest(now);
  }

  #forgetOldest(now: number): void {
    const { maxOutcomes, maxLength, ttlMs } = this.#limits;
    for (let next = this.#settled[this.#oldest]; next !== undefined; next = this.#settled[++this.#oldest]) {
      const { frame, forgotten, at, mid } = next;
      if (forgotten || frame === undefined) continue;
      if (this.remembered <= maxOutcomes && this.#length <= maxLength && at > now - ttlMs) break;
      this.#drop(next, frame);
      this.#floor = Math.max(this.#floor, mid);
    }
    if (this.#oldest * 2 <= this.#settled.length) return;
    this.#settled.splice(0, this.#oldest);
    this.#oldest = 0;
  }

  #drop(outcome: Outcome<Asker>, frame: string): void {
    this.#byMid.delete(outcome.mid);
    this.#length -= frame.length;
    outcome.forgotten = true;
    outcome.frame = undefined;
  }
}

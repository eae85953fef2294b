import type { Clock } from '@callboard/core';
import type { Known, Reason, Told, Why, WirePage } from './contract.ts';
import type { Headers } from './headers.ts';
import { bodyOf, tagOf } from './page.ts';
import type { Job } from './turns.ts';
import type { Outcome, Response, Validators } from './upstream.ts';
import type { Resource, Watch } from './watches.ts';

/** Who asks: what the API is shown. */
export interface Credential {
  token: string | undefined;
  headers: Headers;
}

export interface CellHost {
  readonly clock: Clock;
  /** Whether the upstream is not asked for now. */
  isDown(): boolean;
  get(cell: Cell, unless: Validators | undefined, signal: AbortSignal): Promise<Outcome>;
  pageHeaders(response: Response): Record<string, string>;
  /** Waits for a turn of one of the users; gives what takes that back. */
  enter(users: Iterable<string>, job: Job): () => void;
  publish(cell: Cell, told: Told): void;
  /** The token is no good: the watchers are asked for another. */
  tokenless(cell: Cell): void;
  /** Nothing will come any more. */
  over(cell: Cell): void;
  nextSeq(): number;
  /** From 0 to below 1. */
  random(): number;
  readonly counts: Counts;
}
export interface Counts {
  pages: number;
  unchanged: number;
  faults: number;
}

/** Somebody who wants the page, unless it is what they have. */
interface Asker {
  readonly known: Known;
  readonly validators: Validators | undefined;
  readonly answer: (told: Told) => void;
}

/**
 * One resource as one credential sees it: one request at a time, for all who watch it. What was published last reflects what was bumped
 * last, as a bump that comes while a request runs makes another.
 */
export class Cell implements Job {
  /** Stands in the name of its channel. */
  readonly id: string;
  readonly resource: Resource;
  readonly credential: Credential;
  readonly watches = new Set<Watch>();
  /** Of what was published last. */
  seq = 0;
  /** Whether the API has taken the token. */
  proven = false;
  readonly #host: CellHost;
  #state: 'idle' | 'queued' | 'fetching' | 'resting' | 'over' = 'idle';
  #tag: string | undefined;
  #validators: Validators | undefined;
  #stale: Why | undefined;
  /** Changes that were made known, and up to which of them a request began after. */
  #changes = 0;
  #covered = 0;
  #reason: Reason = 'revalidated';
  /** It is due again, as soon as the request that runs is done. */
  #again = false;
  /** Who asks for the page itself. */
  #askers: Map<Watch, Asker> | undefined;
  /** Some watcher was told that it is stale, and has no page at all. */
  #owes = false;
  /** What is said to who asks after the end. */
  #last: Told | undefined;
  #failures = 0;
  /** By the upstream. */
  #wasAskedToWait = false;
  #timer: unknown;
  #abort: AbortController | undefined;
  #leaveTurns: (() => void) | undefined;

  constructor(id: string, resource: Resource, credential: Credential, host: CellHost) {
    this.id = id;
    this.resource = resource;
    this.credential = credential;
    this.#host = host;
  }

  /** For a turn, or to try again. */
  get isWaiting(): boolean {
    return this.#state === 'queued' || this.#state === 'resting';
  }

  /** Requests that began from now on count. */
  changed(reason: Reason): void {
    if (this.#changes === this.#covered || reason === 'bump') this.#reason = reason;
    this.#changes++;
  }

  /** What has changed is to be fetched. */
  due(): void {
    if (this.#changes === this.#covered) return;
    if (this.#state === 'fetching') this.#again = true;
    else if (this.#state === 'idle') this.#enter();
    if (this.#host.isDown()) this.stall('UNREACHABLE');
  }

  /** Resolves with the page, unless `known` is equal to it; at once where nobody can say now. */
  ask(watch: Watch, known: Known): Promise<Told> | Told {
    if (this.#state === 'over') return this.#last ?? this.ended('ENDED');
    if (this.#knows(known)) return this.#stands();
    if (this.#state === 'resting' || this.#host.isDown()) {
      this.#owes = true;
      this.stall('UNREACHABLE');
      if (this.#state === 'idle') this.#enter();
      return this.#stands();
    }
    return new Promise((answer) => {
      this.#askers ??= new Map();
      this.#askers.get(watch)?.answer(this.ended('REPLACED'));
      this.#askers.set(watch, { known, validators: validatorsIn(known), answer });
      if (this.#state === 'idle') this.#enter();
    });
  }

  /** Nobody can tell for now what is so. */
  stall(why: Why): void {
    if (this.#stale === undefined && this.#state !== 'over') {
      this.#stale = why;
      if (this.#isForOthers) this.#host.publish(this, this.#stands());
    }
    if (this.#askers !== undefined && this.#state !== 'over') {
      this.#owes = true;
      this.#answer(this.#stands());
    }
  }

  /** The upstream is back: whoever only waits to try again need not. */
  wake(): void {
    if (this.#state !== 'resting' || this.#wasAskedToWait) return;
    this.#host.clock.clearTimeout(this.#timer);
    this.#enter();
  }

  /** The token is to be used no more. */
  refuse(why: 'refused' | 'expired'): void {
    this.seq = this.#host.nextSeq();
    const told: Told = { kind: 'token', why, seq: this.seq };
    this.#last = told;
    this.#stop();
    this.#host.publish(this, told);
    this.#answer(told);
    this.#host.tokenless(this);
  }

  /** That no more comes of this cell, though something may of a later one of its name. */
  ended(code: string): Told {
    return { kind: 'end', code, seq: this.seq };
  }

  /** The watch is no more, or is another cell's. */
  left(watch: Watch): void {
    this.watches.delete(watch);
    this.#askers?.get(watch)?.answer(this.ended('UNWATCHED'));
    this.#askers?.delete(watch);
  }

  /** Nobody watches it any more: what the API was shown is forgotten. */
  end(): void {
    this.#stop();
    this.credential.headers = [];
  }

  /** Nothing is fetched any more. */
  #stop(): void {
    this.#state = 'over';
    this.#host.clock.clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#leaveTurns?.();
    this.credential.token = undefined;
  }

  /** Its turn has come. */
  async run(): Promise<void> {
    if (this.#state !== 'queued') return;
    this.#state = 'fetching';
    this.#leaveTurns = undefined;
    this.#again = false;
    const unless = this.#unless();
    this.#covered = this.#changes;
    const { version } = this.resource;
    const reason = this.#reason;
    this.#reason = 'revalidated';
    const abort = new AbortController();
    this.#abort = abort;
    const outcome = await this.#host.get(this, unless, abort.signal);
    if (abort.signal.aborted) return;
    this.#state = 'idle';
    this.#abort = undefined;
    switch (outcome.kind) {
      case 'response':
        if (outcome.status === 401) return this.refuse('refused');
        this.#failures = 0;
        this.proven = true;
        this.#take(outcome, version, reason);
        break;
      case 'unchanged':
        this.#failures = 0;
        this.proven = true;
        this.#unchanged(unless);
        break;
      case 'fault':
        if (reason === 'bump') this.#reason = reason;
        this.#fault(outcome);
    }
    if (this.#state === 'idle' && (this.#again || (this.#askers?.size ?? 0) > 0)) this.#enter();
  }

  /** Of who has the page. */
  #stands(): Told {
    const seq = this.#host.nextSeq();
    return this.#stale === undefined ? { kind: 'fresh', seq } : { kind: 'stale', seq, why: this.#stale };
  }

  /** Whether somebody is told who does not ask: where all are asking, all are answered. */
  get #isForOthers(): boolean {
    return this.watches.size > (this.#askers?.size ?? 0);
  }

  #enter(): void {
    this.#state = 'queued';
    this.#leaveTurns = this.#host.enter(this.#users(), this);
  }

  *#users(): Iterable<string> {
    for (const { client } of this.watches) yield client.user.id;
  }

  /** A page is fetched in full where somebody has none, and else only if it is another one. */
  #unless(): Validators | undefined {
    if (this.#owes) return undefined;
    const askers = [...(this.#askers?.values() ?? [])];
    if (askers.every(({ known }) => known.tag !== undefined && known.tag === this.#tag))
      return this.#validators;
    // One may compare with what it says it has, where that is nothing to the others.
    const [only] = askers;
    return askers.length === 1 && this.#changes === this.#covered ? only?.validators : undefined;
  }

  #knows({ tag, seq }: Known): boolean {
    return (
      (tag !== undefined && tag === this.#tag) || (tag === undefined && seq !== undefined && seq === this.seq)
    );
  }

  #take(response: Response, version: number | undefined, reason: Reason): void {
    const { status } = response;
    const tag = tagOf(response);
    const isNews = tag !== this.#tag;
    this.#tag = tag;
    this.#validators = response.validators;
    const ends = !(status >= 200 && status < 300);
    const isTold = isNews || this.#owes;
    const wasStale = this.#stale !== undefined;
    const seq = this.#host.nextSeq();
    if (isTold) this.seq = seq;
    this.#owes = false;
    this.#stale = undefined;
    const page: WirePage = {
      kind: 'page',
      seq,
      tag,
      status,
      headers: this.#host.pageHeaders(response),
      ...bodyOf(response),
      ...(version !== undefined && { version }),
      reason,
      ...this.#validators,
      ...(ends && { ends }),
    };
    if (this.#isForOthers) {
      if (isTold) this.#host.publish(this, page);
      else if (wasStale) this.#host.publish(this, this.#stands());
    }
    if (isNews) this.#host.counts.pages++;
    else this.#host.counts.unchanged++;
    this.#answer(page);
    if (ends) {
      this.#stop();
      this.#host.over(this);
    }
  }

  /** Who came while it was fetched may have another page, or none. */
  #unchanged(unless: Validators | undefined): void {
    this.#host.counts.unchanged++;
    const wasStale = this.#stale !== undefined;
    this.#stale = undefined;
    if (wasStale) this.#host.publish(this, this.#stands());
    for (const [watch, { known, validators, answer }] of this.#askers ?? []) {
      if (validators !== unless && (known.tag === undefined || known.tag !== this.#tag)) continue;
      this.#askers?.delete(watch);
      answer(this.#stands());
    }
  }

  #fault({ why, retryAfterMs }: Extract<Outcome, { kind: 'fault' }>): void {
    const { clock, counts, random } = this.#host;
    counts.faults++;
    this.stall(why);
    // It will not be smaller before it changes.
    if (why === 'TOO_LARGE') return;
    this.#covered = Math.min(this.#covered, this.#changes - 1);
    const backoffMs =
      Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LONGEST_RETRY_MS) * (0.5 + random() / 2);
    this.#state = 'resting';
    this.#wasAskedToWait = retryAfterMs !== undefined;
    this.#timer = clock.setTimeout(
      () => this.#enter(),
      Math.max(backoffMs, Math.min(retryAfterMs ?? 0, LONGEST_AFTER_MS)),
    );
  }

  #answer(told: Told): void {
    const askers = this.#askers;
    this.#askers = undefined;
    for (const { answer } of askers?.values() ?? []) answer(told);
  }
}

function validatorsIn({ etag, modified }: Known): Validators | undefined {
  if (etag !== undefined) return { etag };
  return modified === undefined ? undefined : { modified };
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** What an upstream may ask for. */
const LONGEST_AFTER_MS = 600_000;

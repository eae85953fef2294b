import assert from 'node:assert/strict';
import type { AnyAction } from '@callboard/protocol';
import type { SimulatedClock } from '@callboard/testkit';
import { SendError } from '../../src/send-error.ts';
import type { Tally } from './tally.ts';

/** One message id: how often it may have taken effect by what is known, and must have. */
interface Attempt {
  least: number;
  most: number;
  readonly since: number;
  /** The client's session then. */
  readonly session: number;
}

/** An action that a client was asked to send, and all that became of it. */
export interface Errand {
  readonly action: AnyAction;
  readonly timeoutMs: number;
  readonly resend: boolean;
  /** Counts sessions of the client that sends it. */
  readonly session: () => number;
  /** How often it has taken effect: once for each place that it is for. */
  readonly effects: () => readonly number[];
  /** Whether a handler is at it. */
  readonly runs: () => boolean;
  /** How often one attempt has taken effect that resolved with this. */
  readonly took: (result: unknown) => { readonly least: number; readonly most: number };
  /** The action that its errors show. Default: its own. */
  readonly shown?: AnyAction;
  readonly attempts: Attempt[];
  /** What subscribers to the reply were told, and what promises were. */
  replies: number;
  resolved: number;
  /** Promises that are not settled, and how many were rejected. */
  pending: number;
  rejected: number;
}

interface Failure {
  readonly error: SendError;
  readonly errand: Errand;
  readonly attempt: Attempt;
  /** How its retry failed: asked again, it goes on from there. */
  later: Failure | undefined;
}

/**
 * What clients send, held against its effects: each promise is settled once and in time, one that resolves took effect
 * once, one that is rejected says whether it may have.
 */
export class Errands {
  readonly #clock: SimulatedClock;
  readonly #tally: Tally;
  /** How long outcomes are remembered for sure, in milliseconds. */
  readonly #rememberedMs: number;
  readonly #all: Errand[] = [];
  readonly #failures: Failure[] = [];
  /** Promises that are watched, and when each has to be settled. */
  readonly #open = new Map<Promise<unknown>, { readonly errand: Errand; readonly until: number }>();
  readonly #watched = new WeakSet<Promise<unknown>>();
  /** What went wrong where nobody could be told. */
  readonly #faults: unknown[] = [];

  constructor(clock: SimulatedClock, tally: Tally, rememberedMs: number) {
    this.#rememberedMs = rememberedMs;
    this.#clock = clock;
    this.#tally = tally;
  }

  send(
    errand: Omit<Errand, 'attempts' | 'replies' | 'resolved' | 'pending' | 'rejected'>,
    sent: (errand: Errand) => Promise<unknown>,
  ): void {
    const whole: Errand = { ...errand, attempts: [], replies: 0, resolved: 0, pending: 0, rejected: 0 };
    this.#all.push(whole);
    const attempt = this.#attempt(whole);
    this.#watch(whole, attempt, sent(whole));
  }

  /** Asks one of the sends that failed to be done again: the newest at 0. Twice in one turn, where that is wanted. */
  retry(pick: number, { open = false, twice = false } = {}): void {
    const failures = open
      ? this.#failures.filter((each) => !each.later && isOpen(each.error))
      : this.#failures;
    const failure = failures[failures.length - 1 - (pick % failures.length)];
    if (failure === undefined) return;
    const last = latest(failure);
    const before = { effects: last.errand.effects(), runs: last.errand.runs() };
    const [promise, again] = [failure.error.retry(), twice ? failure.error.retry() : undefined];
    this.#retried(last, promise, before);
    if (again === undefined || again === promise) return;
    // Only where the first has failed already it may be another one.
    promise.then(
      () => this.#faults.push(new Error(`sent again twice: ${JSON.stringify(last.errand.action)}`)),
      () => this.#retried(latest(failure), again, before),
    );
  }

  /** That nothing is overdue, and nothing went wrong. */
  look(): void {
    if (this.#faults.length > 0) throw this.#faults[0];
    const now = this.#clock.now();
    for (const { errand, until } of this.#open.values())
      assert.ok(until > now, `${JSON.stringify(errand.action)} is not settled in time`);
  }

  /** That all is settled, and took effect as often as was said. */
  end(): void {
    this.look();
    assert.deepEqual(
      [...this.#open.values()].map(({ errand }) => errand.action),
      [],
      'not settled',
    );
    for (const errand of this.#all) {
      check(errand);
      assert.equal(errand.replies, errand.resolved, `${errand.action.id}: subscribers see the reply once`);
    }
  }

  #retried(
    failure: Failure,
    promise: Promise<unknown>,
    before: { effects: readonly number[]; runs: boolean },
  ) {
    const { error, errand, attempt } = failure;
    this.#tally.count('retries');
    if (this.#watched.has(promise)) return this.#tally.count('retries of what is retried');
    const judge = (outcome: string) => {
      if (error.code === 'OUTCOME_UNKNOWN') return assert.equal(outcome, 'OUTCOME_UNKNOWN');
      if (!isOpen(error)) return this.#tally.count('retry began anew');
      if (outcome !== 'resolved') return this.#tally.count(`retry ${outcome}`);
      if (error.code === 'HANDLER_TIMEOUT') this.#tally.count('retry got a late answer');
      else if (before.runs) this.#tally.count('retry joined');
      else if (before.effects.every((times) => times > 0)) this.#tally.count('retry answered again');
      else this.#tally.count('retry ran');
    };
    if (isOpen(error) || error.code === 'OUTCOME_UNKNOWN')
      return this.#watch(errand, attempt, promise, judge, failure);
    this.#watch(errand, this.#attempt(errand), promise, judge, failure);
  }

  #attempt(errand: Errand): Attempt {
    const attempt: Attempt = { least: 0, most: 1, since: this.#clock.now(), session: errand.session() };
    errand.attempts.push(attempt);
    return attempt;
  }

  #watch(
    errand: Errand,
    attempt: Attempt,
    promise: Promise<unknown>,
    judge: (outcome: string) => void = () => {},
    earlier?: Failure,
  ): void {
    const until = this.#clock.now() + errand.timeoutMs;
    const settle = (outcome: string, work: () => void) => {
      try {
        assert.ok(this.#open.delete(promise));
        errand.pending--;
        assert.ok(this.#clock.now() <= until, `${outcome} came too late`);
        work();
        check(errand);
        judge(outcome);
      } catch (fault) {
        this.#faults.push(fault);
      }
    };
    errand.pending++;
    this.#watched.add(promise);
    this.#open.set(promise, { errand, until });
    promise.then(
      (result) => settle('resolved', () => this.#resolved(errand, attempt, result)),
      (error) => settle(String(error.code), () => this.#rejected(errand, attempt, error, earlier)),
    );
  }

  #resolved(errand: Errand, attempt: Attempt, result: unknown): void {
    this.#tally.count('resolved');
    Object.assign(attempt, errand.took(result));
    if ('call' in errand.action) errand.resolved++;
  }

  #rejected(errand: Errand, attempt: Attempt, error: unknown, earlier?: Failure): void {
    assert.ok(error instanceof SendError, `no SendError: ${error}`);
    this.#tally.count(`rejected ${error.code}`);
    assert.deepEqual(error.action, errand.shown ?? errand.action);
    errand.rejected++;
    const soon = this.#clock.now() - attempt.since < this.#rememberedMs;
    const mayBeForgotten = !('call' in errand.action) || errand.session() !== attempt.session || !soon;
    if (error.code === 'OUTCOME_UNKNOWN') assert.ok(mayBeForgotten, 'what the server remembers is not known');
    if (error.effect === 'none') attempt.most = 0;
    else if (handlerRan.has(error.code)) attempt.least = 1;
    const failure: Failure = { error, errand, attempt, later: undefined };
    this.#failures.push(failure);
    if (earlier !== undefined) earlier.later = failure;
  }
}

const handlerRan = new Set(['HANDLER_ERROR', 'HANDLER_TIMEOUT', 'SOLD_OUT']);
const openCodes = new Set(['TIMEOUT', 'CONNECTION_LOST', 'HANDLER_TIMEOUT']);

function latest(failure: Failure): Failure {
  return failure.later === undefined ? failure : latest(failure.later);
}

/** A retry could not be sent; what was to be asked is as open as before. */
const notAskedCodes = new Set(['NOT_CONNECTED', 'QUEUE_FULL']);

/** The client can still ask what became of it; that is no further attempt. */
function isOpen({ code, effect }: SendError): boolean {
  return openCodes.has(code) || (notAskedCodes.has(code) && effect === 'perhaps');
}

function check({ action, attempts, effects }: Errand): void {
  const least = attempts.reduce((sum, attempt) => sum + attempt.least, 0);
  const most = attempts.reduce((sum, attempt) => sum + attempt.most, 0);
  for (const times of effects()) {
    const told = `${JSON.stringify(action)} took effect ${times} times`;
    assert.ok(times >= least, `${told}, and at least ${least} were promised`);
    assert.ok(times <= most, `${told}, and at most ${most} were promised`);
  }
}

import {
  Disconnect,
  type Effect,
  type Position,
  type ReplyError,
  type StreamState,
} from '@callboard/protocol';
import { Subject } from 'rxjs';
import { subscribed } from './answers.ts';
import type { Channels } from './channels.ts';
import { LONGEST_MS } from './longest.ts';
import { SendError } from './send-error.ts';

/**
 * What is certain of the server, and what becomes of a publication of the channel:
 *
 * | state | the server | the channel's own subscribers | filters that fit |
 * |---|---|---|---|
 * | `out` | sends nothing of it | – | all that comes |
 * | `joining` | is asked to, and sends nothing of it before the reply | – | all that comes |
 * | `in` | sends it: the reply or `connected` says so | what the position has not passed | the same, but for what came for filters before that |
 * | `leaving` | is to send it no more | – | what the position has not passed |
 * | `unsure` | may send it or not: it is left first, so that what comes later is certain | – | all that comes, once |
 *
 * A filter goes through the same states, and has no position.
 */
type State = 'out' | 'joining' | 'in' | 'leaving' | 'unsure';

/** Has the server send a channel, or all that a filter fits, as long as somebody here wants that, and no longer. */
export class Subscription {
  readonly name: string;
  /** Each time the server refuses it. */
  readonly refusals = new Subject<ReplyError>();
  /** Where those stand who want the channel. */
  position: Position | undefined;
  /** The newest that the channel's own subscribers were told of, live or as a last value. */
  #known: Position | undefined;
  readonly #all: Channels;
  #state: State = 'out';
  /** A request is not answered: one at a time, or nobody could tell what frames before an answer are of. */
  #isAsking = false;
  #again: unknown;
  /** The server does not let this client in. */
  #refusal: SendError | undefined;
  /** Who waits until the server has done what is wanted. */
  #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  /** The last that came for filters alone. */
  #aside: Position | undefined;

  constructor(name: string, all: Channels) {
    this.name = name;
    this.#all = all;
    if (all.state === 'over') this.refusals.complete();
  }

  get isIn(): boolean {
    return this.#state === 'in';
  }

  /** There is a connection. @param at where the server has the subscription; its word that it has ended that may be lost. */
  begin(at: StreamState | undefined, resumed: boolean): void {
    if (!resumed) {
      this.#out();
      this.#refusal = undefined;
    } else if (at === undefined) this.#end();
    else if (this.#state === 'joining') this.#state = 'in';
    this.update();
  }

  end(): void {
    this.update();
    this.refusals.complete();
  }

  /** Resolves when the server has done what is wanted. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#settle();
    });
  }

  /** Brings the server to what is wanted, step by step. */
  update(): void {
    const { state, host } = this.#all;
    const isWanted = this.#isWanted;
    host.timers.clearTimeout(this.#again);
    if (!isWanted) this.#abandon();
    if (state !== 'online' || this.#isAsking || this.#isSettled) return this.#settle();
    const { name, position } = this;
    const joins = this.#state === 'out';
    if (joins) this.#state = 'joining';
    this.#isAsking = true;
    const positions = position && { positions: { [name]: position } };
    const asked = joins
      ? host.request({ op: 'subscribe', channels: [name], ...positions }, (result) =>
          this.#joined(subscribed(name, result)),
        )
      : host.request({ op: 'unsubscribe', channels: [name] }, () => this.#left());
    asked.then(
      () => this.update(),
      (failed: SendError) => this.#failed(failed, joins),
    );
  }

  /** The server has ended it, and says why. */
  unsubscribed(error: ReplyError): void {
    if (!this.#end()) return this.update();
    if (!error.retryable) {
      this.position = undefined;
      this.#refuse(error, 'none');
    } else if (!this.#isAsking) {
      this.#again = this.#all.host.timers.setTimeout(() => this.update(), AGAIN_MS);
    }
  }

  /** A publication came that is no last value: whether it is news to anybody. */
  moveTo(at: Position): boolean {
    if (covers(this.#isSent ? this.position : this.#aside, at)) return false;
    if (this.#isSent) this.position = at;
    else this.#aside = at;
    return true;
  }

  /** A gap came: whether it is news to anybody. */
  skipTo(to: Position): boolean {
    if (!this.#isSent) return true;
    if (covers(this.position, to)) return false;
    this.position = to;
    return true;
  }

  /** The channel's own subscribers are about to be told; false where it is a last value that they know. */
  isNews(at: Position, retained: boolean): boolean {
    if (retained && covers(this.#known, at)) return false;
    this.#known = at;
    return true;
  }

  /** Whether filters had it before this began: it is recovered for this alone. */
  cameAside(at: Position): boolean {
    return this.#isSent && covers(this.#aside, at);
  }

  get #isSent(): boolean {
    return this.#state === 'in' || this.#state === 'leaving';
  }

  get #isWanted(): boolean {
    return this.#all.subscribers.has(this.name);
  }

  get #isSettled(): boolean {
    const isGoal = this.#state === (this.#isWanted && this.#refusal === undefined ? 'in' : 'out');
    return isGoal && !this.#isAsking;
  }

  /** Nobody wants it. Who comes next begins anew and knows nothing, also where the server cannot be told before that. */
  #abandon(): void {
    this.#refusal = undefined;
    this.#known = undefined;
    if (this.#state === 'in') this.#state = 'leaving';
    // One from the head on will do for whoever comes next.
    if (this.#state === 'joining' && this.position !== undefined) this.#state = 'unsure';
    // What the server sends goes on from there.
    if (!this.#isSent) this.position = undefined;
  }

  /** At once, as what comes with the reply counts. */
  #joined(at: StreamState | undefined): StreamState | undefined {
    if (at === undefined) return undefined;
    this.#isAsking = false;
    if (this.#state === 'joining') this.#state = 'in';
    if (this.#state === 'in' && at.epoch !== undefined)
      this.position ??= { epoch: at.epoch, offset: at.offset };
    return at;
  }

  #left(): true {
    this.#isAsking = false;
    this.#out();
    return true;
  }

  /**
   * The server has it no more. A subscribe whose answer is on its way may have been granted before that, or after it. Whether
   * this ends what somebody wants.
   */
  #end(): boolean {
    const before = this.#state;
    if (before === 'out' || before === 'unsure') return false;
    if (before === 'leaving') this.position = undefined;
    if (this.#isAsking) this.#state = 'unsure';
    else this.#out();
    return before !== 'leaving';
  }

  #out(): void {
    // Who comes after all have left begins anew.
    if (this.#state === 'leaving') this.position = undefined;
    this.#state = 'out';
  }

  #failed({ error, effect }: SendError, joins: boolean): void {
    const { host, state } = this.#all;
    const { retryable, retryAfterMs = AGAIN_MS, code } = error;
    this.#isAsking = false;
    // Of another session: in this one it is out.
    if (code === 'OUTCOME_UNKNOWN' && this.#state === 'out') return this.update();
    if (retryable || code === 'OUTCOME_UNKNOWN') {
      if (joins && effect !== 'none') this.#state = 'unsure';
      else if (this.#state === 'joining') this.#state = 'out';
      if (state === 'online')
        this.#again = host.timers.setTimeout(() => this.update(), Math.min(retryAfterMs, LONGEST_MS));
      return;
    }
    this.#out();
    if (joins) this.#refuse(error, effect);
    else this.update();
  }

  #refuse(error: ReplyError, effect: Effect): void {
    const { logger } = this.#all.host;
    if (this.#refusal !== undefined) return this.update();
    this.#refusal = new SendError(error, { type: 'subscribe' }, effect, () => {
      this.#refusal = undefined;
      this.update();
      return this.settled();
    });
    logger.warn('a channel was refused', { channel: this.name, code: error.code });
    this.refusals.next(error);
    this.update();
  }

  #settle(): void {
    const isOver = this.#all.state === 'over';
    if (!this.#isSettled && !isOver) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const failure =
      this.#refusal ??
      (isOver && this.#isWanted && new Disconnect(1000, { reason: 'closed by the application' }));
    for (const { resolve, reject } of waiting) {
      if (failure) reject(failure);
      else resolve();
    }
  }
}

/** Whether what is at `at` came before one of this position, or with it. */
function covers(position: Position | undefined, at: Position): boolean {
  return position?.epoch === at.epoch && at.offset <= position.offset;
}

/** Before it asks again, where the server does not say when. */
const AGAIN_MS = 1_000;

import {
  type AnnouncedLimits,
  type AnyAction,
  assertReadable,
  Disconnect,
  type ErrorFrame,
  encodeFrame,
  ReplyError,
  type ReplyFrame,
  type RequestFrame,
} from '@callboard/protocol';
import type { Timers } from '@callboard/runtime';
import { Budget } from './budget.ts';
import { LONGEST_MS } from './longest.ts';
import { type ClientErrorCode, clientError, SendError } from './send-error.ts';
import { byteLength } from './utf8.ts';

/** A request before it has its mid. */
export type RequestBody = RequestFrame extends infer F
  ? F extends RequestFrame
    ? Omit<F, 'mid' | 'settled'>
    : never
  : never;

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly resend: boolean;
  /**
   * What is made of the result, before anything else comes. Undefined where it is none: whoever sent it is not in its
   * right mind.
   */
  readonly read?: (result: unknown) => unknown;
}

export interface RequestsHost {
  readonly timers: Timers;
  readonly maxQueued: number;
  /** Puts a frame's text on the connection. */
  write(text: string): void;
  replied(action: AnyAction, result: unknown): void;
}

interface Request extends RequestOptions {
  readonly body: RequestBody;
  /** 0 while it has none. */
  mid: number;
  text: string;
  bytes: number;
  /**
   * `queued` waits to be written, `written` for its answer. `held` has been rejected with its outcome open: it may be
   * asked for again, so its mid is not settled. `over`: all is said.
   */
  state: 'queued' | 'written' | 'held' | 'over';
  /** The session that it was last written in; 0 before. */
  generation: number;
  timer: unknown;
  promise: Promise<unknown>;
  /** What the latest attempt failed with. */
  error: SendError | undefined;
  resolve(result: unknown): void;
  reject(error: SendError): void;
}

/** The requests of one client: their mids, their order, and what is still to be said about each. Nothing stays open for ever. */
export class Requests {
  readonly #host: RequestsHost;
  readonly #budget = new Budget();
  /** By mid, so in the order of mids: all that is not over. */
  readonly #open = new Map<number, Request>();
  /** Those of them that are queued, in the order in which they go. */
  #queue = new Map<number, Request>();
  /** Undefined while there is no connection. */
  #limits: AnnouncedLimits | undefined;
  #holdMs = HOLD_MS;
  #generation = 0;
  #lastMid = 0;
  #written = 0;
  #inFlight = 0;
  #pacing: unknown;
  /** Why nothing can be sent: no connection is there or to come. */
  #closed = false;

  constructor(host: RequestsHost) {
    this.#host = host;
  }

  /** The highest mid that was ever written; what is only queued does not count. */
  get lastWritten(): number {
    return this.#written;
  }

  /** All requests up to this mid are settled. */
  get settled(): number {
    const [oldest] = this.#open.keys();
    return oldest === undefined ? this.#lastMid : oldest - 1;
  }

  /** Sends it as soon as may be. Rejects with a SendError, and with nothing else. */
  add(body: RequestBody, options: RequestOptions): Promise<unknown> {
    const request = { ...options, body, mid: 0, text: '', bytes: 0, state: 'over', generation: 0 } as Request;
    return this.#ask(request);
  }

  /** A promise that is rejected as one of a request would be. */
  refuse(body: RequestBody, error: ReplyError, again: () => Promise<unknown>): Promise<never> {
    // Asked twice, it is sent once; asked again when that has failed, it goes on from there.
    let retry = () => {
      const retried = again();
      retry = () => retried;
      retried.catch((failed: SendError) => {
        retry = failed.retry;
      });
      return retried;
    };
    return Promise.reject(new SendError(error, actionOf(body), error.effect, () => retry()));
  }

  /**
   * There is a connection. In a session that goes on, what was written and is not settled goes first, in the order of
   * mids; of another session's nobody can say any more what became of it. `hello` is what was written to get here: the
   * server counts that too.
   */
  begin(limits: AnnouncedLimits, generation: number, hello?: string): void {
    this.#limits = limits;
    this.#holdMs = Math.min(limits.requestTimeoutMs + limits.resumeWindowMs, LONGEST_MS);
    this.#closed = false;
    this.#budget.begin(limits, this.#host.timers.now());
    if (hello !== undefined) this.spend(hello);
    this.#generation = generation;
    for (const request of [...this.#open.values()]) {
      if (request.generation === 0 || request.generation === generation) {
        if (request.state === 'written') this.#enqueue(request);
      } else if (request.state === 'held') this.#finish(request);
      else this.#reject(request, new ReplyError('OUTCOME_UNKNOWN'));
    }
    this.#inFlight = 0;
    this.#queue = new Map([...this.#queue].sort(([a], [b]) => a - b));
    this.#pump();
  }

  /** The connection is gone, and another one may come. */
  interrupt(): void {
    this.#limits = undefined;
    this.#host.timers.clearTimeout(this.#pacing);
    this.#pacing = undefined;
    for (const request of [...this.#open.values()]) {
      if (request.state === 'written' && !request.resend) this.#hold(request, clientError('CONNECTION_LOST'));
    }
  }

  /** The connection is gone, and none will come by itself. */
  close(): void {
    this.interrupt();
    this.#closed = true;
    for (const request of [...this.#open.values()]) {
      if (request.state === 'written') this.#hold(request, clientError('CONNECTION_LOST'));
      else if (request.state === 'queued') {
        if (request.generation === 0) this.#reject(request, clientError('NOT_CONNECTED'));
        else this.#hold(request, clientError('CONNECTION_LOST'));
      }
    }
  }

  /** The session is given up: nothing can be asked for again. */
  end(): void {
    this.close();
    this.#generation = -1;
    for (const request of [...this.#open.values()]) this.#finish(request);
  }

  /** A connection is on its way: sends may wait for it. */
  reopen(): void {
    this.#closed = false;
  }

  /**
   * What is not waited for is ignored: after a retry an answer may come twice.
   * @returns whether it can be an answer; where not, nothing has happened.
   */
  answered(frame: ReplyFrame | ErrorFrame): boolean {
    const request = this.#open.get(frame.mid);
    if (request === undefined || request.state === 'held') return true;
    if (frame.op === 'error') {
      const error = new ReplyError(frame.code, frame);
      // The handler may still end, and its answer is remembered: this can be asked for again.
      if (frame.code === 'HANDLER_TIMEOUT') this.#hold(request, error);
      else this.#reject(request, error);
    } else {
      const { resolve, body, read } = request;
      const result = read ? read(frame.result) : frame.result;
      if (read && result === undefined) return false;
      this.#finish(request);
      resolve(result);
      if (body.op === 'call') this.#host.replied(body.action, frame.result);
    }
    this.#pump();
    return true;
  }

  /** Charges a frame that is none of these requests. */
  spend(text: string): void {
    this.#budget.spend(byteLength(text), this.#host.timers.now());
  }

  #ask(request: Request): Promise<unknown> {
    request.error = undefined;
    request.promise = new Promise((resolve, reject) => {
      request.resolve = resolve;
      request.reject = reject;
    });
    const refusal = this.#refusal(request);
    if (refusal !== undefined) request.reject(this.#sendError(request, clientError(refusal)));
    else if (request.state === 'held') this.#start(request);
    else this.#number(request);
    return request.promise;
  }

  #refusal({ body }: Request): ClientErrorCode | undefined {
    if (this.#closed) return 'NOT_CONNECTED';
    return ('action' in body || 'channel' in body) && this.#queue.size >= this.#host.maxQueued
      ? 'QUEUE_FULL'
      : undefined;
  }

  /** Gives it a new mid, and its text, which a repetition does not change. */
  #number(request: Request): void {
    // Open from here on, as an action may send another one while it is put into JSON.
    const mid = ++this.#lastMid;
    request.mid = mid;
    request.generation = 0;
    this.#open.set(mid, request);
    const { settled } = this;
    const { op, ...fields } = request.body;
    try {
      request.text = encodeFrame({ op, mid, ...(settled > 0 && { settled }), ...fields } as RequestFrame);
      // One that the server cannot read would cost the connection for good.
      assertReadable(request.text);
    } catch (cause) {
      const message = cause instanceof Disconnect ? cause.reason : 'It cannot be put into JSON.';
      const code = 'action' in request.body ? 'INVALID_ACTION' : 'INVALID_REQUEST';
      return this.#reject(request, new ReplyError(code, { message, cause }));
    }
    request.bytes = byteLength(request.text);
    this.#start(request);
  }

  #start(request: Request): void {
    const { timers } = this.#host;
    timers.clearTimeout(request.timer);
    request.timer = timers.setTimeout(() => this.#timedOut(request), Math.min(request.timeoutMs, LONGEST_MS));
    this.#enqueue(request);
    this.#pump();
  }

  #enqueue(request: Request): void {
    request.state = 'queued';
    this.#queue.set(request.mid, request);
  }

  /** Writes what may be written now, and comes back when more may. */
  #pump(): void {
    const limits = this.#limits;
    if (limits === undefined || this.#pacing !== undefined) return;
    const { timers } = this.#host;
    for (const request of this.#queue.values()) {
      if (this.#inFlight >= limits.maxPendingRequests) return;
      if (request.bytes > limits.maxFrameBytes) {
        const message = `It has ${request.bytes} bytes, and the server takes ${limits.maxFrameBytes}.`;
        this.#reject(request, clientError('FRAME_TOO_LARGE', { message }));
        continue;
      }
      const now = timers.now();
      const waitMs = this.#budget.waitMs(request.bytes, now);
      if (waitMs > 0) {
        this.#pacing = timers.setTimeout(() => {
          this.#pacing = undefined;
          this.#pump();
        }, waitMs);
        return;
      }
      this.#queue.delete(request.mid);
      request.state = 'written';
      request.generation = this.#generation;
      this.#inFlight++;
      this.#written = Math.max(this.#written, request.mid);
      this.#budget.spend(request.bytes, now);
      this.#host.write(request.text);
      if (this.#limits !== limits) return;
    }
  }

  #timedOut(request: Request): void {
    if (request.generation === 0) this.#reject(request, clientError('NOT_CONNECTED'));
    else this.#hold(request, clientError('TIMEOUT'));
    this.#pump();
  }

  /** Rejects it, and keeps its mid for as long as the server may remember what became of it. */
  #hold(request: Request, error: ReplyError): void {
    this.#leave(request);
    request.state = 'held';
    const { timers } = this.#host;
    timers.clearTimeout(request.timer);
    request.timer = timers.setTimeout(() => this.#finish(request), this.#holdMs);
    request.reject(this.#sendError(request, error));
  }

  #reject(request: Request, error: ReplyError): void {
    this.#finish(request);
    request.reject(this.#sendError(request, error));
  }

  #finish(request: Request): void {
    this.#leave(request);
    request.state = 'over';
    this.#host.timers.clearTimeout(request.timer);
    this.#open.delete(request.mid);
  }

  #leave(request: Request): void {
    if (request.state === 'written') this.#inFlight--;
    if (request.state === 'queued') this.#queue.delete(request.mid);
  }

  #sendError(request: Request, error: ReplyError): SendError {
    const action = actionOf(request.body);
    if (error.code === 'OUTCOME_UNKNOWN') {
      request.error = outcomeUnknown(action);
      return request.error;
    }
    const { promise, state, generation } = request;
    const open = state === 'held';
    const effect = generation === 0 ? 'none' : open ? 'perhaps' : error.effect;
    request.error = new SendError(error, action, effect, () => {
      // Asked twice, it is sent once; asked again when that has failed, it goes on from there.
      if (request.promise !== promise) return request.error?.retry() ?? request.promise;
      const forgotten = open && (request.state !== 'held' || generation !== this.#generation);
      return forgotten ? Promise.reject(outcomeUnknown(action)) : this.#ask(request);
    });
    return request.error;
  }
}

function outcomeUnknown(action: AnyAction): SendError {
  const error: SendError = new SendError(new ReplyError('OUTCOME_UNKNOWN'), action, 'perhaps', () =>
    Promise.reject(error),
  );
  return error;
}

/** What is sent without an action has none to show. */
function actionOf(body: RequestBody): AnyAction {
  return 'action' in body ? body.action : { type: body.op };
}

/** How long the server remembers an outcome, before it has said so (PROTOCOL.md, "What is remembered"). */
const HOLD_MS = 90_000;

import { deepEqual, equal, ok } from 'node:assert/strict';
import type { AnnouncedLimits } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { Requests } from '../src/requests.ts';
import { SendError } from '../src/send-error.ts';
import { limits } from './scripted-transport.ts';

export const deeds = ['send', 'answer', 'refuse', 'time', 'lose', 'close', 'connect', 'retry'] as const;
export interface Command {
  readonly deed: (typeof deeds)[number];
  readonly pick: number;
  readonly luck: number;
}

/** A send as the application sees it: one promise after another, each with its time. */
interface Send {
  readonly n: number;
  readonly timeoutMs: number;
  deadline: number;
  state: 'pending' | 'resolved' | 'failed';
  settlements: number;
  error: SendError | undefined;
  /** Its latest mid, where that was written; the session it was written in; how long the outcome may be asked for. */
  mid: number;
  generation: number;
  openUntil: number;
}

const CODES = [
  'FORBIDDEN',
  'RATE_LIMITED',
  'HANDLER_ERROR',
  'HANDLER_TIMEOUT',
  'OUTCOME_UNKNOWN',
  'SOLD_OUT',
];
const OPEN = new Set(['TIMEOUT', 'CONNECTION_LOST', 'HANDLER_TIMEOUT']);
/** Answers after which a retry is another attempt, though the last one may have had an effect. */
const OVER = new Set(['HANDLER_ERROR', 'SOLD_OUT']);
const HOLD_MS = limits.requestTimeoutMs + limits.resumeWindowMs;

/** Requests alone, with an application, a server and a network that do what a script says, and a look at every step. */
export class RequestsModel {
  readonly #clock = new SimulatedClock();
  readonly #requests: Requests;
  readonly #sends: Send[] = [];
  readonly #tally: Record<string, number>;
  readonly #texts = new Map<number, string>();
  /** Written and not answered, on the connection that there is. */
  readonly #flying = new Map<number, Send>();
  #limits: AnnouncedLimits | undefined;
  #generation = 0;
  #highest = 0;
  #settled = 0;

  constructor(tally: Record<string, number>) {
    this.#tally = tally;
    this.#requests = new Requests({
      timers: this.#clock,
      maxQueued: 8,
      write: (text) => this.#written(text),
      replied: () => {},
    });
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      await this.#do(command);
      await this.#clock.settle();
      this.#look();
    }
  }

  /** However it stands: after the end nothing is pending, and nothing is left. */
  async end(): Promise<void> {
    this.#requests.end();
    await this.#clock.settle();
    for (const send of this.#sends) ok(send.state !== 'pending', `send ${send.n} is pending after the end`);
    equal(this.#clock.pendingTimers, 0);
    const written = this.#texts.size;
    for (const { error } of this.#sends) await error?.retry().catch(() => {});
    equal(this.#texts.size, written);
  }

  async #do({ deed, pick, luck }: Command): Promise<void> {
    const flying = [...this.#flying.keys()];
    const mid = flying[pick % flying.length];
    switch (deed) {
      case 'send':
        return this.#send(luck);
      case 'answer':
        if (mid !== undefined)
          this.#answered(mid, () => this.#requests.answered({ op: 'reply', mid, result: mid }));
        return;
      case 'refuse': {
        const code = CODES[luck % CODES.length] as string;
        const frame = { op: 'error', code, message: code, retryable: code === 'RATE_LIMITED' } as const;
        if (mid !== undefined) this.#answered(mid, () => this.#requests.answered({ ...frame, mid }));
        return;
      }
      case 'time':
        return this.#clock.advanceAsync([1, 200, 2_000, 20_000, 100_000][luck % 5] as number);
      case 'lose':
        if (this.#limits !== undefined) this.#lost(() => this.#requests.interrupt());
        return;
      case 'close':
        if (luck % 3 === 0) this.#lost(() => this.#requests.close());
        return;
      case 'connect':
        if (this.#limits === undefined) this.#connect(luck);
        return;
      case 'retry':
        return this.#retry(pick, luck);
    }
  }

  #send(luck: number): void {
    const n = this.#sends.length;
    const timeoutMs = [500, 5_000, 35_000, 200_000][luck % 4] as number;
    const send: Send = {
      ...{ n, timeoutMs, deadline: 0, state: 'pending', settlements: 0, error: undefined },
      ...{ mid: 0, generation: 0, openUntil: 0 },
    };
    this.#sends.push(send);
    send.deadline = this.#clock.now() + timeoutMs;
    const action = { type: 'A', n, text: 'x'.repeat(luck % 5 === 4 ? 300 : luck) };
    this.#follow(send, this.#requests.add({ op: 'call', action }, { timeoutMs, resend: luck % 2 === 0 }));
  }

  #retry(pick: number, luck: number): void {
    const failed = this.#sends.filter(({ state }) => state === 'failed');
    const send = failed[pick % failed.length];
    const retry = send?.error?.retry;
    if (send === undefined || retry === undefined) return;
    send.state = 'pending';
    send.deadline = this.#clock.now() + send.timeoutMs;
    const promise = retry();
    this.#follow(send, promise);
    // Whoever asks twice is given the same, and nothing more is sent.
    if (luck % 2 === 0) retry().catch(() => {});
  }

  #follow(send: Send, promise: Promise<unknown>): void {
    send.settlements = 0;
    promise.then(
      () => {
        send.settlements++;
        send.state = 'resolved';
      },
      (error: unknown) => {
        ok(error instanceof SendError, String(error));
        send.settlements++;
        send.state = 'failed';
        send.error = error;
        this.#count(error.code);
        send.openUntil = OPEN.has(error.code) ? this.#clock.now() + HOLD_MS : 0;
      },
    );
  }

  #answered(mid: number, answer: () => void): void {
    this.#flying.delete(mid);
    answer();
  }

  #lost(lose: () => void): void {
    this.#limits = undefined;
    this.#flying.clear();
    lose();
  }

  #connect(luck: number): void {
    this.#requests.reopen();
    this.#limits = {
      ...limits,
      maxPendingRequests: [1, 2, 1_024][luck % 3] as number,
      maxFramesPerSecond: [500, 2][luck % 2] as number,
      maxFrameBytes: 250,
    };
    if (luck % 4 === 0 || this.#generation === 0) this.#generation++;
    this.#requests.begin(this.#limits, this.#generation);
  }

  /** What a server would see. */
  #written(text: string): void {
    const now = this.#clock.now();
    const {
      mid,
      settled = 0,
      action,
    } = JSON.parse(text) as { mid: number; settled?: number; action: { n: number } };
    const send = this.#sends[action.n] as Send;
    const before = this.#texts.get(mid);
    ok(mid > this.#settled, `request ${mid}, when ${this.#settled} were settled`);
    ok(this.#limits !== undefined, 'written without a connection');
    ok(text.length <= this.#limits.maxFrameBytes);
    ok(settled < mid && settled <= this.#requests.settled, `${settled} settled, in request ${mid}`);
    if (before === undefined) {
      ok(mid > this.#highest, `${mid} after ${this.#highest}`);
      this.#highest = mid;
      const over = send.error === undefined || send.error.effect === 'none' || OVER.has(send.error.code);
      ok(over, `request ${mid} repeats ${send.mid}, whose outcome is open`);
      send.generation = this.#generation;
    } else {
      this.#count('again');
      equal(text, before);
      equal(send.generation, this.#generation, `request ${mid} of another session`);
    }
    equal(this.#requests.lastWritten, this.#highest);
    send.mid = mid;
    this.#texts.set(mid, text);
    // Those whose time is up have been given up on, though nobody was told yet.
    for (const [each, { deadline }] of this.#flying) if (deadline <= now) this.#flying.delete(each);
    this.#flying.set(mid, send);
    ok(this.#flying.size <= this.#limits.maxPendingRequests, `${this.#flying.size} at a time`);
    if (this.#flying.size === this.#limits.maxPendingRequests) this.#count('full');
  }

  #look(): void {
    const { settled } = this.#requests;
    ok(settled >= this.#settled, `${settled} settled, after ${this.#settled}`);
    this.#settled = settled;
    for (const send of this.#sends) {
      const { state, deadline, mid, generation, openUntil, settlements } = send;
      const now = this.#clock.now();
      if (state === 'pending') ok(now < deadline, `send ${send.n} is pending past its time`);
      deepEqual(settlements, state === 'pending' ? 0 : 1);
      const open = state === 'failed' && now < openUntil && generation === this.#generation;
      if (mid > 0 && open) ok(settled < mid, `${settled} settled while the outcome of ${mid} is open`);
      if (this.#flying.get(mid) === send && state === 'pending') ok(settled < mid);
      if (state !== 'pending') this.#flying.delete(mid);
    }
  }

  #count(what: string): void {
    this.#tally[what] = (this.#tally[what] ?? 0) + 1;
  }
}

import { type AnyAction, type CallFrame, ReplyError } from '@callboard/protocol';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import type { ActionRequest, Answer } from '../requests/queued.ts';
import type { CallAnswer } from './port.ts';

/** A call by another protocol than frames: it passes the same gates, and is answered once. */
export class ForeignCall implements ActionRequest, Answer {
  readonly client: ServerClient;
  frame: CallFrame;
  action: AnyAction;
  readonly answer = this;
  readonly #node: Node;
  #answered: ((answer: CallAnswer) => void) | undefined;

  constructor(node: Node, client: ServerClient, action: AnyAction, answered: (answer: CallAnswer) => void) {
    this.client = client;
    this.frame = { op: 'call', mid: 0, action };
    this.action = action;
    this.#node = node;
    this.#answered = answered;
  }

  reply(result: unknown): void {
    const encoded = JSON.stringify(result);
    if (this.#settle({ result: encoded })) this.#node.counters.replied++;
  }

  fail(error: ReplyError): void {
    const { counters } = this.#node;
    if (!this.#settle({ error })) return;
    counters.failed++;
    counters.count(counters.errors, error.code);
  }

  /** Whether it was not answered before: what comes after the time-out goes nowhere. */
  #settle(answer: CallAnswer): boolean {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
    return answered !== undefined;
  }
}

/** @throws ReplyError TOO_MANY_PENDING, UNAVAILABLE */
export function assertMayCall({ requests, limits }: Node, running: number): void {
  if (requests.draining) throw new ReplyError('UNAVAILABLE');
  if (running >= limits.maxPendingRequests) throw new ReplyError('TOO_MANY_PENDING');
}

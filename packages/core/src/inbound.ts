import {
  type ClientFrame,
  Disconnect,
  type ErrorCode,
  ReplyError,
  type RequestFrame,
  RequestRefused,
} from '@callboard/protocol';
import { guarded, Pipeline } from '@callboard/runtime';
import { filter } from 'rxjs';
import type { Client } from './api.ts';
import type { ServerClient } from './client.ts';
import { connect } from './handshake.ts';
import type { Link } from './link.ts';
import type { Node } from './node.ts';
import type { InboundOperator } from './plugin.ts';

/** A client's request on its way in, as the inbound pipeline shows it to operators. */
export interface Inbound {
  readonly client: Client;
  readonly frame: RequestFrame;
}

/** The same with what the pipeline itself needs; fields, so that they survive an operator's `{...inbound}`. */
class Received implements Inbound {
  readonly link: Link;
  readonly client: ServerClient;
  readonly text: string;
  readonly bytes: number;
  frame!: RequestFrame;

  constructor(link: Link, text: string, bytes: number) {
    this.link = link;
    // Without a client the frame does not get past decoding.
    this.client = link.client as ServerClient;
    this.text = text;
    this.bytes = bytes;
  }
}

/** What has become of a request by another protocol, while it is in the operators' hands. */
interface Passing {
  readonly client: Client;
  frame: RequestFrame | undefined;
  failed: boolean;
}

/**
 * The way in, one RxJS pipeline composed at start: gate (size, rate, state) → decode and validate → admit (retries,
 * pending requests) → the plugins' operators → dispatch. Each frame has gone all the way when `receive` returns.
 */
export class InboundPipeline {
  readonly #node: Node;
  #pipeline: Pipeline<Inbound>;
  /** There are operators, which may hold a request back. */
  #watched = false;
  /** The request that is in the operators' hands. */
  #pending: Received | undefined;
  #passing: Passing | undefined;

  constructor(node: Node) {
    this.#node = node;
    this.#pipeline = this.#composed([]);
  }

  /** Composes the pipeline with the plugins' operators; once, before the first frame. */
  compose(operators: readonly InboundOperator[]): void {
    this.#watched = operators.length > 0;
    this.#pipeline = this.#composed(operators);
  }

  #composed(operators: readonly InboundOperator[]): Pipeline<Inbound> {
    const ofPlugins = operators.map((operator) =>
      guarded<Inbound>(operator, (cause, inbound) => this.#operatorFailed(cause, inbound)),
    );
    // What is no frame its gateway has read and admitted.
    const admitted = (inbound: Inbound) =>
      !(inbound instanceof Received) ||
      (this.#gate(inbound) && this.#decode(inbound) && this.#admit(inbound));
    return new Pipeline<Inbound>([filter(admitted), ...ofPlugins], (inbound) => this.#dispatch(inbound));
  }

  /** Whether plugins look at what comes in. */
  get watched(): boolean {
    return this.#watched;
  }

  /** What the operators make of a request that comes by another protocol. @throws ReplyError REFUSED, PLUGIN_ERROR */
  pass<Frame extends RequestFrame>(client: ServerClient, frame: Frame): Frame {
    if (!this.#watched) return frame;
    const passing: Passing = { client, frame: undefined, failed: false };
    this.#push({ client, frame }, passing);
    if (passing.failed) throw new ReplyError('PLUGIN_ERROR');
    if (passing.frame?.op !== frame.op) throw new ReplyError('REFUSED');
    return passing.frame as Frame;
  }

  /** Operators may ask for something themselves: each has its own time in their hands. */
  #push(inbound: Inbound, passing?: Passing): void {
    const pending = this.#pending;
    const before = this.#passing;
    this.#pending = undefined;
    this.#passing = passing;
    this.#pipeline.push(inbound);
    if (this.#pending !== undefined) this.#refuse(this.#pending, 'REFUSED');
    this.#pending = pending;
    this.#passing = before;
  }

  receive(link: Link, text: string, bytes: number): void {
    const { counters } = this.#node;
    counters.received++;
    counters.receivedBytes += bytes;
    this.#push(new Received(link, text, bytes));
  }

  #gate({ link, bytes }: Received): boolean {
    const { limits, clock } = this.#node;
    if (bytes > limits.maxFrameBytes) {
      link.end(new Disconnect('FRAME_TOO_LARGE'));
      return false;
    }
    const now = clock.now();
    link.frameBudget.spend(1, now);
    link.byteBudget.spend(bytes, now);
    if (!link.frameBudget.ruined && !link.byteBudget.ruined) return true;
    link.end(new Disconnect('RATE_LIMITED', { afterMs: limits.pingIntervalMs }));
    return false;
  }

  #decode(received: Received): boolean {
    const { link, client, text } = received;
    const { codec, requests } = this.#node;
    let frame: ClientFrame;
    try {
      frame = codec.decodeClient(text);
    } catch (error) {
      if (error instanceof RequestRefused && client?.link === link)
        requests.fail(client, error.mid, error.error);
      else link.end(error instanceof Disconnect ? error : new Disconnect('MALFORMED_FRAME'));
      return false;
    }
    if (client?.link !== link) {
      if (frame.op === 'connect' && !link.authenticating) connect(this.#node, link, frame);
      else link.end(new Disconnect('CONNECT_EXPECTED'));
      return false;
    }
    if (frame.op === 'connect') {
      link.end(new Disconnect('MALFORMED_FRAME', { reason: 'connected already' }));
      return false;
    }
    client.confirmSession();
    if ('settled' in frame && frame.settled !== undefined) client.outcomes?.confirm(frame.settled);
    if (frame.op === 'pong') return false;
    if (frame.op === 'activity') {
      requests.activity(client, frame);
      return false;
    }
    received.frame = frame;
    return true;
  }

  #admit(received: Received): boolean {
    const { client, link, frame } = received;
    const { limits, requests } = this.#node;
    const { mid } = frame;
    const outcomes = client.requests();
    const outcome = outcomes.look(mid, link);
    if (outcome !== 'new') {
      if (outcome === 'unknown') requests.fail(client, mid, new ReplyError('OUTCOME_UNKNOWN'));
      else if (outcome !== 'running') client.send(outcome.frame);
      return false;
    }
    if (requests.draining) {
      requests.fail(client, mid, new ReplyError('UNAVAILABLE'));
      return false;
    }
    const debtMs = Math.max(link.frameBudget.debtMs, link.byteBudget.debtMs);
    if (debtMs > 0) {
      requests.fail(client, mid, new ReplyError('RATE_LIMITED', { retryAfterMs: debtMs }));
      return false;
    }
    if (outcomes.running >= limits.maxPendingRequests) {
      requests.fail(client, mid, new ReplyError('TOO_MANY_PENDING'));
      return false;
    }
    outcomes.begin(mid, link);
    if (this.#watched) this.#pending = received;
    return true;
  }

  #dispatch({ client, frame }: Inbound): void {
    if (this.#passing?.client === client) {
      this.#passing.frame = frame;
      return;
    }
    if (this.#watched) {
      // What an operator lets go later than in its own turn was refused by then.
      const isPending = this.#pending?.client === client && this.#pending.frame.mid === frame.mid;
      if (!isPending) return;
      this.#pending = undefined;
    }
    this.#node.requests.dispatch(client as ServerClient, frame);
  }

  #operatorFailed(cause: unknown, inbound: Inbound | undefined): void {
    this.#node.logger.error('an inbound operator failed', { op: inbound?.frame.op, cause });
    if (this.#passing !== undefined) this.#passing.failed = true;
    if (inbound !== undefined && this.#pending !== undefined) this.#refuse(inbound, 'PLUGIN_ERROR');
    this.#pending = undefined;
  }

  #refuse({ client, frame }: Inbound, code: ErrorCode): void {
    this.#node.requests.refuse(client as ServerClient, frame.mid, new ReplyError(code));
  }
}

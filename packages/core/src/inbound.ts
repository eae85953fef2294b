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

/**
 * The way in, one RxJS pipeline composed at start: gate (size, rate, state) → decode and validate → admit (retries,
 * pending requests) → the plugins' operators → dispatch. Each frame has gone all the way when `receive` returns.
 */
export class InboundPipeline {
  readonly #node: Node;
  #pipeline: Pipeline<Received>;
  /** There are operators, which may hold a request back. */
  #watched = false;
  /** The request that is in the operators' hands. */
  #pending: Received | undefined;

  constructor(node: Node) {
    this.#node = node;
    this.#pipeline = this.#composed([]);
  }

  /** Composes the pipeline with the plugins' operators; once, before the first frame. */
  compose(operators: readonly InboundOperator[]): void {
    this.#watched = operators.length > 0;
    this.#pipeline = this.#composed(operators);
  }

  #composed(operators: readonly InboundOperator[]): Pipeline<Received> {
    const ofPlugins = operators.map((operator) =>
      guarded<Received>(operator as never, (cause, received) => this.#operatorFailed(cause, received)),
    );
    return new Pipeline<Received>(
      [
        filter((received) => this.#gate(received)),
        filter((received) => this.#decode(received)),
        filter((received) => this.#admit(received)),
        ...ofPlugins,
      ],
      (received) => this.#dispatch(received),
    );
  }

  receive(link: Link, text: string, bytes: number): void {
    const { counters } = this.#node;
    counters.received++;
    counters.receivedBytes += bytes;
    const outer = this.#pending;
    this.#pending = undefined;
    this.#pipeline.push(new Received(link, text, bytes));
    if (this.#pending !== undefined) this.#refuse(this.#pending, 'REFUSED');
    this.#pending = outer;
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

  #dispatch(received: Received): void {
    const { client, frame } = received;
    if (this.#watched) {
      // What an operator lets go later than in its own turn was refused by then.
      const isPending = this.#pending?.client === client && this.#pending.frame.mid === frame.mid;
      if (!isPending) return;
      this.#pending = undefined;
    }
    this.#node.requests.dispatch(client, frame);
  }

  #operatorFailed(cause: unknown, received: Received | undefined): void {
    this.#node.logger.error('an inbound operator failed', { op: received?.frame.op, cause });
    if (received !== undefined && this.#pending !== undefined) this.#refuse(received, 'PLUGIN_ERROR');
    this.#pending = undefined;
  }

  #refuse({ client, frame }: Received, code: ErrorCode): void {
    this.#node.requests.refuse(client, frame.mid, new ReplyError(code));
  }
}

import {
  type ActivityFrame,
  type AnyAction,
  type Contract,
  type Effect,
  effectOf,
  type NativeEvent,
  ReplyError,
  type RequestFrame,
} from '@callboard/protocol';
import { type Awaitable, GuardedObservable, isPromise } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import type { ActionHandler, Handler, IncomingAction } from '../api.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import type { Registrations } from '../plugin.ts';
import type { ServerUser } from '../users.ts';
import { broadcast } from './broadcast.ts';
import { call, eventContext } from './call.ts';
import { satisfies } from './contract.ts';
import { type Gate, guarding, notReserved, pass } from './gates.ts';
import { history } from './history.ts';
import { publish } from './publish.ts';
import type { ActionRequest, ChannelRequest, Chore, Queued } from './queued.ts';
import { refresh } from './refresh.ts';
import { type CanSend, send } from './send.ts';
import { follow, subscribe, unfollow, unsubscribe } from './subscribe.ts';

export interface RequestOptions {
  readonly handler: Handler | undefined;
  readonly canSend: CanSend | undefined;
  readonly contract: Contract | undefined;
  /** Whether clients see the messages of errors that handlers throw. */
  readonly exposeErrors: boolean;
}

/** What is done with a request that has passed the pipeline, and how it is settled. */
export class Requests {
  readonly actions$: Observable<IncomingAction>;
  readonly options: RequestOptions;
  readonly #node: Node;
  readonly #actions = new Subject<IncomingAction>();
  #handlers: ReadonlyMap<string, ActionHandler> = new Map();
  #gates: readonly Gate<ActionRequest>[] = [];
  #checks: readonly Gate<Queued>[] = [];
  #rechecks: Registrations['rechecks'] = [];
  /** Of gateways' clients, those that are not settled. */
  #foreign = 0;
  /** Called when no request runs any more; while there is one, none is begun. */
  #drained: (() => void) | undefined;

  constructor(node: Node, options: RequestOptions) {
    this.#node = node;
    this.options = options;
    this.actions$ = new GuardedObservable(this.#actions, node.logger);
  }

  /** Takes in what the plugins registered; once, before the first request. */
  compose({ handlers, checks, rechecks }: Registrations): void {
    const { contract } = this.options;
    this.#handlers = handlers;
    this.#rechecks = rechecks;
    this.#checks = checks.map((check) => guarding(check, this.#node.logger));
    this.#gates = [
      notReserved(this.#node.events),
      ...(contract === undefined ? [] : [satisfies(contract)]),
      ...this.#checks,
    ];
  }

  dispatch(client: ServerClient, frame: RequestFrame): void {
    switch (frame.op) {
      case 'call':
      case 'broadcast':
      case 'send':
        return client.lane.run({ client, frame, action: frame.action });
      case 'publish':
      case 'history':
        return client.lane.run({ client, frame });
      case 'subscribe':
      case 'unsubscribe':
        // Events alone wait for nothing.
        if (frame.channels !== undefined) return client.lane.run({ client, frame });
        return this.settled(client, frame.mid, () => {
          if (frame.op === 'subscribe') follow(this.#node, client, frame.events);
          else unfollow(client, frame.events);
        });
      case 'refresh':
        return refresh(this.#node, client, frame);
    }
  }

  get draining(): boolean {
    return this.#drained !== undefined;
  }

  /** A gateway's client has asked for something, which is to be waited for until `left`. */
  entered(): void {
    this.#foreign++;
  }

  left(): void {
    this.#foreign--;
    this.#checkDrained();
  }

  /** Takes no more requests; resolves when those that run are settled. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#checkDrained();
    });
  }

  /** Takes requests again. */
  resume(): void {
    this.#drained = undefined;
  }

  handlerOf(type: string): ActionHandler | undefined {
    return this.#handlers.get(type) ?? (this.options.handler as ActionHandler | undefined);
  }

  activity(client: ServerClient, { state }: ActivityFrame): void {
    const { events, clock } = this.#node;
    const { user, id } = client;
    user.activity(client, state);
    events.emit(
      { type: 'CLIENT_ACTIVITY', userId: user.id, clientId: id, state, at: clock.now() },
      user,
      client,
    );
  }

  /** Gives a native event to the application's handler, whose failure is nobody else's. */
  handleEvent(
    event: NativeEvent | AnyAction,
    user: ServerUser | undefined,
    client: ServerClient | undefined,
  ): void {
    const { handler } = this.options;
    if (handler === undefined) return;
    const failed = (cause: unknown) => {
      this.#node.logger.error('the handler failed on a native event', { event: event.type, cause });
    };
    try {
      const done = handler(eventContext(this.#node, event, user, client));
      if (isPromise(done as Awaitable<unknown>)) (done as PromiseLike<unknown>).then(undefined, failed);
    } catch (cause) {
      failed(cause);
    }
  }

  /** Replies with what `work` gives; with what it throws, where it certainly had no effect. */
  settled(client: ServerClient, mid: number, work: () => unknown): void {
    try {
      this.reply(client, mid, work());
    } catch (error) {
      this.refuse(client, mid, error);
    }
  }

  /** The request took effect: its answer is remembered. */
  reply(client: ServerClient, mid: number, result?: unknown): void {
    const { codec, clock } = this.#node;
    const frame = codec.encode({ op: 'reply', mid, result });
    client.outcomes?.settle(mid, frame, clock.now());
    // Of this moment and this connection: not remembered.
    const offset = client.link?.takeSkipped();
    this.#answered(client, offset === undefined ? frame : codec.encode({ op: 'reply', mid, result, offset }));
  }

  /** The request had no effect, and does not need to: its reply is not remembered, and sent again it runs again. */
  answer(client: ServerClient, mid: number, reply: string): void {
    const asker = client.outcomes?.forget(mid);
    if (asker === client.link) this.#answered(client, reply);
    else this.#checkDrained();
  }

  #answered(client: ServerClient, frame: string): void {
    this.#node.counters.replied++;
    client.send(frame);
    this.#checkDrained();
  }

  /** The request may have taken effect, and failed: that is remembered, unless it may be sent again. */
  fault(client: ServerClient, mid: number, error: ReplyError): void {
    if (error.retryable) return this.refuse(client, mid, error, error.effect);
    client.outcomes?.settle(mid, this.#errorFrame(mid, error), this.#node.clock.now());
    this.fail(client, mid, error);
  }

  /**
   * The request certainly had no effect: it may be sent again. That is said on the connection by which it came last;
   * on a newer one the client has sent it again, or will, and would take this for the answer to that.
   */
  refuse(client: ServerClient, mid: number, error: unknown, effect: Effect = 'none'): void {
    const asker = client.outcomes?.forget(mid);
    const known = this.known(client, error);
    if (asker === client.link) this.fail(client, mid, known, effect);
    else this.#checkDrained();
  }

  /** Says that a request failed, and nothing else. */
  fail(client: ServerClient, mid: number, error: ReplyError, effect: Effect = error.effect): void {
    const { counters } = this.#node;
    counters.failed++;
    counters.count(counters.errors, error.code);
    client.send(this.#errorFrame(mid, error, effect));
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.#foreign > 0) return;
    for (const { outcomes } of this.#node.clients.byId.values())
      if (outcomes !== undefined && outcomes.running > 0) return;
    this.#drained();
  }

  #errorFrame(mid: number, error: ReplyError, effect: Effect = error.effect): string {
    const { code, message, retryable, retryAfterMs } = error;
    const after = {
      ...(effect !== effectOf(code, retryable) && { effect }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
    return this.#node.codec.encode({ op: 'error', mid, code, message, retryable, ...after });
  }

  /** Gates, then the effect; a call's handler is not waited for. */
  readonly perform = (request: Queued | Chore): Awaitable<void> => {
    if ('run' in request) return request.run();
    const refused = (error: unknown) => this.#refused(request, error);
    try {
      const passed = 'action' in request ? pass(this.#gates, request) : pass(this.#checks, request);
      if (!isPromise(passed)) return this.#effect(request);
      return this.deadline(passed, 'CHECK_TIMEOUT')
        .then(() => this.#effect(request))
        .then(undefined, refused);
    } catch (error) {
      return refused(error);
    }
  };

  #refused(request: Queued, error: unknown): void {
    const { client, frame } = request;
    if ('answer' in request && request.answer !== undefined) request.answer.fail(this.known(client, error));
    else this.refuse(client, frame.mid, error);
  }

  /** What is no ReplyError is our own failure. */
  known(client: ServerClient, error: unknown): ReplyError {
    if (error instanceof ReplyError) return error;
    this.#node.logger.error('a request failed', { client: client.id, cause: error });
    return new ReplyError('INTERNAL', { cause: error });
  }

  /** Whether plugins check anything. */
  get checking(): boolean {
    return this.#checks.length > 0;
  }

  /** What plugins check, of a request that comes by another way. */
  check(request: ChannelRequest): Awaitable<void> {
    const passed = pass(this.#checks, request);
    return isPromise(passed) ? this.deadline(passed, 'CHECK_TIMEOUT') : undefined;
  }

  /** Whether plugins grant rights of their own. */
  get rechecking(): boolean {
    return this.#rechecks.length > 0;
  }

  /** Has the plugins ask again what a client may do. Resolves when that is done; never rejects. */
  async recheck(client: ServerClient): Promise<void> {
    const ask = async (recheck: Registrations['rechecks'][number]) => {
      try {
        const done = recheck(client);
        if (isPromise(done)) await this.deadline(done, 'CHECK_TIMEOUT');
      } catch (cause) {
        this.#node.logger.error('a plugin failed to recheck rights', { client: client.id, cause });
      }
    };
    await Promise.all(this.#rechecks.map(ask));
  }

  #effect(request: Queued): Awaitable<void> {
    const { client } = request;
    client.user.activeClient = client;
    if (!('action' in request)) return this.#onChannels(request);
    const { frame } = request;
    if (this.#actions.observed) this.#show(request);
    if (frame.op === 'call') return call(this.#node, request);
    return frame.op === 'broadcast' ? broadcast(this.#node, request) : send(this.#node, request, frame.to);
  }

  #onChannels({ client, frame }: ChannelRequest): Awaitable<void> {
    if (frame.op === 'publish') return publish(this.#node, { client, frame });
    if (frame.op === 'history') return history(this.#node, { client, frame });
    if (frame.op === 'subscribe') return subscribe(this.#node, { client, frame });
    return this.settled(client, frame.mid, () => unsubscribe(this.#node, client, frame));
  }

  /** Fails with `code` when `work` takes longer than a request may. */
  deadline<T>(work: PromiseLike<T>, code: 'CHECK_TIMEOUT' | 'OUTCOME_UNKNOWN'): Promise<T> {
    const { clock, limits } = this.#node;
    return new Promise<T>((resolve, reject) => {
      const timer = clock.setTimeout(() => reject(new ReplyError(code)), limits.requestTimeoutMs);
      const done = () => clock.clearTimeout(timer);
      work.then(
        (value) => {
          done();
          resolve(value);
        },
        (error) => {
          done();
          reject(error);
        },
      );
    });
  }

  #show({ client, frame, action }: ActionRequest): void {
    const incoming = { kind: frame.op, action, client, user: client.user };
    this.#actions.next(frame.op === 'send' ? { ...incoming, to: frame.to } : incoming);
  }
}

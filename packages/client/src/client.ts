import {
  type ActivityFrame,
  type AnyAction,
  type ConnectedFrame,
  type ConnectFrame,
  type Contract,
  encodeFrame,
  frameLimits,
  INBOX,
  isAction,
  type MessageFrame,
  nativeEvents,
  type PongFrame,
  PROTOCOL_VERSION,
  ReplyError,
  type ServerFrame,
  type UserId,
} from '@callboard/protocol';
import {
  type ActorView,
  type Awaitable,
  actorClock,
  actorView,
  GuardedObservable,
  guarded,
  guardedInspect,
  type Logger,
  Pipeline,
  type Timers,
  whenReady,
} from '@callboard/runtime';
import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import { type Actor, createActor, type SnapshotFrom } from 'xstate';
import type {
  Client,
  ClientBase,
  ClientStatus,
  Delivery,
  EventDelivery,
  Gap,
  MessageDelivery,
  SendOptions,
  StatusChange,
  UncheckedActions,
  Unsubscribe,
} from './api.ts';
import { Link } from './link.ts';
import { connectionMachine } from './machine.ts';
import { type ClientOptions, consoleLogger, systemTimers, urlOf, userIdIn } from './options.ts';
import { watchPage } from './page.ts';
import type {
  ClientPlugin,
  ClientPluginApis,
  Incoming,
  IncomingOperator,
  Outgoing,
  OutgoingOperator,
} from './plugin.ts';
import { type RequestBody, Requests } from './requests.ts';
import type { SendError } from './send-error.ts';
import { Session } from './session.ts';
import { Subscribers } from './subscribers.ts';
import { webSocket } from './web-socket.ts';

/**
 * A client of a user. It begins to connect at once, and comes back by itself.
 * @throws TypeError where `userId` or `endPoint` is none, Error where two plugins have one name, and what a plugin's
 * `setup` throws.
 */
export function createClient<
  const C extends Contract = Contract,
  const P extends readonly ClientPlugin[] = readonly [],
>(options: ClientOptions<C, P>): Client<C> & ClientPluginApis<P> {
  const client = new CallboardClient(options);
  return client as unknown as Client<C> & ClientPluginApis<P>;
}

type Machine = typeof connectionMachine;
type StateName = SnapshotFrom<Machine>['value'];

class CallboardClient implements ClientBase, UncheckedActions {
  readonly userId: string;
  readonly status$: Observable<ClientStatus>;
  readonly messages$: Observable<MessageDelivery>;
  readonly events$: Observable<EventDelivery['action']>;
  readonly gaps$: Observable<Gap>;
  readonly actor: ActorView<SnapshotFrom<Machine>>;
  readonly #options: ClientOptions<Contract, readonly ClientPlugin[]>;
  readonly #url: string;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #session = new Session();
  readonly #requests: Requests;
  readonly #subscribers: Subscribers;
  readonly #actor: Actor<Machine>;
  readonly #statuses = new BehaviorSubject<ClientStatus>('CONNECTING');
  readonly #messages = new Subject<MessageDelivery>();
  readonly #events = new Subject<EventDelivery['action']>();
  readonly #gaps = new Subject<Gap>();
  readonly #incoming: Pipeline<Incoming>;
  readonly #outgoing: Pipeline<Outgoing>;
  readonly #disposers: (() => Awaitable<void>)[] = [];
  #link: Link | undefined;
  #state: StateName = 'connecting';
  #token: ClientOptions['token'];
  #refreshing: unknown;
  /** Native events that this server has, and those that it has been asked for. */
  #known: ReadonlySet<string> = ownEvents;
  #asked: ReadonlySet<string> = new Set();
  #activity: 'active' | 'idle' | undefined;
  /** What became of the action that passes the outgoing pipeline now. */
  #passing: { passed?: Outgoing; failure?: unknown } = {};
  #closing: Promise<void> | undefined;

  constructor(options: ClientOptions<Contract, readonly ClientPlugin[]>) {
    const { timers = systemTimers, logger = consoleLogger, maxQueued = 1_000 } = options;
    this.userId = userIdIn(options.userId);
    this.#url = urlOf(options.endPoint);
    this.#options = options;
    this.#token = options.token;
    this.#timers = timers;
    this.#logger = logger;
    this.status$ = new GuardedObservable(this.#statuses, logger);
    this.messages$ = new GuardedObservable(this.#messages, logger);
    this.events$ = new GuardedObservable(this.#events, logger);
    this.gaps$ = new GuardedObservable(this.#gaps, logger);
    this.#subscribers = new Subscribers(logger, () => this.#askForEvents());
    this.#requests = new Requests({
      timers,
      maxQueued,
      write: (text) => this.#link?.write(text),
      replied: (action, result) => this.#subscribers.tell(action.type, result, { kind: 'reply', action }),
    });
    this.#actor = this.#createActor();
    this.actor = actorView(this.#actor, logger);
    const { incoming, outgoing } = this.#setUp(options.plugins ?? []);
    this.#incoming = new Pipeline(
      incoming.map((operator) =>
        guarded(operator, (cause) => logger.error('a plugin failed on what came', { cause })),
      ),
      (delivery) => this.#deliver(delivery),
    );
    this.#outgoing = new Pipeline(
      outgoing.map((operator) =>
        guarded(operator, (failure) => {
          this.#passing.failure = failure ?? true;
        }),
      ),
      (body) => {
        this.#passing.passed = body;
      },
    );
    this.#disposers.push(
      watchPage({ wake: () => this.#actor.send({ type: 'WAKE' }), leave: () => void this.close() }),
    );
    this.#actor.subscribe(({ value }) => this.#moved(value));
    this.#actor.start();
  }

  get id(): string | undefined {
    return this.#session.clientId;
  }

  broadcast(action: object, options?: SendOptions): Promise<void> {
    return this.#send({ op: 'broadcast', action: action as AnyAction }, options) as Promise<void>;
  }

  sendToUser(action: object, to: UserId | readonly UserId[], options?: SendOptions): Promise<void> {
    const ids = (Array.isArray(to) ? to : [to]).map((id) => String(id));
    return this.#send(
      { op: 'send', to: [...new Set(ids)], action: action as AnyAction },
      options,
    ) as Promise<void>;
  }

  sendToServer<Reply = unknown>(action: object, options?: SendOptions): Promise<Reply> {
    return this.#send({ op: 'call', action: action as AnyAction }, options) as Promise<Reply>;
  }

  subscribe(type: string, callback: (payload: never, delivery: never) => void): Unsubscribe {
    return this.#subscribers.add(type, callback as (payload: never, delivery: Delivery) => void);
  }

  getStatus(): ClientStatus {
    return this.#statuses.value;
  }

  isConnected(): boolean {
    const status = this.getStatus();
    return status === 'ONLINE' || status === 'AWAY';
  }

  onStatusChange(callback: (change: StatusChange) => void): Unsubscribe {
    return this.subscribe('STATUS_CHANGE', callback);
  }

  connect(): void {
    if (this.#closing !== undefined) throw new Error('this client is closed');
    this.#actor.send({ type: 'CONNECT' });
  }

  drop(): void {
    this.#link?.giveUp('dropped by the application');
  }

  async refresh(token: string): Promise<void> {
    const result = await this.#requests.add(
      { op: 'refresh', token },
      { timeoutMs: this.#timeoutMs, resend: true },
    );
    if (typeof this.#token !== 'function') this.#token = token;
    this.#refreshBefore((result as { expiresAtMs?: number } | undefined)?.expiresAtMs);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 35_000;
  }

  #createActor(): Actor<Machine> {
    const { backoff, random = Math.random, inspect } = this.#options;
    const machine = connectionMachine.provide({
      actions: {
        open: () => this.#open(),
        drop: () => this.#link?.drop(),
        probe: () => this.#probe(),
      },
    });
    return createActor(machine, {
      input: { minMs: backoff?.minMs ?? 500, maxMs: backoff?.maxMs ?? 20_000, random },
      clock: actorClock(this.#timers) as never,
      ...(inspect && { inspect: guardedInspect(inspect, this.#logger) }),
    });
  }

  #setUp(plugins: readonly ClientPlugin[]) {
    const incoming: IncomingOperator[] = [];
    const outgoing: OutgoingOperator[] = [];
    for (const { name, setup } of plugins) {
      if (name in this) throw new Error(`a client has something named ${name} already`);
      const api = setup({
        client: this as unknown as Client,
        timers: this.#timers,
        logger: this.#logger,
        incoming: (operator) => void incoming.push(operator),
        outgoing: (operator) => void outgoing.push(operator),
        activity: (state) => this.#tellActivity(state),
        onClose: (dispose) => void this.#disposers.push(dispose),
      });
      if (api !== undefined) Object.defineProperty(this, name, { value: api, enumerable: true });
    }
    return { incoming, outgoing };
  }

  #send(
    body: Outgoing,
    { timeoutMs = this.#timeoutMs, resend = this.#options.resend ?? false }: SendOptions = {},
  ) {
    const options = { timeoutMs, resend };
    const attempt = (): Promise<unknown> => {
      if (!isAction(body.action)) return this.#requests.refuse(body, invalidAction, attempt);
      const outer = this.#passing;
      const passing: typeof outer = {};
      this.#passing = passing;
      this.#outgoing.push(body);
      this.#passing = outer;
      const { passed, failure } = passing;
      if (passed !== undefined) return this.#requests.add(passed, options);
      const error =
        failure === undefined
          ? new ReplyError('REFUSED')
          : new ReplyError('PLUGIN_ERROR', { cause: failure });
      return this.#requests.refuse(body, error, attempt);
    };
    return attempt();
  }

  #open(): void {
    const link: Link = new Link({
      timers: this.#timers,
      transport: this.#options.transport ?? webSocket(),
      url: this.#url,
      connectFrame: () => this.#connectFrame(),
      opened: () => this.#actor.send({ type: 'OPENED' }),
      received: (frame) => this.#received(link, frame),
      lost: (ending) => this.#actor.send({ type: 'LOST', ...ending }),
      failed: (cause) => this.#logger.warn('no connection could be opened', { cause }),
    });
    this.#link = link;
  }

  async #connectFrame(): Promise<ConnectFrame> {
    const token = typeof this.#token === 'function' ? await this.#token() : this.#token;
    const { device } = this.#options;
    const resume = this.#session.resume(this.#requests.lastWritten);
    return {
      op: 'connect',
      version: PROTOCOL_VERSION,
      userId: this.userId,
      ...(token !== undefined && { token }),
      ...(device !== undefined && { device }),
      ...(resume !== undefined && { resume }),
    };
  }

  /** One switch over what the server sends. */
  #received(link: Link, frame: ServerFrame): void {
    switch (frame.op) {
      case 'connected':
        return this.#welcome(link, frame);
      case 'reply':
        if (frame.offset !== undefined) this.#session.moveTo(frame.offset);
        return this.#requests.answered(frame);
      case 'error':
        return this.#requests.answered(frame);
      case 'message':
        return this.#message(frame);
      case 'gap': {
        const { op: _, ...gap } = frame;
        if (frame.stream === INBOX) this.#session.skipTo(frame.to);
        return this.#gaps.next(gap);
      }
      case 'event':
        return this.#incoming.push({ kind: 'event', action: frame.event });
      case 'ping':
        if (frame.offset !== undefined) this.#session.moveTo(frame.offset);
        return this.#write({ op: 'pong', settled: this.#requests.settled });
      default:
      // A later version may have frames that this one does not know (PROTOCOL.md, "Extensibility").
    }
  }

  /** PROTOCOL.md, "What a client does after `connected`". */
  #welcome(link: Link, frame: ConnectedFrame): void {
    const { limits, pingIntervalMs, pongTimeoutMs, resumed, status, events = [], expiresAtMs } = frame;
    this.#session.welcome(frame);
    link.watch(pingIntervalMs + pongTimeoutMs);
    this.#known = new Set([...ownEvents, ...events]);
    if (!resumed) this.#asked = new Set();
    this.#actor.send({ type: 'CONNECTED' });
    this.#requests.begin(limits, this.#session.generation);
    this.#askForEvents();
    if (this.#activity !== undefined) this.#tellActivity(this.#activity);
    this.#refreshBefore(expiresAtMs);
    this.#setStatus({ status });
  }

  #message({ offset, action, from }: MessageFrame): void {
    if (!this.#session.takes(offset)) return;
    const recovered = this.#session.recovered(offset);
    this.#incoming.push({ kind: 'message', action, ...(from && { from }), recovered });
  }

  #deliver(delivery: Incoming): void {
    const { kind, action } = delivery;
    if (kind === 'message') this.#messages.next(delivery);
    else if (action.type === 'STATUS_CHANGE') return this.#statusEvent(action as StatusChange);
    else this.#events.next(action);
    this.#subscribers.tell(action.type, action, delivery);
  }

  /** The user's status is this client's; that of another user is an event like any other. */
  #statusEvent(event: StatusChange): void {
    if (event.userId === this.userId) return this.#setStatus(event);
    this.#events.next(event);
    this.#subscribers.tell(event.type, event, { kind: 'event', action: event });
  }

  #setStatus(change: Partial<StatusChange> & { readonly status: ClientStatus }): void {
    const previousStatus = this.getStatus();
    if (change.status === previousStatus) return;
    this.#statuses.next(change.status);
    const action: StatusChange = {
      at: this.#timers.now(),
      userId: this.userId,
      ...change,
      type: 'STATUS_CHANGE',
      previousStatus,
    };
    this.#events.next(action);
    this.#subscribers.tell(action.type, action, { kind: 'event', action });
  }

  /** What follows from a new state of the connection. */
  #moved(state: StateName): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'connecting') return this.#requests.reopen();
    if (state !== 'reconnecting' && state !== 'closed') return;
    this.#timers.clearTimeout(this.#refreshing);
    if (state === 'closed') this.#requests.close();
    else this.#requests.interrupt();
    this.#setStatus({ status: 'OFFLINE' });
  }

  /** Has the server send the native events that somebody subscribed to, and no others. */
  #askForEvents(): void {
    if (this.#state !== 'online') return;
    const wanted = new Set(
      ['STATUS_CHANGE', ...this.#subscribers.types].filter((type) => this.#known.has(type)),
    );
    const missing = [...wanted].filter((type) => !this.#asked.has(type)).slice(0, frameLimits.maxEvents);
    const unwanted = [...this.#asked].filter((type) => !wanted.has(type)).slice(0, frameLimits.maxEvents);
    this.#asked = wanted;
    if (missing.length > 0) this.#insist({ op: 'subscribe', events: missing });
    if (unwanted.length > 0) this.#insist({ op: 'unsubscribe', events: unwanted });
  }

  /** A request of this library's own: sent again until it is answered for good, or another session makes it pointless. */
  #insist(body: RequestBody): void {
    const failed = (error: unknown) => {
      const { retryable, retryAfterMs = 1_000 } = (error as SendError).error;
      if (!retryable || this.#closing !== undefined || this.#state !== 'online') return;
      this.#timers.setTimeout(() => (error as SendError).retry().catch(failed), retryAfterMs);
    };
    this.#requests.add(body, { timeoutMs: this.#timeoutMs, resend: true }).catch(failed);
  }

  #tellActivity(state: 'active' | 'idle'): void {
    this.#activity = state;
    if (this.#state === 'online') this.#write({ op: 'activity', state });
  }

  #write(frame: ActivityFrame | PongFrame): void {
    const text = encodeFrame(frame);
    this.#requests.spend(text);
    this.#link?.write(text);
  }

  /** Timers and pings may have slept, so a round trip shows whether the link lives. */
  #probe(): void {
    const link = this.#link;
    if (link === undefined || !link.silentFor(PROBE_MS)) return;
    this.#insist({ op: 'subscribe', events: ['STATUS_CHANGE'] });
    this.#timers.setTimeout(() => {
      if (link.silentFor(PROBE_MS)) link.giveUp('a probe was not answered');
    }, PROBE_MS);
  }

  /** Where the application can make tokens, the principal is renewed before it expires. */
  #refreshBefore(expiresAtMs: number | undefined): void {
    const { timers, token } = { timers: this.#timers, token: this.#token };
    timers.clearTimeout(this.#refreshing);
    if (expiresAtMs === undefined || typeof token !== 'function') return;
    const leftMs = expiresAtMs - timers.now();
    const inMs = Math.max(MIN_REFRESH_MS, leftMs - Math.min(MAX_LEAD_MS, leftMs / 5));
    const failed = (cause: unknown) => this.#logger.warn('the token could not be refreshed', { cause });
    this.#refreshing = timers.setTimeout(
      () =>
        whenReady(
          token,
          (fresh) => {
            if (fresh !== undefined && this.#state === 'online') this.refresh(fresh).catch(failed);
          },
          failed,
        ),
      Math.min(inMs, LONGEST_MS),
    );
  }

  async #close(): Promise<void> {
    const link = this.#link;
    const goodbye = new Promise<void>((resolve) => {
      if (link === undefined) return resolve();
      const timer = this.#timers.setTimeout(() => {
        link.drop();
        resolve();
      }, GOODBYE_MS);
      link.close(() => {
        this.#timers.clearTimeout(timer);
        resolve();
      });
    });
    this.#actor.send({ type: 'CLOSE' });
    this.#requests.end();
    this.#session.forget();
    this.#actor.stop();
    for (const subject of [this.#statuses, this.#messages, this.#events, this.#gaps]) subject.complete();
    for (const dispose of this.#disposers.reverse()) {
      try {
        await dispose();
      } catch (cause) {
        this.#logger.error('a plugin failed while the client closed', { cause });
      }
    }
    await goodbye;
  }
}

const ownEvents: ReadonlySet<string> = new Set(Object.values(nativeEvents).flat());
const invalidAction = new ReplyError('INVALID_ACTION', { message: 'An action is an object with a type.' });
/** Time for the answer to a probe; a link that was heard within it needs none. */
const PROBE_MS = 5_000;
/** How long a goodbye may take. */
const GOODBYE_MS = 2_000;
/** A token is refreshed a fifth of its time before it expires, at most so long before, and not sooner than this. */
const MAX_LEAD_MS = 60_000;
const MIN_REFRESH_MS = 5_000;
/** What timers can count. */
const LONGEST_MS = 2 ** 31 - 1;

import { type AnyAction, type Contract, type UserId, userIdOf } from '@callboard/protocol';
import type { Awaitable, Logger } from '@callboard/runtime';
import { published } from './answers.ts';
import type {
  Channel,
  Client,
  ClientBase,
  ClientStatus,
  Delivery,
  SendOptions,
  StatusChange,
  UncheckedActions,
  Unsubscribe,
} from './api.ts';
import { Channels } from './channels.ts';
import { Connection } from './connection.ts';
import { Credentials } from './credentials.ts';
import { Deliveries } from './deliveries.ts';
import { fallback } from './fallback.ts';
import { NativeEvents } from './native-events.ts';
import { type ClientOptions, consoleLogger, systemTimers, urlOf, userIdIn } from './options.ts';
import { OutgoingActions } from './outgoing.ts';
import { watchPage } from './page.ts';
import type {
  ClientChannelApis,
  ClientPlugin,
  ClientPluginApis,
  IncomingOperator,
  Outgoing,
  OutgoingOperator,
} from './plugin.ts';
import { Requests } from './requests.ts';

/**
 * A client of a user. It begins to connect at once, and comes back by itself.
 * @throws TypeError where `userId` or `endPoint` is none, Error where two plugins have one name, and what a plugin's
 * `setup` throws.
 */
export function createClient<
  const C extends Contract = Contract,
  const P extends readonly ClientPlugin[] = readonly [],
>(options: ClientOptions<C, P>): Client<C, ClientChannelApis<P>> & ClientPluginApis<P> {
  const client = new CallboardClient(options);
  return client as unknown as Client<C, ClientChannelApis<P>> & ClientPluginApis<P>;
}

/** Puts the parts together, and is what application code sees of them. */
class CallboardClient implements ClientBase, UncheckedActions {
  readonly userId: string;
  readonly status$;
  readonly messages$;
  readonly events$;
  readonly gaps$;
  readonly connected$;
  readonly actor;
  readonly #logger: Logger;
  readonly #defaults: Required<SendOptions>;
  readonly #requests: Requests;
  readonly #credentials: Credentials;
  readonly #deliveries: Deliveries;
  readonly #channels: Channels;
  readonly #connection: Connection;
  readonly #outgoing: OutgoingActions;
  readonly #disposers: (() => Awaitable<void>)[] = [];
  #closed: Promise<void> | undefined;

  constructor(options: ClientOptions<Contract, readonly ClientPlugin[]>) {
    const { timers = systemTimers, logger = consoleLogger } = options;
    const { transport = fallback({ timers }) } = options;
    const { timeoutMs = 35_000, resend = false, maxQueued = 10_000 } = options;
    const userId = userIdIn(options.userId);
    const url = urlOf(options.endPoint);
    this.userId = userId;
    this.#logger = logger;
    this.#defaults = { timeoutMs, resend };
    const requests: Requests = new Requests({
      timers,
      maxQueued,
      write: (text) => connection.write(text),
      replied: (action, result) => {
        if (result !== undefined) deliveries.subscribers.tell(action.type, result, { kind: 'reply', action });
      },
    });
    const events: NativeEvents = new NativeEvents({
      timers,
      wanted: () => deliveries.subscribers.types,
      request: (body) => requests.add(body, { timeoutMs, resend: true }),
    });
    const deliveries = new Deliveries({
      ...{ userId, timers, logger },
      changed: () => events.update(),
      published: (publication) => channels.deliver(publication),
    });
    const channels: Channels = new Channels({
      ...{ timers, logger, gaps$: deliveries.gaps$ },
      request: (body, read) => requests.add(body, { timeoutMs, resend: true, read }),
      read: (body, given, read) => requests.add(body, { ...this.#orDefaults(given), read }),
      publish: (body, given) => this.#send(body, given, published),
      push: (publication) => deliveries.push({ kind: 'publication', publication }),
    });
    const credentials = new Credentials(options.token, {
      timers,
      logger,
      // The next connection asks for one of its own.
      refresh: async (token) => {
        if (connection.isOnline) await this.refresh(token);
      },
    });
    const connection = new Connection({
      ...{ userId, url, transport, timers, logger, options },
      ...{ credentials, requests, events, channels, deliveries },
    });
    this.#requests = requests;
    this.#credentials = credentials;
    this.#deliveries = deliveries;
    this.#channels = channels;
    this.#connection = connection;
    this.actor = connection.view;
    ({
      status$: this.status$,
      messages$: this.messages$,
      events$: this.events$,
      gaps$: this.gaps$,
      connected$: this.connected$,
    } = deliveries);
    const { incoming, outgoing } = this.#setUp(options);
    deliveries.through(incoming);
    this.#outgoing = new OutgoingActions(requests, outgoing);
    this.#disposers.push(watchPage({ wake: () => connection.wake(), leave: () => void this.close() }));
    connection.start();
  }

  get id(): string | undefined {
    return this.#connection.clientId;
  }

  broadcast(action: object, options?: SendOptions): Promise<void> {
    return this.#send({ op: 'broadcast', action: action as AnyAction }, options);
  }

  sendToUser(action: object, to: UserId | readonly UserId[], options?: SendOptions): Promise<void> {
    // What is no user id the server refuses, with INVALID_REQUEST.
    const ids = (Array.isArray(to) ? to : [to]).map((id) => userIdOf(id) ?? '');
    return this.#send({ op: 'send', to: [...new Set(ids)], action: action as AnyAction }, options);
  }

  sendToServer<Reply = unknown>(action: object, options?: SendOptions): Promise<Reply> {
    return this.#send<Reply>({ op: 'call', action: action as AnyAction }, options);
  }

  subscribe(type: string, callback: (payload: never, delivery: never) => void): Unsubscribe {
    return this.#deliveries.subscribers.add(type, callback as (payload: never, delivery: Delivery) => void);
  }

  channel(name: string): Channel {
    return this.#channels.get(name);
  }

  getStatus(): ClientStatus {
    return this.#deliveries.status;
  }

  isConnected(): boolean {
    const status = this.getStatus();
    return status === 'ONLINE' || status === 'AWAY';
  }

  onStatusChange(callback: (change: StatusChange) => void): Unsubscribe {
    return this.subscribe('STATUS_CHANGE', callback);
  }

  connect(): Promise<void> {
    return this.#connection.connect();
  }

  drop(): void {
    this.#connection.drop();
  }

  async refresh(token: string): Promise<void> {
    if (!this.#connection.isOnline && this.#closed === undefined) {
      this.#credentials.replace(token);
      return this.connect();
    }
    const options = { ...this.#defaults, resend: true };
    const result = await this.#requests.add({ op: 'refresh', token }, options);
    this.#credentials.replace(token);
    if (this.#connection.isOnline)
      this.#credentials.renewBefore((result as { readonly expiresAtMs?: number } | undefined)?.expiresAtMs);
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    // Set before anything happens, as those who are told may close it too.
    let settle!: (closing: Promise<void>) => void;
    this.#closed = new Promise((resolve) => {
      settle = resolve;
    });
    settle(this.#close());
    return this.#closed;
  }

  #send<Reply = void>(
    body: Outgoing,
    options?: SendOptions,
    read?: (result: unknown) => Reply | undefined,
  ): Promise<Reply> {
    return this.#outgoing.send(body, { ...this.#orDefaults(options), read }) as Promise<Reply>;
  }

  #orDefaults(options: SendOptions = {}): Required<SendOptions> {
    const { timeoutMs = this.#defaults.timeoutMs, resend = this.#defaults.resend } = options;
    return { timeoutMs, resend };
  }

  #setUp({ plugins = [], timers = systemTimers }: ClientOptions<Contract, readonly ClientPlugin[]>) {
    const incoming: IncomingOperator[] = [];
    const outgoing: OutgoingOperator[] = [];
    const names = new Set<string>();
    for (const plugin of plugins) {
      if (plugin.name in this || names.has(plugin.name))
        throw new Error(`a client has something named ${plugin.name} already`);
      const api = plugin.setup({
        client: this as unknown as Client,
        timers,
        logger: this.#logger,
        incoming: (operator) => void incoming.push(operator),
        outgoing: (operator) => void outgoing.push(operator),
        activity: (state) => this.#connection.activity(state),
        onClose: (dispose) => void this.#disposers.push(dispose),
      });
      names.add(plugin.name);
      if (plugin.channel !== undefined)
        this.#channels.extend(plugin.name, (channel) => plugin.channel?.(channel, api));
      if (api !== undefined) Object.defineProperty(this, plugin.name, { value: api, enumerable: true });
    }
    return { incoming, outgoing };
  }

  async #close(): Promise<void> {
    const goodbye = this.#connection.close();
    this.#channels.end();
    this.#deliveries.end();
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

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type {
  Action,
  ActionOutput,
  ActionType,
  AnyAction,
  ChannelInput,
  ChannelOutput,
  Contract,
  ContractAction,
  Meta,
  NativeEvent,
  Position,
  Published,
  ReplyOf,
  Sender,
  UserId,
  UserStatus,
} from '@callboard/protocol';
import type { ActorView, Awaitable } from '@callboard/runtime';
import type { Observable } from 'rxjs';
import type { SnapshotFrom } from 'xstate';
import type { clientMachine } from './machines/client-machine.ts';
import type { serverMachine } from './machines/server-machine.ts';
import type { userMachine } from './machines/user-machine.ts';
import type { Plugin, PluginApis } from './plugin.ts';
import type { Stats } from './stats.ts';
import type { Peer } from './transport.ts';

/** What a verifier finds out about a user; it reaches handlers as `client.claims`. */
export type Claims = Readonly<Record<string, unknown>>;

/** Who wants to connect, resume or refresh. Nothing in it is proven but the `certificate`, if there is one. */
export interface Credentials extends Omit<Peer, 'token'> {
  readonly userId: string;
  /** From the `connect` or `refresh` frame, else the bearer token of the handshake. */
  readonly token: string | undefined;
  readonly device: string | undefined;
}

/** An accepted principal. */
export interface Principal {
  /** Who it is, where the verifier knows better than the client. A client that named another user is refused. */
  readonly userId?: UserId;
  readonly claims?: Claims;
  /** When this ends, in milliseconds since 1970: the client is closed with TOKEN_EXPIRED unless it refreshed. */
  readonly expiresAtMs?: number;
}

/**
 * Says who connects: asked at every connect, resume and refresh, only where a user id is present. False refuses with
 * UNAUTHORIZED; what throws, with VERIFY_FAILED (come back later); too slow, with VERIFY_TIMEOUT.
 */
export type VerifyClient = (credentials: Credentials) => Awaitable<Principal | boolean>;

/** What an inbox delivers. */
export interface Message<A extends Action = AnyAction> {
  readonly action: A;
  /** Absent where the server itself sent it. */
  readonly from?: Sender;
}

/** What a channel delivers. */
export interface Publication<Data = unknown> {
  readonly channel: string;
  /** Its place in the channel: what `history()` may begin before. */
  readonly position: Position;
  /** Any JSON value, or a Uint8Array where bytes were published. */
  readonly data: Data;
  /** Absent where the server itself published it. */
  readonly from?: Sender;
  readonly meta?: Meta;
  readonly version?: number;
}

export interface PublishOptions {
  /** What readers are told besides: an object that JSON can hold. */
  readonly meta?: Meta;
  /** A whole number ≥ 0. Below the highest that the channel has seen, the publication is stale and goes nowhere. */
  readonly version?: number;
  /** An idempotency key, 1 to 255 characters: what was published into the channel under it before goes nowhere now. */
  readonly key?: string;
  /** Id of the one client that is not sent it. */
  readonly exclude?: string;
}

/** What became of a publication: see `PublishOptions`. */
export type { Published } from '@callboard/protocol';

/** A page of what a channel keeps. */
export interface HistoryPage<Data = unknown> {
  /** The oldest first. */
  readonly publications: readonly Publication<Data>[];
  /** The channel's head. */
  readonly position: Position;
  /** For the page before this one; undefined where nothing older is kept. */
  readonly before: Position | undefined;
}

/**
 * A channel, whether or not anybody needs it just now. Or all that a filter fits: of those it has `publications$` alone, nobody
 * subscribes by its name, and what else there is throws a TypeError.
 */
export interface Channel<Data = unknown> {
  readonly name: string;
  /** Clients that have subscribed to it by its name, online or about to come back: those of now. */
  readonly subscribers: ReadonlySet<Client>;
  /** What is published from the subscription on. */
  readonly publications$: Observable<Publication<Data>>;
  /**
   * What the channel keeps, page by page back from the newest: at most `limit` publications (default 64, at most 256)
   * before `before`.
   * @throws ReplyError UNKNOWN_POSITION where `before` is of another epoch, or beyond the head; TypeError where it is no
   * position, or `limit` out of range.
   */
  history(options?: { readonly before?: Position; readonly limit?: number }): Promise<HistoryPage<Data>>;
  /** Forgets the last value, if there is one: who subscribes later is given none, until something is published. */
  forgetLast(): void;
}

/**
 * A client has subscribed to a channel by its name, or reads it no more: it left, lost the right, or its session has ended. A
 * client that has no connection and may come back is subscribed.
 */
export interface SubscriptionChange {
  readonly client: Client;
  readonly channel: string;
  readonly subscribed: boolean;
}

/** An action on its way in, as `actions$` shows it. */
export interface IncomingAction<A extends Action = AnyAction> {
  readonly kind: 'call' | 'broadcast' | 'send';
  readonly action: A;
  readonly client: Client;
  readonly user: User;
  /** The recipients of a send. */
  readonly to?: readonly string[];
}

/** One tab, device or process of a user, from its first `connect` to the end of its session. */
export interface Client {
  readonly id: string;
  readonly user: User;
  /** Name of the transport it last connected by. */
  readonly transport: string;
  readonly device: string | undefined;
  /** Whether somebody uses it, as it said last; undefined where it has not said, as devices cannot. */
  readonly activity: 'active' | 'idle' | undefined;
  readonly claims: Claims;
  /** When it last connected, in milliseconds since 1970; 0 where that was before the server started. */
  readonly connectedAt: number;
  /** Whether it has a connection; without one it may yet come back. */
  readonly online: boolean;
  readonly actor: ActorView<SnapshotFrom<typeof clientMachine>>;
  /** What reaches the inbox for it, also while it has no connection and may come back. */
  readonly messages$: Observable<Message>;
  /**
   * Ends its connection and its session. `code` is from 4000 on: to 4499 the client comes back (as a new one), from
   * 4500 not. Default: 3507 KICKED. `reason`: at most 123 bytes.
   * @throws RangeError where the code is none of the application's, or the reason too long.
   */
  disconnect(code?: number, reason?: string): void;
}

/** A principal with one or more clients. */
export interface User {
  readonly id: string;
  readonly clients: ReadonlySet<Client>;
  /** The client that last sent something, or came last. */
  readonly activeClient: Client | undefined;
  readonly status: UserStatus;
  readonly actor: ActorView<SnapshotFrom<typeof userMachine>>;
  /** What reaches its inbox for all clients; not what was sent to one of them alone. */
  readonly messages$: Observable<Message>;
}

/** The library's own WebSocket server, by transport name; a transport adds its type here. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface NativeServers {}
export type WsServer = NativeServers extends { readonly websocket: infer S } ? S : object;

/** What a handler is given, as one object. */
export interface HandlerContext<A extends Action = AnyAction, C extends Contract = Contract> {
  readonly action: A;
  readonly client: Client;
  readonly user: User;
  /** Users with a client, by id. */
  readonly users: ReadonlyMap<string, User>;
  readonly server: Server<C>;
  /** The first transport's own server; undefined where it has none. */
  readonly wsServer: WsServer | undefined;
  /** Sends to the client that called, and to no other. */
  readonly sendToClient: <Sent extends Action>(action: Sent) => Promise<void>;
  /** Sends to the user's other clients, in the name of the one that called. */
  readonly broadcast: <Sent extends Action>(action: Sent) => Promise<void>;
}

/**
 * Answers an action: what it returns, or what its promise resolves to, is the sender's reply. What it throws is an
 * error to the sender: a ReplyError as it is, anything else as HANDLER_ERROR, in production without its message.
 */
export type ActionHandler<A extends Action = AnyAction, C extends Contract = Contract, R = unknown> = (
  context: HandlerContext<A, C>,
) => Awaitable<R>;

/** The forebear's one handler: gets every action sent to the server that no other handler takes, and every native event. */
export type Handler<C extends Contract = Contract> = (
  context: HandlerContext<ContractAction<C>, C> | EventHandlerContext<C>,
) => unknown;
/** A native event in the shape of an action, for the one handler; `client` and `user` where it has them. */
export interface EventHandlerContext<C extends Contract = Contract>
  extends Omit<HandlerContext<NativeEvent | AnyAction, C>, 'client' | 'user'> {
  readonly client: Client | undefined;
  readonly user: User | undefined;
}

/** Handlers by action type, each typed by the contract. */
export type Handlers<C extends Contract> =
  string extends ActionType<C>
    ? { readonly [type: string]: ActionHandler<AnyAction, C> }
    : {
        readonly [T in ActionType<C>]?: ActionHandler<ActionOutput<C, T>, C, ReplyOf<C, T>>;
      };

/** Connect-style. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** A running, or not yet running, node. */
export interface Server<C extends Contract = Contract> {
  /** Opens the transports and listens. @throws what kept it from that; it may be started again. */
  start(): Promise<void>;
  /**
   * Drains and stops: takes nothing new, tells clients to come back, in batches over `spreadMs`, waits for running
   * requests up to `graceMs`, closes. It may be started again; sessions are gone then.
   */
  disconnect(options?: DisconnectOptions): Promise<void>;
  /** Adds a plugin, before the start; the server that comes back has what the plugin adds. @throws what its `setup` throws. */
  use<P extends Plugin>(plugin: P): this & PluginApis<readonly [P]>;
  /** The same object as GET /stats. */
  stats(): Stats;
  /**
   * Sends to all clients of each user, who need not be online. Resolves when every inbox has taken it.
   * @throws SendFailed where an inbox did not take it or a plugin refused it, TypeError where an id or the action is none.
   */
  sendToUser<A extends Action>(to: UserId | readonly UserId[], action: A): Promise<void>;
  /**
   * Publishes to all who have subscribed to the channel; nobody's right is asked for. Resolves when the channel has it.
   * @throws SendFailed where it could not be stored, does not satisfy its schema or a plugin refused it; TypeError where
   * the name is no channel's, an option is none or the data no JSON value.
   */
  publish<Name extends string>(
    channel: Name,
    data: ChannelInput<C, Name>,
    options?: PublishOptions,
  ): Promise<Published>;
  /** A channel, or with a filter (`sensors/+/temperature`) those that it fits. @throws TypeError where the name is neither. */
  channel<Name extends string>(name: Name): Channel<ChannelOutput<C, Name>>;
  /**
   * Asks `canSubscribe` again for all that the clients of these users have subscribed to, by default of all users: for when
   * rights change that no token tells. Resolves when that is done; who has lost the right has been told by then.
   */
  recheckRights(users?: UserId | readonly UserId[]): Promise<void>;
  /** Users with a client, by id; those too of whom a plugin says that they are not OFFLINE yet. */
  readonly users: ReadonlyMap<string, User>;
  readonly actor: ActorView<SnapshotFrom<typeof serverMachine>>;
  /** Every action that passed the pipeline. Subscribing late misses what was before. */
  readonly actions$: Observable<IncomingAction<ContractAction<C>>>;
  /** Every native event, those of plugins too. */
  readonly events$: Observable<NativeEvent | AnyAction>;
  /** Users and clients as they come. */
  readonly users$: Observable<User>;
  readonly clients$: Observable<Client>;
  /** Who subscribes to channels by their names, devices too, and who ceases to. Filters are none of it. */
  readonly subscriptions$: Observable<SubscriptionChange>;
  readonly httpServer: HttpServer;
  /** The port it listens on; undefined while it does not. */
  readonly port: number | undefined;
}

export interface DisconnectOptions {
  /** For running requests, in milliseconds. Default 5,000. */
  readonly graceMs?: number;
  /** Over how long clients are told to go and to come back, in milliseconds. Default 0: at once. */
  readonly spreadMs?: number;
}

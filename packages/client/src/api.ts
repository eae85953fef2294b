import type {
  Action,
  ActionInput,
  ActionOutput,
  ActionType,
  AnyAction,
  ChannelInput,
  ChannelOutput,
  Contract,
  GapFrame,
  Meta,
  NativeEvent,
  NativeEventType,
  Position,
  Published,
  ReplyError,
  ReplyOf,
  Sender,
  Status,
  UserId,
  UserStatus,
} from '@callboard/protocol';
import type { ActorView } from '@callboard/runtime';
import type { Observable } from 'rxjs';
import type { ConnectionSnapshot } from './machine.ts';

/**
 * CONNECTING until the first connection has come about or failed. ONLINE and AWAY are the user's, over all clients, as
 * the server says; OFFLINE is a client without a connection, whether or not it is about to come back.
 */
export type ClientStatus = 'CONNECTING' | Status;

/** The status of this client, or of its user, changed. The times are there where the server told. */
export interface StatusChange extends Partial<Omit<UserStatus, 'status' | 'previousStatus'>> {
  readonly type: 'STATUS_CHANGE';
  readonly userId: string;
  readonly status: ClientStatus;
  readonly previousStatus: ClientStatus;
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}

/** An action that another client or the server sent to this client's user. */
export interface MessageDelivery {
  readonly kind: 'message';
  readonly action: AnyAction;
  /** Absent where the server itself sent it. */
  readonly from?: Sender;
  /** Whether it was sent while this client had no connection. */
  readonly recovered: boolean;
}
/** A native event. */
export interface EventDelivery {
  readonly kind: 'event';
  readonly action: NativeEvent | StatusChange | AnyAction;
  readonly from?: undefined;
  readonly recovered?: undefined;
}
/** The server's answer to an action of this client; `action` is that action. */
export interface ReplyDelivery {
  readonly kind: 'reply';
  readonly action: AnyAction;
  readonly from?: undefined;
  readonly recovered?: undefined;
}
/** How something reached a subscriber. */
export type Delivery = MessageDelivery | EventDelivery | ReplyDelivery;

/**
 * Messages, or publications of the channel `stream`, between `from` and `to` are lost for this client: what is built on
 * them is to be fetched anew. Reasons are those of PROTOCOL.md, "Gaps".
 */
export type Gap = Omit<GapFrame, 'op'>;

/** What a channel delivers. */
export interface Publication<Data = unknown> {
  readonly channel: string;
  /** Its place in the channel: what `history()` may begin before. */
  readonly position: Position;
  /** Any JSON value, or a Uint8Array. */
  readonly data: Data;
  /** Absent where the server itself published it. */
  readonly from?: Sender;
  readonly meta?: Meta;
  readonly version?: number;
  /** It is the channel's last value, published `ageMs` before the server sent it; perhaps it was seen before. */
  readonly retained: boolean;
  /** In milliseconds; there where `retained` is true. */
  readonly ageMs?: number;
}

export interface PublishOptions extends SendOptions {
  /** What readers are told besides: an object that JSON can hold. */
  readonly meta?: Meta;
  /** A whole number ≥ 0. Below the highest that the channel has seen, the publication is stale and goes nowhere. */
  readonly version?: number;
  /** An idempotency key, 1 to 255 characters: what this user published into the channel under it before goes nowhere now. */
  readonly key?: string;
  /** This client is not sent it, live or later. Default false. */
  readonly exclude?: boolean;
}

/** A page of what a channel keeps. */
export interface HistoryPage<Data = unknown> {
  /** The oldest first. */
  readonly publications: readonly Publication<Data>[];
  /** The channel's head. */
  readonly position: Position;
  /** For the page before this one; undefined where nothing older is kept. */
  readonly before: Position | undefined;
}

export interface HistoryOptions extends SendOptions {
  /** Publications before this position. Default: the newest. */
  readonly before?: Position;
  /** At most so many, 1 to 256. Default 64. */
  readonly limit?: number;
}

/**
 * A channel, or all those that a filter fits. The server sends it as long as somebody subscribes. A channel goes on where it
 * was over a lost connection, also in a new session: each publication once, in order, or a gap. A filter goes on with what
 * is new, and with last values.
 */
export interface Channel<Input = unknown, Output = Input> {
  /** Or the filter. */
  readonly name: string;
  /** Calls back for each publication. One that throws is reported to the logger and harms no other. */
  subscribe(callback: (publication: Publication<Output>) => void): Unsubscribe;
  /** Resolves when the channel has it, with what became of it. Bytes, by any view, arrive as a Uint8Array. @throws SendError */
  publish(data: Input, options?: PublishOptions): Promise<Published>;
  /** What the channel keeps, page by page back from the newest. Nobody has to subscribe for it. @throws SendError */
  history(options?: HistoryOptions): Promise<HistoryPage<Output>>;
  /** Every publication, in order: each once. Subscribing to it is a subscription like any other. */
  readonly publications$: Observable<Publication<Output>>;
  /** What is lost of it for this client; for a filter, of any channel that it fits. */
  readonly gaps$: Observable<Gap>;
  /** Each time the server refuses the channel, or ends the subscription, for good: FORBIDDEN where the right was lost. */
  readonly refusals$: Observable<ReplyError>;
  /** Whether somebody here subscribes to it: now, and whenever that changes. It does not say whether the server lets them. */
  readonly subscribed$: Observable<boolean>;
  /**
   * Resolves when the server has done what is wanted: sends the channel where somebody subscribes, and else does not.
   * @throws SendError where it refuses, FORBIDDEN for one; Disconnect where the client is closed before.
   */
  joined(): Promise<void>;
  /** Ends all subscriptions. Resolves when nothing comes any more. */
  leave(): Promise<void>;
}

/** A connection came about. */
export interface Connected {
  readonly clientId: string;
  /** Whether the session goes on. Where not, this is another client to the server, and what it knew of this one is gone. */
  readonly resumed: boolean;
}

export interface SendOptions {
  /**
   * Until it rejects, in milliseconds, queueing included: with NOT_CONNECTED where it was not written by then, else with
   * TIMEOUT. Default: the client's `timeoutMs`.
   */
  readonly timeoutMs?: number;
  /** Default: the client's `resend`. */
  readonly resend?: boolean;
}

/** Ends a subscription; more than once does no harm. */
export type Unsubscribe = () => void;

/** A native event by its type, as a client sees it. */
export type EventOf<T extends NativeEventType> = T extends 'STATUS_CHANGE'
  ? StatusChange
  : NativeEvent extends infer E
    ? E extends { readonly type: infer Types }
      ? T extends Types
        ? Omit<E, 'type'> & { readonly type: T }
        : never
      : never
    : never;

/** What a subscriber to a type is called with: the action, or the reply to one that this client sent to the server. */
export type Payload<C extends Contract, T extends string> = T extends NativeEventType
  ? EventOf<T>
  : T extends ActionType<C>
    ? unknown extends ReplyOf<C, T>
      ? ActionOutput<C, T>
      : ActionOutput<C, T> | ReplyOf<C, T>
    : never;

/** Sends, subscriptions and channels of a client without a contract. */
export interface UncheckedActions<InChannels = unknown> {
  /** An action for the user's other clients. Resolves when the server has put it into their inbox. @throws SendError */
  broadcast(action: Action | AnyAction, options?: SendOptions): Promise<void>;
  /**
   * An action for all clients of one or more users. Resolves when the server has put it into the inbox of each who is
   * there; who is not is passed over. @throws SendError
   */
  sendToUser(
    action: Action | AnyAction,
    to: UserId | readonly UserId[],
    options?: SendOptions,
  ): Promise<void>;
  /** An action for the server's handler. Resolves with what the handler returned. @throws SendError */
  sendToServer<Reply = unknown>(action: Action | AnyAction, options?: SendOptions): Promise<Reply>;
  /**
   * Calls back for each action and native event of this type, and for each reply, unless that is undefined, to what
   * this client sent under it. One that throws is reported to the logger and harms no other. Native events are asked of
   * the server as long as somebody subscribes.
   */
  subscribe<T extends NativeEventType>(
    type: T,
    callback: (event: EventOf<T>, delivery: EventDelivery) => void,
  ): Unsubscribe;
  subscribe<A extends Action = AnyAction>(
    type: A['type'],
    callback: (payload: A, delivery: Delivery) => void,
  ): Unsubscribe;
  /** The channel of this name, or all that a filter fits; always the same object. What is neither the server refuses. */
  channel(name: string): Channel & InChannels;
}

/** The same, typed by a contract. */
export interface ContractActions<C extends Contract, InChannels = unknown> {
  /** An action for the user's other clients. Resolves when the server has put it into their inbox. @throws SendError */
  broadcast<T extends ActionType<C>>(action: ActionInput<C, T>, options?: SendOptions): Promise<void>;
  /**
   * An action for all clients of one or more users. Resolves when the server has put it into the inbox of each who is
   * there; who is not is passed over. @throws SendError
   */
  sendToUser<T extends ActionType<C>>(
    action: ActionInput<C, T>,
    to: UserId | readonly UserId[],
    options?: SendOptions,
  ): Promise<void>;
  /** An action for the server's handler. Resolves with what the handler returned. @throws SendError */
  sendToServer<T extends ActionType<C>>(
    action: ActionInput<C, T>,
    options?: SendOptions,
  ): Promise<ReplyOf<C, T>>;
  /**
   * Calls back for each action and native event of this type, and for each reply, unless that is undefined, to what
   * this client sent under it. One that throws is reported to the logger and harms no other. Native events are asked of
   * the server as long as somebody subscribes.
   */
  subscribe<T extends ActionType<C> | NativeEventType>(
    type: T,
    callback: (payload: Payload<C, T>, delivery: Delivery) => void,
  ): Unsubscribe;
  /** The channel of this name, or all that a filter fits; always the same object. What is neither the server refuses. */
  channel<Name extends string>(
    name: Name,
  ): Channel<ChannelInput<C, Name>, ChannelOutput<C, Name>> & InChannels;
}

/** One tab, device or process of a user. It connects by itself, comes back by itself, and lives until `close`. */
export interface ClientBase {
  /** The user's id, as text. */
  readonly userId: string;
  /** This client's id, as others see it. Undefined before the first connection; another one in a new session. */
  readonly id: string | undefined;
  getStatus(): ClientStatus;
  /** Whether the status is ONLINE or AWAY. */
  isConnected(): boolean;
  /** The same as `subscribe('STATUS_CHANGE', callback)`. */
  onStatusChange(callback: (change: StatusChange) => void): Unsubscribe;
  /** The status, beginning with the present one. */
  readonly status$: Observable<ClientStatus>;
  /** Every message, in order: each once. */
  readonly messages$: Observable<MessageDelivery>;
  /** Native events that somebody subscribed to. */
  readonly events$: Observable<EventDelivery['action']>;
  /** What was lost for this client, in its inbox and in its channels. */
  readonly gaps$: Observable<Gap>;
  /** Every connection from now on, once there is one. */
  readonly connected$: Observable<Connected>;
  /** Where the connection is: connecting, authenticating, online, reconnecting or closed, and why. */
  readonly actor: ActorView<ConnectionSnapshot>;
  /**
   * Resolves when there is a connection. Where the client waits to come back, or the server closed it for good, it tries
   * now. Nobody has to call this: a client connects by itself.
   * @throws Disconnect where the server refuses it for good, and once `close` was called.
   */
  connect(): Promise<void>;
  /** Loses the connection as a broken link would; it comes back by itself. For tests, demonstrations and debugging. */
  drop(): void;
  /**
   * A new token: on the live connection, or, where there is none, for the next one, which is tried now.
   * @throws SendError UNAUTHORIZED where the verifier refuses it on a live connection; the old one stays. Disconnect as `connect`.
   */
  refresh(token: string): Promise<void>;
  /** Ends the connection and the session, for good: open sends reject. Resolves when the connection is closed. */
  close(): Promise<void>;
}

/** @typeParam InChannels what plugins add to each channel. */
export type Client<C extends Contract = Contract, InChannels = unknown> = ClientBase &
  (string extends ActionType<C> ? UncheckedActions<InChannels> : ContractActions<C, InChannels>);

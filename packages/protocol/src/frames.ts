/** The frames of PROTOCOL.md, as types. Fields that are not named there are ignored by whoever receives them. */

import type { Effect } from './errors.ts';

export const PROTOCOL_VERSION = 1;
/** `Sec-WebSocket-Protocol`. */
export const SUBPROTOCOL = 'callboard.v1.json';
/** The name under which a client's own inbox stands in positions and gaps. `$` names are reserved. */
export const INBOX = '$inbox';

/** Something sent with intent: an object with a `type`. */
export interface Action {
  readonly type: string;
}
/** An action as it arrives, before anybody said what it carries. */
export interface AnyAction extends Action {
  readonly [field: string]: unknown;
}

/** As an application gives it; 44 and "44" are the same user. On the wire and inside, a user id is a string. */
export type UserId = string | number;

/** A place in a stream. `offset` 0 is before the first entry; an epoch ends when the stream's state is lost. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** Who sent a message. Absent where the server itself did. */
export interface Sender {
  readonly userId: string;
  readonly clientId: string;
}

export interface Resume {
  /** The last session this client was given. */
  readonly session: string;
  /** Where the client stands in each stream it reads. */
  readonly positions: Readonly<Record<string, Position>>;
  /** The highest `mid` the client has used; at a server that cannot resume, all up to it are OUTCOME_UNKNOWN. */
  readonly mid?: number;
}

/** What a server lets a client do; announced in `connected`. */
export interface AnnouncedLimits {
  readonly maxFrameBytes: number;
  readonly maxFramesPerSecond: number;
  readonly maxBytesPerSecond: number;
  readonly maxPendingRequests: number;
  readonly maxRecipients: number;
  /** Channels and filters that a client may have subscribed to. */
  readonly maxChannels: number;
  readonly maxOutboxBytes: number;
  /** How long a session waits for its client to come back, in milliseconds. */
  readonly resumeWindowMs: number;
  /** How long a request may take, in milliseconds; a client's own time-out is best a little longer. */
  readonly requestTimeoutMs: number;
}

/** Fields that every request carries. */
export interface RequestFields {
  /** Grows within the session; kept on retries and across reconnects. A safe integer ≥ 1. */
  readonly mid: number;
  /** All requests up to this mid are settled for the client: the server may forget their outcomes. */
  readonly settled?: number;
}

export interface ConnectFrame {
  readonly op: 'connect';
  readonly version: number;
  readonly userId?: string;
  readonly token?: string;
  readonly device?: string;
  /** As in `activity`. */
  readonly activity?: ActivityFrame['state'];
  readonly resume?: Resume;
}
export interface CallFrame extends RequestFields {
  readonly op: 'call';
  readonly action: AnyAction;
}
export interface BroadcastFrame extends RequestFields {
  readonly op: 'broadcast';
  readonly action: AnyAction;
}
export interface SendFrame extends RequestFields {
  readonly op: 'send';
  readonly action: AnyAction;
  /** At least one; without repetitions. */
  readonly to: readonly string[];
}
export interface PublishFrame extends RequestFields {
  readonly op: 'publish';
  readonly channel: string;
  /** Any JSON value; bytes are `{"b64": …}`. */
  readonly data: unknown;
  /** What readers are told besides: an object. */
  readonly meta?: Meta;
  /** A whole number ≥ 0: of less than the last one the channel has seen, it is stale and goes nowhere. */
  readonly version?: number;
  /** What the same user publishes into the same channel under the same key takes effect once. */
  readonly key?: string;
  /** Where true, the publishing client is not sent it. */
  readonly exclude?: boolean;
}
/** Events or channels, or both. */
export interface SubscribeFrame extends RequestFields {
  readonly op: 'subscribe';
  readonly events?: readonly string[];
  /** Names, and filters with `+` and `#`. */
  readonly channels?: readonly string[];
  /** Where to recover from, by channel. */
  readonly positions?: Readonly<Record<string, Position>>;
}
export interface UnsubscribeFrame extends RequestFields {
  readonly op: 'unsubscribe';
  readonly events?: readonly string[];
  readonly channels?: readonly string[];
}
/** Pages back through what a channel keeps. */
export interface HistoryFrame extends RequestFields {
  readonly op: 'history';
  readonly channel: string;
  /** Publications before this position; without it the newest. */
  readonly before?: Position;
  /** At most so many, 1 to 256. Without it 64. */
  readonly limit?: number;
}
export interface RefreshFrame extends RequestFields {
  readonly op: 'refresh';
  readonly token: string;
}
export interface ActivityFrame {
  readonly op: 'activity';
  readonly state: 'active' | 'idle';
}
export interface PongFrame {
  readonly op: 'pong';
  readonly settled?: number;
}

export type RequestFrame =
  | CallFrame
  | BroadcastFrame
  | SendFrame
  | PublishFrame
  | SubscribeFrame
  | UnsubscribeFrame
  | HistoryFrame
  | RefreshFrame;
export type ClientFrame = ConnectFrame | RequestFrame | ActivityFrame | PongFrame;

/** The `result` of a `subscribe` with channels. */
export interface Subscribed {
  readonly streams: Streams;
}

/** The `result` of a `publish`; absent where it was `published`. */
export interface Published {
  /**
   * `stale`: its version is below the last one, so it went nowhere. `repeated`: its key was seen before, so it took
   * effect then.
   */
  readonly outcome: 'published' | 'stale' | 'repeated';
}

/** The `result` of a `history`. */
export interface HistoryPage {
  /** The oldest first. */
  readonly publications: readonly PublicationFields[];
  /** The channel's head. */
  readonly position: Position;
  /** Where the page before this one ends; absent where nothing older is kept. */
  readonly before?: Position;
}

export type Status = 'ONLINE' | 'AWAY' | 'OFFLINE';

/** The head of each stream, and whether all since the client's position follows. A filter has no position, and never recovers. */
export type Streams = Readonly<Record<string, StreamState>>;
export type StreamState =
  | (Position & { readonly recovered: boolean })
  | { readonly recovered: false; readonly epoch?: undefined; readonly offset?: undefined };

/** What is published besides the data: any JSON object. */
export type Meta = Readonly<Record<string, unknown>>;

export interface ConnectedFrame {
  readonly op: 'connected';
  readonly version: number;
  readonly clientId: string;
  readonly userId: string;
  /** Secret; for `resume`. The one before stays valid until the server has read a well-formed frame after this one. */
  readonly session: string;
  /** Whether the session given in `resume` goes on: its requests may be retried with their mids. */
  readonly resumed: boolean;
  /** The head of each stream that the client reads; `recovered` where all since its position follows. */
  readonly streams: Streams;
  readonly status: Status;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** When the principal expires, in milliseconds since 1970: TOKEN_EXPIRED, unless it was refreshed by then. */
  readonly expiresAtMs?: number;
  readonly limits: AnnouncedLimits;
  /** Types of native events that the server's plugins add. Absent where there are none. */
  readonly events?: readonly string[];
}
/**
 * On a `reply` or `ping`, `offset` says that all of the inbox up to there that is for this client was sent before:
 * its position moves on although what it was not meant for never came.
 */
export interface ReplyFrame {
  readonly op: 'reply';
  readonly mid: number;
  /** Absent where the handler returned undefined. */
  readonly result?: unknown;
  readonly offset?: number;
}
export interface ErrorFrame {
  readonly op: 'error';
  readonly mid: number;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  /** Absent where it is what the code says: PROTOCOL.md, "Errors". */
  readonly effect?: Effect;
  readonly retryAfterMs?: number;
}
export interface MessageFrame {
  readonly op: 'message';
  readonly offset: number;
  readonly action: AnyAction;
  readonly from?: Sender;
}
/** A publication in a page of its channel, whose epoch is the page's. */
export interface PublicationFields {
  readonly offset: number;
  /** Any JSON value; bytes are `{"b64": …}`. */
  readonly data: unknown;
  readonly from?: Sender;
  readonly meta?: Meta;
  readonly version?: number;
}
export interface PublicationFrame extends PublicationFields {
  readonly op: 'publication';
  readonly channel: string;
  readonly epoch: string;
  /** It is the channel's last value, published `ageMs` ago. */
  readonly retained?: true;
  readonly ageMs?: number;
}
export type GapReason = 'evicted' | 'epoch' | 'session' | 'size' | 'conflated';
export interface GapFrame {
  readonly op: 'gap';
  readonly stream: string;
  /** The last position that this reader is known to have had. */
  readonly from: Position;
  /** Where it goes on: entries after `from` up to this one are lost for this reader. */
  readonly to: Position;
  readonly reason: GapReason;
}
/** The server has ended subscriptions of this client: nothing of them comes after this. */
export interface UnsubscribedFrame {
  readonly op: 'unsubscribed';
  /** Names and filters, as they were subscribed to. */
  readonly channels: readonly string[];
  /** As of an error: FORBIDDEN where the client has lost the right. */
  readonly code: string;
  readonly message: string;
  /** Whether the client may subscribe again by itself, with its positions. */
  readonly retryable: boolean;
}
export interface EventFrame {
  readonly op: 'event';
  readonly event: AnyAction;
}
export interface PingFrame {
  readonly op: 'ping';
  readonly offset?: number;
}
export interface DisconnectFrame {
  readonly op: 'disconnect';
  readonly code: number;
  readonly reason: string;
  readonly reconnect: boolean;
  readonly afterMs?: number;
}

export type ServerFrame =
  | ConnectedFrame
  | ReplyFrame
  | ErrorFrame
  | MessageFrame
  | PublicationFrame
  | GapFrame
  | UnsubscribedFrame
  | EventFrame
  | PingFrame
  | DisconnectFrame;

import type { Socket } from 'node:net';
import type { AnyAction, Disconnect, Meta, NativeEvent, ReplyError, Sender } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { Claims, Client } from '../api.ts';
import type { PayloadFormat } from '../channels/payload.ts';
import type { Frame, Framed } from '../outbox.ts';
import type { EventScope } from '../plugin.ts';
import type { Attributes, Outcome } from '../streams/log.ts';
import type { Connection, Peer, Refusal, TransportHost } from '../transport.ts';

/**
 * A protocol with its own identity, sessions and acknowledgements: a port. Its devices are clients like any tab, by the same
 * verifier, policies and actors; what they say, and when that is acknowledged, is the gateway's business.
 */
export interface Gateway {
  readonly name: string;
  /** Tells it from a transport, whose connections speak Callboard's own frames. */
  readonly foreign: true;
  /** The library's own server where there is one. */
  readonly native?: object;
  /** Types of the native events that it emits, as a plugin's. */
  readonly events?: readonly string[];
  /** Numbers for `stats().gateways[name]`, made when somebody asks. */
  stats?(): Readonly<Record<string, number>>;
  start(host: GatewayHost): Awaitable<void>;
  /** Accepts nothing more and ends what is left. */
  stop(): Awaitable<void>;
}

/** What the server gives a gateway to stand on. */
export interface GatewayHost
  extends Pick<TransportHost, 'clock' | 'logger' | 'limits' | 'onUpgrade' | 'onRequest'> {
  /** There is no verifier: connections come from this machine alone, and may be anybody's. */
  readonly loopbackOnly: boolean;
  /** The server's own part in its channels, for a gateway that joins another system. */
  readonly channels: GatewayChannels;
  /** Tells an event of one of the gateway's types: as a plugin's, to the server's own code alone without a scope. */
  emit(event: AnyAction, scope?: EventScope): void;
  /** The checks of an upgrade (loopback, TLS, connections per address) for a socket that comes without HTTP. */
  admit(socket: Socket): Peer | Refusal;
  /** The server is stopping: sessions end that are not over. */
  readonly draining: boolean;
  /** A session that a server before this one had, as one that has lost its connection. */
  restore(accepted: Accepted, options: Omit<AttachOptions, 'session'>): Promise<GatewaySession>;
  /** A connection is there, and is to `authenticate` within `limits.handshakeTimeoutMs`. */
  accept(connection: GatewayConnection, peer: Peer): GatewayLink;
}

/** Channels by the server's own right: nothing here is asked of a policy but what the channels are. */
export interface GatewayChannels {
  /** What the channel policies are for: names and patterns, without those that are not `bridged`. */
  readonly patterns: readonly string[];
  /**
   * Tells what this node publishes from now on, in the turn in which the stream has it, whoever publishes it and whether or not
   * anybody reads it; not what came through this very listener, nor channels that are not `bridged`. What other nodes publish they tell. Gives what ends it.
   */
  listen(listener: PublicationListener): () => void;
  /**
   * Publishes as the server itself: data that satisfies the schema for everybody, else bytes for those who read bytes.
   * @param via is not told of it.
   * @throws ReplyError (rejects) REFUSED, PLUGIN_ERROR, UNAVAILABLE, APPEND_FAILED, OUTCOME_UNKNOWN, CHECK_TIMEOUT.
   */
  publish(draft: GatewayDraft, via: PublicationListener): Promise<Outcome>;
  /** Whether the channel keeps a last value. */
  retains(channel: string): boolean;
  /** The payload of its last value; undefined where it has none. */
  last(channel: string): Uint8Array | undefined;
}

/** Must not throw. */
export type PublicationListener = (publication: OwnPublication) => void;

/** What this node has published. */
export interface OwnPublication {
  readonly channel: string;
  /** As of a `GatewayPublication`. Shared: never changed. */
  readonly payload: Uint8Array;
  readonly format: PayloadFormat;
  readonly atMostOnce: boolean;
  /** Whether the channel keeps it as its last value. */
  readonly retain: boolean;
}

/** One live duplex link, as the gateway gives it to the server. None of these may throw, also not once it is closed. */
export interface GatewayConnection extends Pick<Connection, 'write' | 'bufferedBytes' | 'terminate'> {
  /** The last word in the gateway's own language, if it has one, and the end after what was written. */
  close(disconnect: Disconnect): void;
  /** It takes no more last values for the time being, whatever its outbox says. */
  readonly saturated: boolean;
}

/** Who connects, as the device says. */
export interface GatewayCredentials {
  readonly userId: string;
  readonly token: string | undefined;
  readonly device: string | undefined;
}

/** Who it is, as the verifier says. */
export interface Accepted {
  readonly userId: string;
  readonly claims: Claims;
  readonly expiresAtMs: number | undefined;
}

/** The server's end of one connection. */
export interface GatewayLink {
  readonly peer: Peer;
  readonly open: boolean;
  /** Bytes that may yet wait for it, of `limits.maxOutboxBytes`; what is sent beyond them ends it: SLOW_READER. */
  readonly room: number;
  /**
   * Counts one unit of so many bytes that came. Milliseconds for which nothing more of it should be read: 0 within its budgets. It
   * is ended where it goes on regardless.
   */
  received(bytes: number): number;
  /** Asks the verifier. @throws Disconnect USER_ID_MISSING, UNAUTHORIZED, TOKEN_EXPIRED, VERIFY_FAILED */
  authenticate(credentials: GatewayCredentials): Promise<Accepted>;
  /**
   * It is a client's from now on: a new one's, or that of `session`, whose connection it takes the place of.
   * @throws Disconnect where it may not be, or is open no more.
   */
  attach(accepted: Accepted, options: AttachOptions): Promise<GatewaySession>;
  /** Leaves with all else that falls due in this turn, in one write. Connections that are sent the same frames share the bytes. */
  send(frame: Frame): void;
  /** Says why, and ends it. */
  end(disconnect: Disconnect): void;
  /** The connection is no more: once, whoever ended it. */
  closed(reason: string): void;
}

export interface AttachOptions {
  readonly session?: GatewaySession | undefined;
  readonly device: string | undefined;
  /** How long the session waits without a connection, in milliseconds; 0 ends it with this one. */
  readonly resumeMs: number;
  /** The session has ended: whoever comes now gets a new one. Once; must not throw. */
  readonly ended: () => void;
}

/** A client of a gateway. It outlives connections: what it subscribed to is delivered to its readers all the time. */
export interface GatewaySession {
  readonly client: Client;
  /** As in `AttachOptions`, from now on. */
  resumeMs: number;
  /**
   * Reads a channel or a filter, by the same rights as everybody; one that it has is replaced. What it asks for and publishes
   * is done in that order.
   * @throws ReplyError FORBIDDEN, TOO_MANY_CHANNELS, CHECK_TIMEOUT, what `canSubscribe` throws.
   */
  subscribe(filter: string, reader: GatewayReader): Promise<void>;
  /** Whether there was such a subscription. */
  unsubscribe(filter: string): Promise<boolean>;
  /** Gives the readers the last values of channels that these filters fit, as the connection takes them. */
  lastValues(filters: readonly string[]): void;
  /**
   * Publishes by the same rights as everybody: done when the stream has it, which is at once where nothing has to be waited for.
   * Then it may be acknowledged.
   * @throws ReplyError (or rejects) FORBIDDEN, RATE_LIMITED, UNAVAILABLE, REFUSED … as for a client's `publish`.
   */
  publish(draft: GatewayDraft): Outcome | Promise<Outcome>;
  /** Whether it might publish this now, as far as `canPublish` says: for what a device wants published later. */
  mayPublish(draft: GatewayDraft): Promise<boolean>;
  /**
   * Asks the server's handlers, as a tab's `sendToServer` does. Resolves, and never rejects, when a handler has taken it or it
   * has been refused: then it may be acknowledged. `answered` is called once, before or after that, and must not throw.
   */
  call(action: AnyAction, answered: (answer: CallAnswer) => void): Promise<void>;
  /**
   * Tells native events that this client may see, while it is online: those of this type, or all. Gives what ends that.
   * @throws ReplyError UNKNOWN_EVENT. `listener` must not throw.
   */
  follow(type: string | undefined, listener: (event: NativeEvent | AnyAction) => void): () => void;
  /** Whether anybody reads this channel now. */
  hasReaders(channel: string): boolean;
  /** Ends the session, and its connection. */
  end(disconnect: Disconnect): void;
}

/** What became of a call: JSON, undefined where the handler gave nothing; or why it failed. */
export type CallAnswer = { readonly result: string | undefined } | { readonly error: ReplyError };

/** Who is given what one subscription delivers. */
export interface GatewayReader {
  /**
   * Once for each subscription that fits: of one publication all in the same turn, one after the other, and the same object. Also
   * while there is no connection. Must not throw.
   * @param ageMs of a channel's last value, in milliseconds; undefined for what has just been published.
   */
  deliver(publication: GatewayPublication, ageMs?: number): void;
  /** The right to read is gone. */
  ended(): void;
}

export interface GatewayDraft {
  readonly channel: string;
  /** Goes to those who read bytes as it is. */
  readonly payload: Uint8Array;
  /** What the payload is. Default: what the channel's policy says. */
  readonly format?: PayloadFormat | undefined;
  readonly meta?: Meta | undefined;
  /** Who is not there need not be given it later (MQTT: QoS 0). */
  readonly atMostOnce?: boolean | undefined;
  readonly attributes?: Attributes | undefined;
  /** Forgets the channel's last value, once this one is delivered. */
  readonly forgetsLast?: boolean | undefined;
}

/** What a channel delivers, made once for all who read it. */
export interface GatewayPublication {
  /** Of the channel. */
  readonly name: string;
  /** Bytes as they came; for data, what the channel's payload format makes of it. Shared: never changed. */
  readonly payload: Uint8Array;
  /** It need not be kept for who is not there. */
  readonly atMostOnce: boolean;
  /** As it was published with; none for what does not come from a gateway. */
  readonly attributes: Attributes | undefined;
  /** What other readers are given. */
  readonly content: PublicationContent;
  /** The frame that `framing` makes of it: once, for however many connections. */
  framed(framing: PublicationFraming): Framed;
}

export interface PublicationContent {
  readonly data: unknown;
  readonly from?: Sender;
  readonly meta?: Meta;
}

/** How a gateway puts a publication into bytes: one object per way, as bytes are shared by it. */
export interface PublicationFraming {
  frame(publication: GatewayPublication): Uint8Array;
}

import type { Socket } from 'node:net';
import type { Disconnect, Meta, Sender } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { Claims, Client } from '../api.ts';
import type { PayloadFormat } from '../channels/payload.ts';
import type { Frame, Framed } from '../outbox.ts';
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
  start(host: GatewayHost): Awaitable<void>;
  /** Accepts nothing more and ends what is left. */
  stop(): Awaitable<void>;
}

/** What the server gives a gateway to stand on. */
export interface GatewayHost
  extends Pick<TransportHost, 'clock' | 'logger' | 'limits' | 'onUpgrade' | 'onRequest'> {
  /** There is no verifier: connections come from this machine alone, and may be anybody's. */
  readonly loopbackOnly: boolean;
  /** The checks of an upgrade (loopback, TLS, connections per address) for a socket that comes without HTTP. */
  admit(socket: Socket): Peer | Refusal;
  /** A connection is there, and is to `authenticate` within `limits.handshakeTimeoutMs`. */
  accept(connection: GatewayConnection, peer: Peer): GatewayLink;
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
   * Publishes by the same rights as everybody. Resolves when the stream has it: then it may be acknowledged.
   * @throws ReplyError FORBIDDEN, RATE_LIMITED, UNAVAILABLE, REFUSED … as for a client's `publish`.
   */
  publish(draft: GatewayDraft): Promise<Outcome>;
  /** Whether anybody reads this channel now. */
  hasReaders(channel: string): boolean;
  /** Ends the session, and its connection. */
  end(disconnect: Disconnect): void;
}

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

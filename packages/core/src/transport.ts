import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Awaitable, Logger } from '@callboard/runtime';
import type { Clock } from './clock.ts';
import type { Limits } from './limits.ts';

/** How a transport puts the text of a frame into bytes. One object per transport: outboxes share bytes by it. */
export interface Framing {
  /** The same for every connection, so nothing in it may be particular to one. */
  frame(text: string): Uint8Array;
}

/** One live duplex link, as a transport gives it to the server. Moves bytes; knows no users, clients or channels. */
export interface Connection {
  readonly framing: Framing;
  /** Writes framed bytes in one piece; must not throw, also not once closed. The bytes are shared: never changed. */
  write(bytes: Uint8Array): void;
  /** Bytes written that have not left the process. */
  readonly bufferedBytes: number;
  /** Ends it after what was written, with a code and a reason of at most 123 bytes. */
  close(code: number, reason: string): void;
  /** Ends it now, without a word. */
  terminate(): void;
}

/** What the server does with what a connection reports. None of them throws. */
export interface ConnectionEvents {
  /** One frame's text. `bytes`: its length as it came. */
  received(text: string, bytes: number): void;
  /** Something that is no frame came, a binary message for example: the server closes it. */
  malformed(reason: string): void;
  /** Once, whoever ended it. 1000: the peer wants no more of the session. */
  closed(code: number, reason: string): void;
}

/** Who is at the other end, as far as the transport can tell. What came with it is untrusted. */
export interface Peer {
  /** Name of the transport. */
  readonly transport: string;
  /** Remote address, behind trusted proxies the client's own. */
  readonly address: string;
  /** Came over TLS, at least to the first trusted proxy. */
  readonly secure: boolean;
  readonly origin?: string;
  readonly headers: IncomingMessage['headers'];
  readonly query: URLSearchParams;
  /** Credentials of the handshake itself: a bearer token of the Authorization header. */
  readonly token?: string;
  /** The certificate that it has shown over TLS, where the server asked for one and its authorities have signed it. */
  readonly certificate?: PeerCertificate;
}

export interface PeerCertificate {
  /** Of its subject, where there is just one. */
  readonly commonName?: string;
  /** SHA-256 of it, as `AB:CD:…`. */
  readonly fingerprint256: string;
}

/** A request that is not admitted: the HTTP status, and what the body says (PROTOCOL.md, "Upgrade"). */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** A socket that is counted as a connection, and is none yet. */
export interface Expected {
  /** It will be none. Any number of times. */
  over(): void;
}

/** What the server's checks say of a plain HTTP request (PROTOCOL.md, "Upgrade" and "HTTP"). */
export interface Asked {
  /** Why it is refused whatever it wants: not from this machine, a foreign page, no TLS. */
  readonly refusal: Refusal | undefined;
  /** Where it is to become a connection, as an upgrade would: who asks, or why it must not. */
  admit(): Peer | Refusal;
}

/** What the server gives a transport to stand on. */
export interface TransportHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  /**
   * Takes upgrades of exactly this path on the server's HTTP server, once they passed its checks (origin, TLS,
   * connections per address); those that did not are answered already.
   */
  onUpgrade(
    path: string,
    listener: (request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer) => void,
  ): void;
  /**
   * Takes plain requests of exactly this path on the server's HTTP server, whatever their method. They are all given to
   * the listener, with what the server's checks say of them.
   */
  onRequest(
    path: string,
    listener: (request: IncomingMessage, response: ServerResponse, asked: Asked) => void,
  ): void;
  /** A connection is there; its frames go to what is returned. */
  accept(connection: Connection, peer: Peer): ConnectionEvents;
}

/** Accepts connections of one wire kind: a port. An implementation passes the transport suite of the test kit. */
export interface Transport {
  readonly name: string;
  /** The library's own server where there is one: handlers see the first as `wsServer`. */
  readonly native?: object;
  start(host: TransportHost): Awaitable<void>;
  /** Accepts nothing more and ends what is left. */
  stop(): Awaitable<void>;
}

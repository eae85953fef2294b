import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv4, isIPv6, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import proxyAddr from 'proxy-addr';
import type { Clock } from './clock.ts';
import type { Expected, Peer, PeerCertificate, Refusal } from './transport.ts';

export interface AdmissionOptions {
  /** Origins of pages that may connect, as in `https://app.example`. Default: the server's own. */
  readonly origins: readonly string[] | undefined;
  /** Only over TLS. */
  readonly requireSecure: boolean;
  readonly trustProxy: TrustProxy;
  /** Only from this machine: there is no verifier. */
  readonly loopbackOnly: boolean;
  readonly maxConnectionsPerAddress: number;
  /** Of one address. */
  readonly maxConnectsPerSecond: number;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Proxies whose forwarding headers are believed, as in Express: true for all, then the last of them must overwrite
 * what clients send; a number of proxies in a row; or addresses, subnets and the names `loopback`, `linklocal` and
 * `uniquelocal`, as a list or with commas between them.
 */
export type TrustProxy = boolean | number | string | readonly string[];

/** The checks of an HTTP request that wants to become a connection, in the order of PROTOCOL.md. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #origins: ReadonlySet<string> | undefined;
  readonly #trusts: (address: string, hop: number) => boolean;
  /** How many connections are open, by who is counted. */
  readonly #connections = new Map<string, number>();
  /** And how many were opened within this second. */
  readonly #connects = new Map<string, number>();
  /** Whose connect was counted before they were admitted. */
  readonly #expected = new WeakSet<Peer>();
  #secondBegan = 0;

  /** @throws TypeError where an origin or a proxy's address is none. */
  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#origins = options.origins && new Set(options.origins.map(configuredOrigin));
    this.#trusts = trustOf(options.trustProxy);
  }

  admit(request: IncomingMessage, transport: string): Peer | Refusal {
    const peer = this.#peer(request, transport);
    const { origin, cookie } = request.headers;
    // Browsers say which page asks where that may be another one, and send cookies unasked.
    const refusal = this.#refusal(request, peer.secure, origin !== undefined || cookie === undefined);
    if (refusal !== undefined) return refusal;
    return this.#excess(peer.address) ?? peer;
  }

  /**
   * The same for a socket that comes without HTTP: nobody speaks for another then, and no page is behind it.
   * @param expected what was counted for it before.
   */
  admitSocket(socket: Socket, transport: string, expected?: Expected): Peer | Refusal {
    expected?.over();
    const address = addressOf(socket);
    const secure = (socket as TLSSocket).encrypted === true;
    const foreign = this.#foreign(address);
    if (foreign !== undefined) return foreign;
    if (this.#options.requireSecure && !secure) return { status: 403, code: 'TLS_REQUIRED' };
    const excess = expected === undefined ? this.#excess(address) : undefined;
    if (excess !== undefined) return excess;
    const peer = {
      transport,
      address,
      secure,
      headers: noHeaders,
      query: noQuery,
      ...certificateOf(socket),
    };
    if (expected !== undefined) this.#expected.add(peer);
    return peer;
  }

  /** A socket that may become a connection, when its TLS handshake is done: counted as one from now on. */
  expect(socket: Socket): Expected | Refusal {
    const address = addressOf(socket);
    const refusal = this.#foreign(address) ?? this.#excess(address);
    if (refusal !== undefined) return refusal;
    this.#count(address);
    this.#countConnect(address);
    let counted = true;
    return {
      over: () => {
        if (counted) this.left({ address });
        counted = false;
      },
    };
  }

  /** The same for a request that belongs to a connection, and proves it: it may come without Origin, and is not counted. */
  refusal(request: IncomingMessage): Refusal | undefined {
    return this.#refusal(request, this.#isSecure(request), true);
  }

  /** A connection is open; each is to be followed by `left`. */
  entered(peer: Peer): void {
    this.#count(peer.address);
    if (!this.#expected.delete(peer)) this.#countConnect(peer.address);
  }

  left({ address }: Pick<Peer, 'address'>): void {
    const key = countedAs(address);
    const open = (this.#connections.get(key) ?? 0) - 1;
    if (open > 0) this.#connections.set(key, open);
    else this.#connections.delete(key);
  }

  /** Truly from this machine, not through a proxy on it, and not by a foreign name that resolves to it. */
  isLocal({ headers, socket }: IncomingMessage): boolean {
    if (this.#options.trustProxy !== false || Object.keys(headers).some(isForwarding)) return false;
    return isLoopback(socket.remoteAddress) && isLoopbackHost(headers.host);
  }

  #count(address: string): void {
    const key = countedAs(address);
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + 1);
  }

  #countConnect(address: string): void {
    const key = countedAs(address);
    const now = this.#options.clock.now();
    if (!this.#isThisSecond(now)) {
      this.#secondBegan = now;
      this.#connects.clear();
    }
    this.#connects.set(key, (this.#connects.get(key) ?? 0) + 1);
  }

  /** Of a socket that comes without HTTP. */
  #foreign(address: string): Refusal | undefined {
    const { loopbackOnly, trustProxy } = this.#options;
    if (!loopbackOnly || (trustProxy === false && isLoopback(address))) return undefined;
    return { status: 403, code: 'LOOPBACK_ONLY' };
  }

  #excess(address: string): Refusal | undefined {
    const { maxConnectionsPerAddress, maxConnectsPerSecond, clock } = this.#options;
    const key = countedAs(address);
    const thisSecond = this.#isThisSecond(clock.now()) ? (this.#connects.get(key) ?? 0) : 0;
    const open = this.#connections.get(key) ?? 0;
    if (open < maxConnectionsPerAddress && thisSecond < maxConnectsPerSecond) return undefined;
    return { status: 429, code: 'TOO_MANY_CONNECTIONS' };
  }

  /** Clocks are put back, too. */
  #isThisSecond(now: number): boolean {
    return now >= this.#secondBegan && now - this.#secondBegan < 1_000;
  }

  #refusal(request: IncomingMessage, secure: boolean, withoutOrigin: boolean): Refusal | undefined {
    if (this.#options.loopbackOnly && !this.isLocal(request)) return { status: 403, code: 'LOOPBACK_ONLY' };
    if (!this.#originAllowed(request, secure, withoutOrigin)) return { status: 403, code: 'ORIGIN_REFUSED' };
    if (this.#options.requireSecure && !secure) return { status: 403, code: 'TLS_REQUIRED' };
    return undefined;
  }

  /** Browsers say which page asks, and no page can make them say otherwise; what is no browser may say anything. */
  #originAllowed({ headers, socket }: IncomingMessage, secure: boolean, without: boolean): boolean {
    const { origin } = headers;
    if (origin === undefined) return without;
    const given = originOf(origin);
    if (given === undefined) return false;
    if (this.#origins !== undefined) return this.#origins.has(given);
    const [scheme, host] = given.split('//');
    // Whoever can change a page that came without TLS must not speak in its name to a server that has TLS.
    if (host === undefined || (secure && scheme !== 'https:')) return false;
    const forwardedHost = this.#trusts(socket.remoteAddress ?? '', 0) && firstOf(headers['x-forwarded-host']);
    return originOf(`${scheme}//${forwardedHost || headers.host}`) === given;
  }

  #isSecure({ headers, socket }: IncomingMessage): boolean {
    if ((socket as TLSSocket).encrypted === true) return true;
    return this.#trusts(socket.remoteAddress ?? '', 0) && firstOf(headers['x-forwarded-proto']) === 'https';
  }

  #clientOf(request: IncomingMessage): string {
    const { trustProxy } = this.#options;
    return trustProxy === false ? (request.socket.remoteAddress ?? '') : proxyAddr(request, this.#trusts);
  }

  #peer(request: IncomingMessage, transport: string): Peer {
    const { headers, socket, url = '/' } = request;
    const { origin } = headers;
    const direct = socket.remoteAddress ?? '';
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    return {
      transport,
      address: plainAddress(this.#clientOf(request)) ?? plainAddress(direct) ?? direct,
      secure: this.#isSecure(request),
      headers: lasting(headers),
      // Made when asked for: a connection keeps this for as long as it lives.
      get query() {
        return new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length));
      },
      ...(origin !== undefined && { origin }),
      ...(bearer !== undefined && { token: bearer }),
      // A proxy's own says nothing about who is behind it.
      ...(!this.#trusts(direct, 0) && certificateOf(socket)),
    };
  }
}

function addressOf({ remoteAddress = '' }: Socket): string {
  return plainAddress(remoteAddress) ?? remoteAddress;
}

/** Of all that come without HTTP. */
const noHeaders: IncomingHttpHeaders = Object.freeze({});
const noQuery = new URLSearchParams();

function certificateOf(socket: Socket): { certificate: PeerCertificate } | undefined {
  if ((socket as TLSSocket).authorized !== true) return undefined;
  const { subject, fingerprint256 } = (socket as TLSSocket).getPeerCertificate();
  if (fingerprint256 === undefined) return undefined;
  const commonName: unknown = subject?.CN;
  return { certificate: { ...(typeof commonName === 'string' && { commonName }), fingerprint256 } };
}

/** The headers without those that spoke of the upgrade alone. */
function lasting(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const {
    connection: _connection,
    upgrade: _upgrade,
    'sec-websocket-key': _key,
    'sec-websocket-version': _version,
    'sec-websocket-extensions': _extensions,
    ...rest
  } = headers;
  return rest;
}

function trustOf(trustProxy: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trustProxy === 'boolean') return () => trustProxy;
  if (typeof trustProxy === 'number') return (_, hop) => hop < trustProxy;
  const proxies = typeof trustProxy === 'string' ? trustProxy.split(',') : trustProxy;
  return proxyAddr.compile(proxies.map((proxy) => proxy.trim()));
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return String(header ?? '')
    .split(',')[0]
    ?.trim();
}

function configuredOrigin(text: string): string {
  const origin = originOf(text);
  if (origin === undefined || text.includes('*'))
    throw new TypeError(`not an origin, as in https://app.example: ${text}`);
  return origin;
}

/** Scheme, host and port in the one way to write them; `null` stands for itself. Undefined where it is none. */
function originOf(text: string): string | undefined {
  if (text === 'null') return text;
  if (!URL.canParse(text)) return undefined;
  const { origin, protocol, host, href } = new URL(text);
  const plain = origin === 'null' ? `${protocol}//${host}` : origin;
  return href === plain || href === `${plain}/` ? plain : undefined;
}

const forwardingHeaders: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'cdn-loop',
]);

function isForwarding(header: string): boolean {
  return header.startsWith('x-forwarded') || forwardingHeaders.has(header);
}

export function isLoopback(address: string | undefined): boolean {
  const plain = plainAddress(address ?? '');
  return plain === '::1' || (plain?.startsWith('127.') ?? false);
}

function isLoopbackHost(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '').toLowerCase();
  return name === undefined || name === 'localhost' || name === '[::1]' || (isIPv4(name) && isLoopback(name));
}

/** An IP address without port, brackets and zone, an IPv4 address in its own form. Undefined where it is none. */
function plainAddress(text: string): string | undefined {
  const address = /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, '$1');
  if (isIPv4(address)) return address;
  const withoutZone = address.replace(/%.*$/, '');
  if (!isIPv6(withoutZone)) return undefined;
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** A network of 64 bits is given to one subscriber: whoever has it has 2^64 addresses. */
function countedAs(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length < 8 - after.length) groups.push('0');
    groups.push(...after);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

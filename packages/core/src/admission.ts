import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import proxyAddr from 'proxy-addr';
import type { Peer } from './transport.ts';

export interface AdmissionOptions {
  /** Origins of pages that may connect, as in `https://app.example`. Default: the page's host is the server's. */
  readonly origins: readonly string[] | undefined;
  /** Only over TLS. */
  readonly requireSecure: boolean;
  /** Proxies whose forwarding headers are believed: true for all, or addresses, subnets and names as of proxy-addr. */
  readonly trustProxy: boolean | string | readonly string[];
  /** Only from this machine: there is no verifier. */
  readonly loopbackOnly: boolean;
  readonly maxConnectionsPerAddress: number;
}

/** An upgrade or request that is not admitted: the HTTP status, and what the body says (PROTOCOL.md, "Upgrade"). */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** The checks of an HTTP request that wants to become a connection, in the order of PROTOCOL.md. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #trusts: (address: string, hop: number) => boolean;
  readonly #connections = new Map<string, number>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { trustProxy } = options;
    this.#trusts =
      typeof trustProxy === 'boolean' ? () => trustProxy : proxyAddr.compile(trustProxy as string | string[]);
  }

  admit(request: IncomingMessage, transport: string): Peer | Refusal {
    const peer = this.#peer(request, transport);
    const { origin, cookie } = request.headers;
    if (this.#options.loopbackOnly && !this.isLocal(request)) return { status: 403, code: 'LOOPBACK_ONLY' };
    if (origin === undefined ? cookie !== undefined : !this.#allows(origin, request)) {
      return { status: 403, code: 'ORIGIN_REFUSED' };
    }
    if (this.#options.requireSecure && !peer.secure) return { status: 403, code: 'TLS_REQUIRED' };
    const open = this.#connections.get(peer.address) ?? 0;
    if (open >= this.#options.maxConnectionsPerAddress) return { status: 429, code: 'TOO_MANY_CONNECTIONS' };
    return peer;
  }

  /** A connection is open; each is to be followed by `left`. */
  entered({ address }: Peer): void {
    this.#connections.set(address, (this.#connections.get(address) ?? 0) + 1);
  }

  left({ address }: Peer): void {
    const open = (this.#connections.get(address) ?? 0) - 1;
    if (open > 0) this.#connections.set(address, open);
    else this.#connections.delete(address);
  }

  /** Truly from this machine, not through a proxy on it, and not by a foreign name that resolves to it. */
  isLocal({ headers, socket }: IncomingMessage): boolean {
    const forwarded = forwardingHeaders.some((name) => headers[name] !== undefined);
    const proxied = forwarded || this.#options.trustProxy !== false;
    return !proxied && isLoopback(socket.remoteAddress) && isLoopbackHost(headers.host);
  }

  #allows(origin: string, { headers }: IncomingMessage): boolean {
    const { origins } = this.#options;
    if (origins !== undefined) return origins.includes(origin);
    return URL.canParse(origin) && new URL(origin).host === headers.host;
  }

  #peer(request: IncomingMessage, transport: string): Peer {
    const { headers, socket, url = '/' } = request;
    const direct = socket.remoteAddress ?? '';
    const { origin } = headers;
    const forwardedProto = String(headers['x-forwarded-proto'] ?? '')
      .split(',')[0]
      ?.trim();
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    return {
      transport,
      address: proxyAddr(request, this.#trusts),
      secure:
        (socket as TLSSocket).encrypted === true || (this.#trusts(direct, 0) && forwardedProto === 'https'),
      headers,
      query: new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length)),
      ...(origin !== undefined && { origin }),
      ...(bearer !== undefined && { token: bearer }),
    };
  }
}

const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

export function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '');
}

function isLoopbackHost(host: string | undefined): boolean {
  const name = host?.replace(/:\d+$/, '').toLowerCase();
  return name === undefined || name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

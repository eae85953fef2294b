import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '@callboard/runtime';
import finalhandler from 'finalhandler';
import Router from 'router';
import type { Admission } from './admission.ts';
import type { Middleware } from './api.ts';
import type { Asked, Peer, Refusal, TransportHost } from './transport.ts';

type RoutedRequest = Parameters<ReturnType<typeof Router>>[0];
type Upgraded = Parameters<TransportHost['onUpgrade']>[1];
type Requested = Parameters<TransportHost['onRequest']>[1];

export interface HttpFrontOptions {
  /** The application's own server; without it one is made. */
  readonly httpServer: HttpServer | undefined;
  readonly admission: Admission;
  readonly logger: Logger;
  /** Shows /stats to whoever has it; without it, only to this machine. */
  readonly statsToken: string | undefined;
  readonly stats: () => object;
  readonly healthy: () => boolean;
  /** Mount path → connect-style middleware. */
  readonly middleware: Readonly<Record<string, Middleware>>;
  readonly exposeErrors: boolean;
}

/**
 * What Callboard does on an HTTP server: its own routes and upgrades. All other requests and upgrades go to the
 * server's listeners, as if nothing were there. It steps in before them by taking over `emit`: a `WebSocketServer`
 * of somebody else's on the same server would answer our upgrades with 400, whichever of the two listens first.
 */
export class HttpFront {
  readonly server: HttpServer;
  readonly #options: HttpFrontOptions;
  readonly #router = Router();
  readonly #upgrades = new Map<string, { transport: string; upgraded: Upgraded }>();
  readonly #requests = new Map<string, { transport: string; requested: Requested }>();
  /** While it listens by itself: every socket, those that somebody else has upgraded too. */
  readonly #sockets = new Set<Socket>();
  #stepBack: (() => void) | undefined;
  #listens = false;
  #accepts = false;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.server = options.httpServer ?? createServer();
    this.#router.get('/healthz', (_request, response) => this.#health(response));
    this.#router.get('/stats', (request, response) => this.#stats(request, response));
    for (const [path, middleware] of Object.entries(options.middleware)) this.route(path, middleware);
  }

  get port(): number | undefined {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  route(path: string, middleware: Middleware): void {
    this.#router.use(path, middleware);
  }

  onUpgrade(transport: string, path: string, upgraded: Upgraded): void {
    this.#upgrades.set(path, { transport, upgraded });
  }

  onRequest(transport: string, path: string, requested: Requested): void {
    this.#requests.set(path, { transport, requested });
  }

  /** Takes requests and upgrades from now on, and listens where that is asked. @throws where it cannot listen. */
  async open(listen: { port: number; host?: string } | undefined): Promise<void> {
    this.#stepBack ??= this.#stepIn();
    this.#accepts = true;
    if (listen === undefined) return;
    this.server.listen(listen);
    this.server.on('connection', this.#opened);
    this.#listens = true;
    await once(this.server, 'listening');
  }

  /** Admits no more connections: 503 from now on. */
  refuseConnections(): void {
    this.#accepts = false;
  }

  /** Steps back; a server that it made listen is closed, with all its connections. */
  async close(): Promise<void> {
    this.#accepts = false;
    this.#upgrades.clear();
    this.#requests.clear();
    this.#stepBack?.();
    this.#stepBack = undefined;
    if (!this.#listens) return;
    this.#listens = false;
    this.server.off('connection', this.#opened);
    const closed = new Promise<void>((resolve) => void this.server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  readonly #opened = (socket: Socket): void => {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  };

  /** Gives what undoes it, where nobody has taken over `emit` after us; else ours passes everything on. */
  #stepIn(): () => void {
    const { server } = this;
    const before = server.emit as (this: HttpServer, event: string, ...args: unknown[]) => boolean;
    const own = Object.hasOwn(server, 'emit');
    const passOn = (event: string, args: unknown[]) => before.call(server, event, ...args);
    let here = true;
    const emit = (event: string, ...args: unknown[]): boolean => {
      if (here && event === 'request') {
        this.#request(args as [IncomingMessage, ServerResponse], () => passOn(event, args));
        return true;
      }
      if (here && event === 'upgrade' && this.#upgrade(args as [IncomingMessage, Duplex, Buffer]))
        return true;
      return passOn(event, args);
    };
    server.emit = emit;
    server.on('upgrade', answerUnclaimed);
    return () => {
      here = false;
      server.off('upgrade', answerUnclaimed);
      if (server.emit !== emit) return;
      if (own) server.emit = before;
      else Reflect.deleteProperty(server, 'emit');
    };
  }

  #request([request, response]: [IncomingMessage, ServerResponse], passOn: () => void): void {
    const { logger, exposeErrors, admission } = this.#options;
    const found = this.#requests.get(pathOf(request));
    if (found !== undefined) {
      const asked: Asked = {
        refusal: admission.refusal(request),
        admit: () => this.#admit(request, found.transport),
      };
      try {
        return found.requested(request, response, asked);
      } catch (cause) {
        logger.error('a request failed', { transport: found.transport, cause });
        return void response.destroy();
      }
    }
    this.#router(request as RoutedRequest, response, (error?: unknown) => {
      if (error == null && this.server.listenerCount('request') > 0) return passOn();
      const onerror = (cause: unknown) =>
        logger.error('an HTTP route failed', { path: pathOf(request), cause });
      finalhandler(request, response, { onerror, env: exposeErrors ? 'development' : 'production' })(
        error as Error,
      );
    });
  }

  /** Whether it was one of ours. */
  #upgrade([request, socket, head]: [IncomingMessage, Duplex, Buffer]): boolean {
    const found = this.#upgrades.get(pathOf(request));
    if (found === undefined) return false;
    const { logger } = this.#options;
    const admitted = this.#admit(request, found.transport);
    if ('status' in admitted) {
      logger.info('an upgrade was refused', { code: admitted.code });
      refuse(socket, admitted);
      return true;
    }
    try {
      found.upgraded(request, socket, head, admitted);
    } catch (cause) {
      logger.error('an upgrade failed', { transport: found.transport, cause });
      socket.destroy();
    }
    return true;
  }

  #admit(request: IncomingMessage, transport: string): Peer | Refusal {
    return this.#accepts
      ? this.#options.admission.admit(request, transport)
      : { status: 503, code: 'UNAVAILABLE' };
  }

  #health(response: ServerResponse): void {
    const healthy = this.#options.healthy();
    sendJson(response, healthy ? 200 : 503, { status: healthy ? 'ok' : 'unavailable' });
  }

  #stats(request: IncomingMessage, response: ServerResponse): void {
    const { admission, statsToken, stats } = this.#options;
    const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const allowed =
      statsToken === undefined ? admission.isLocal(request) : given !== undefined && same(given, statsToken);
    if (allowed) sendJson(response, 200, stats());
    else sendJson(response, statsToken === undefined ? 403 : 401, { error: { code: 'FORBIDDEN' } });
  }
}

/**
 * Listens for upgrades as the last resort: Node takes them for plain requests where nobody does, and leaves the
 * socket open for ever where nobody answers.
 */
function answerUnclaimed(this: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const claimed = this.listeners('upgrade').some((listener) => listener !== answerUnclaimed);
  if (claimed || answered.has(request)) return;
  answered.add(request);
  if (request.headers.upgrade?.toLowerCase() === 'websocket') {
    refuse(socket, { status: 404, code: 'NOT_FOUND' });
  } else ignoreUpgrade(this, request, socket, head);
}
/** Two servers of ours on one HTTP server listen both. */
const answered = new WeakSet<IncomingMessage>();

/**
 * What asks for another protocol, as Java's HttpClient does for HTTP/2 on each of its first requests, is served as if
 * it had not (RFC 9110, section 7.8): the request is read anew, without the header.
 */
function ignoreUpgrade(server: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit((socket as TLSSocket).encrypted ? 'secureConnection' : 'connection', socket);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

const phrases: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

function refuse(socket: Duplex, { status, code }: Refusal): void {
  const body = JSON.stringify({ error: { code } });
  socket.on('error', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${status} ${phrases[status]}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      ...(status === 429 || status === 503 ? ['Retry-After: 5'] : []),
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** In constant time, whatever the lengths are. */
function same(a: string, b: string): boolean {
  const [left, right] = [a, b].map((each) => createHash('sha256').update(each).digest()) as [Buffer, Buffer];
  return timingSafeEqual(left, right);
}

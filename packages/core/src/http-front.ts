import { timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import finalhandler from 'finalhandler';
import Router from 'router';
import type { Admission, Refusal } from './admission.ts';
import type { Middleware } from './api.ts';
import type { Logger } from './logger.ts';
import type { Peer } from './transport.ts';

type RoutedRequest = Parameters<ReturnType<typeof Router>>[0];
type Upgraded = (request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer) => void;

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
  readonly #own: boolean;
  readonly #router = Router();
  readonly #upgrades = new Map<string, { transport: string; upgraded: Upgraded }>();
  readonly #emit: HttpServer['emit'];
  #attached = false;
  #accepts = false;

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#own = options.httpServer === undefined;
    this.server = options.httpServer ?? createServer();
    this.#emit = this.server.emit;
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

  /** Takes requests and upgrades from now on, and listens where that is asked. */
  async open(listen: { port: number; host?: string } | undefined): Promise<void> {
    this.#attach();
    this.#accepts = true;
    if (listen === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(listen, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }

  /** Refuses upgrades with 503 from now on. */
  refuseUpgrades(): void {
    this.#accepts = false;
  }

  /** Steps back; a server of our own is closed. */
  async close(): Promise<void> {
    this.#accepts = false;
    this.#attached = false;
    this.server.emit = this.#emit;
    this.server.off('upgrade', claim);
    this.#upgrades.clear();
    if (!this.#own || !this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  #attach(): void {
    if (this.#attached) return;
    this.#attached = true;
    this.server.on('upgrade', claim);
    const emit = this.#emit as (this: HttpServer, event: string, ...args: unknown[]) => boolean;
    const passOn = (event: string, args: unknown[]) => emit.call(this.server, event, ...args);
    this.server.emit = (event: string, ...args: unknown[]): boolean => {
      if (event === 'request') {
        this.#request(args as [IncomingMessage, ServerResponse], () => passOn(event, args));
        return true;
      }
      if (event === 'upgrade')
        return this.#upgrade(args as [IncomingMessage, Duplex, Buffer]) || passOn(event, args);
      return passOn(event, args);
    };
  }

  #request([request, response]: [IncomingMessage, ServerResponse], passOn: () => void): void {
    const { logger, exposeErrors } = this.#options;
    this.#router(request as RoutedRequest, response, (error?: unknown) => {
      if (error == null && this.server.listenerCount('request') > 0) return passOn();
      const onerror = (cause: unknown) =>
        logger.error('an HTTP route failed', { path: pathOf(request), cause });
      finalhandler(request, response, { onerror, env: exposeErrors ? 'development' : 'production' })(
        error as Error,
      );
    });
  }

  /** Whether somebody else answers upgrades that are not ours. */
  get #hasOtherUpgrades(): boolean {
    return this.server.listenerCount('upgrade') > 1;
  }

  /** Whether it was one of ours. */
  #upgrade([request, socket, head]: [IncomingMessage, Duplex, Buffer]): boolean {
    const found = this.#upgrades.get(pathOf(request));
    if (found === undefined) {
      // Nobody else will answer it, so the socket would stay open for ever.
      if (!this.#hasOtherUpgrades) refuse(socket, { status: 404, code: 'NOT_FOUND' });
      return !this.#hasOtherUpgrades;
    }
    const admitted = this.#accepts
      ? this.#options.admission.admit(request, found.transport)
      : { status: 503, code: 'UNAVAILABLE' };
    if ('status' in admitted) {
      this.#options.logger.info('an upgrade was refused', { code: admitted.code });
      refuse(socket, admitted);
    } else found.upgraded(request, socket, head, admitted);
    return true;
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

/** Node takes an upgrade for a plain request where nobody listens for upgrades. */
function claim(): void {}

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

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

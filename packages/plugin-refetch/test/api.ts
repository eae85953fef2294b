import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { freePort } from '@callboard/testkit';

export interface Asked {
  readonly path: string;
  readonly token: string | undefined;
  readonly headers: IncomingMessage['headers'];
}
export interface Place {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: one that nobody has, nor is given while the API is away. */
  readonly port?: number;
  readonly certificate?: { readonly key: string; readonly cert: string };
}
export type Answer = (asked: Asked, response: ServerResponse) => unknown;

/** A REST API on a port of its own, that knows nothing of Callboard but the header. */
export class Api {
  readonly asked: Asked[] = [];
  /** What each path is; a text is its body as JSON. */
  readonly pages = new Map<string, unknown>();
  /** Views by people, and not by whom refetches. */
  readonly views = new Map<string, number>();
  /** Answers instead, where it is there. */
  answer: Answer | undefined;
  /** Tokens that are taken; all where it is undefined. */
  tokens: Set<string> | undefined;
  /** Requests that wait for an answer, and are meant to. */
  held = 0;
  readonly port: number;
  readonly #place: Place;
  #server: Server | undefined;

  private constructor(port: number, place: Place) {
    this.port = port;
    this.#place = place;
  }

  static async start(place: Place = {}): Promise<Api> {
    const api = new Api(place.port ?? (await freePort()), place);
    await api.start();
    return api;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const { host = '127.0.0.1', certificate } = this.#place;
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response);
    const server = certificate ? createSecureServer(certificate, handle) : createServer(handle);
    // By real time: a connection would end just when a slow machine makes use of it.
    server.keepAliveTimeout = 0;
    this.#server = server.listen(this.port, host);
    await once(server, 'listening');
  }

  /** As the operating system does it: nobody listens, and connections are gone. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  of(path: string): Asked[] {
    return this.asked.filter((each) => each.path === path);
  }

  /** Keeps who asks waiting. */
  hold(response: ServerResponse): void {
    this.held++;
    response.once('close', () => this.held--);
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { url: path = '', headers } = request;
    const token = headers.authorization?.replace(/^Bearer /, '');
    const asked = { path, token, headers };
    this.asked.push(asked);
    if (this.answer !== undefined) return void this.answer(asked, response);
    this.reply(asked, response);
  }

  reply({ path, token, headers }: Asked, response: ServerResponse): void {
    if (this.tokens !== undefined && !this.tokens.has(token ?? '')) return send(response, 401, {});
    if (headers['x-waymark'] === undefined) this.views.set(path, (this.views.get(path) ?? 0) + 1);
    const page = this.pages.get(path);
    if (page === undefined) return send(response, 404, { error: 'not found' });
    send(response, 200, page, { 'set-cookie': 'session=secret', 'x-secret': 'internal' });
  }
}

export function send(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

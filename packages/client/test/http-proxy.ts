import { once } from 'node:events';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Server } from '@callboard/core';
import type { Stage } from './support.ts';

/** What becomes of a POST: it never gets there; or it does, and the answer is lost. */
export type Mishap = 'lost' | 'answer lost';

/** A proxy as some networks have them, on a free port of this machine. */
export class HttpProxy {
  /** Refuses to upgrade, with this status; 0: passes it on. */
  refuses = 0;
  /** Answers go on when they are complete. */
  buffers = false;
  /** Of the POSTs to come, the first first; null: nothing. */
  readonly mishaps: (Mishap | null)[] = [];
  /** What came by: `POST`, `GET`, `POLL`, `UPGRADE`. */
  readonly seen: string[] = [];
  readonly #http: HttpServer;
  readonly #port: number;

  private constructor(http: HttpServer, port: number) {
    this.#http = http;
    this.#port = port;
    http.on('request', (near, answer) => this.#pass(near, answer));
    http.on('upgrade', (near, socket, head) => {
      this.seen.push('UPGRADE');
      socket.on('error', () => {});
      if (this.refuses > 0) {
        socket.end(`HTTP/1.1 ${this.refuses} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      const far = connect(this.#port, '127.0.0.1');
      far.on('error', () => socket.destroy());
      const { method, url, rawHeaders } = near;
      const lines = [`${method} ${url} HTTP/1.1`];
      for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
      far.write(`${lines.join('\r\n')}\r\n\r\n`);
      far.write(head);
      far.pipe(socket).pipe(far);
    });
  }

  static async open(stage: Stage, server: Server): Promise<HttpProxy> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    stage.after(() => {
      http.closeAllConnections();
      http.close();
    });
    return new HttpProxy(http, server.port as number);
  }

  get endPoint(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  count(what: string): number {
    return this.seen.filter((each) => each === what).length;
  }

  /** Ends all that goes through it. */
  cut(): void {
    this.#http.closeAllConnections();
  }

  #pass(near: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = near;
    this.seen.push(headers['callboard-poll'] === undefined ? String(method) : 'POLL');
    const mishap = method === 'POST' ? this.mishaps.shift() : undefined;
    if (mishap === 'lost') return void near.socket.destroy();
    const far = request({ port: this.#port, host: '127.0.0.1', method, path: url, headers, agent: false });
    far.on('error', () => near.socket.destroy());
    answer.on('close', () => far.destroy());
    near.pipe(far);
    far.on('response', (response) => {
      response.on('error', () => near.socket.destroy());
      if (mishap === 'answer lost') return void near.socket.destroy();
      const { statusCode = 0, headers } = response;
      if (!this.buffers) {
        answer.writeHead(statusCode, headers).flushHeaders();
        return void response.pipe(answer);
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => answer.writeHead(statusCode, headers).end(Buffer.concat(chunks)));
    });
  }
}

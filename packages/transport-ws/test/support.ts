import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { createServer, type Plugin, provide, type Server, type ServerOptions, tokens } from '@callboard/core';
import { type Contract, SUBPROTOCOL, type UserId } from '@callboard/protocol';
import {
  type ClientWire,
  collectingLogger,
  type LogEntry,
  type SimulatedClock,
  TestClient,
  type TestClientOptions,
  turn,
  until,
} from '@callboard/testkit';

export { LiveClock, turn, until } from '@callboard/testkit';

import * as ws from 'ws';
import { type ClientOptions, WebSocket } from 'ws';
import { webSocketTransport } from '../src/index.ts';

/** A WebSocket as the test kit wants it. */
export class SocketWire implements ClientWire {
  readonly webSocket: WebSocket;
  #early: string[] = [];
  #onFrame: ((text: string) => void) | undefined;
  #onClose: ((code: number, reason: string) => void) | undefined;
  #closed: [number, string] | undefined;

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data) => {
      if (this.#onFrame === undefined) this.#early.push(String(data));
      else this.#onFrame(String(data));
    });
    webSocket.on('close', (code, reason) => {
      this.#closed = [code, reason.toString()];
      this.#onClose?.(...this.#closed);
    });
    webSocket.on('error', () => {});
  }

  send(text: string): void {
    if (this.webSocket.readyState === WebSocket.OPEN) this.webSocket.send(text);
  }

  onFrame(listener: (text: string) => void): void {
    this.#onFrame = listener;
    for (const text of this.#early) listener(text);
    this.#early = [];
  }

  onClose(listener: (code: number, reason: string) => void): void {
    this.#onClose = listener;
    if (this.#closed !== undefined) listener(...this.#closed);
  }

  close(code = 1000, reason = ''): void {
    this.webSocket.close(code, reason);
  }

  cut(): void {
    this.webSocket.terminate();
  }

  freeze(): void {
    this.webSocket.pause();
  }

  thaw(): void {
    this.webSocket.resume();
  }
}

/** Opens a WebSocket. @throws UpgradeRefused, or what the socket says. */
export async function openWire(url: string, options: ClientOptions = {}): Promise<SocketWire> {
  const webSocket = new WebSocket(url, [SUBPROTOCOL], options);
  const wire = new SocketWire(webSocket);
  await opened(webSocket);
  return wire;
}

export class UpgradeRefused extends Error {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
  constructor(status: number, headers: NodeJS.Dict<string | string[]>, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

export function opened(webSocket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    webSocket.once('open', resolve);
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => reject(new UpgradeRefused(response.statusCode ?? 0, response.headers, body)));
      response.on('error', reject);
    });
  });
}

/** Begun with `begin`, ended with `end`: what a test opens is closed when it is over. */
export class Stage {
  readonly #endings: (() => unknown)[] = [];

  /** Runs when the test is over, last registered first. */
  after(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop()) await ending();
  }

  /** A running server on a free port of this machine, with a WebSocket transport. */
  async serve<const C extends Contract = Contract, const P extends readonly Plugin[] = readonly []>(
    options: Partial<ServerOptions<C, P>> & { readonly clock?: SimulatedClock } = {},
  ): Promise<Running> {
    const { clock, ...rest } = options;
    const logger = collectingLogger();
    const server = createServer({
      host: '127.0.0.1',
      ...(rest.httpServer === undefined && { port: 0 }),
      transports: [webSocketTransport()],
      logger,
      ...rest,
      provide: [...(clock ? [provide(tokens.clock, clock)] : []), ...(rest.provide ?? [])],
    } as ServerOptions) as Server;
    await server.start();
    const running = new Running(server, logger.logs, this);
    // Open connections would be waited for in simulated time.
    this.after(async () => {
      const done = server.disconnect({ graceMs: 1 });
      let over = false;
      const finish = () => (over = true);
      done.then(finish, finish);
      while (!over) {
        clock?.advance(1_000);
        await turn();
      }
      await done;
    });
    return running;
  }

  /** Listens on a free port of this machine. */
  async listen(server: HttpServer): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.after(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }
}

export class Running {
  readonly server: Server;
  readonly logs: readonly LogEntry[];
  readonly #stage: Stage;

  constructor(server: Server, logs: readonly LogEntry[], stage: Stage) {
    this.server = server;
    this.logs = logs;
    this.#stage = stage;
  }

  get errors(): readonly LogEntry[] {
    return this.logs.filter(({ level }) => level === 'error');
  }

  get origin(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  get url(): string {
    return `ws://${this.origin}/callboard`;
  }

  wire(options?: ClientOptions): Promise<SocketWire> {
    return openWire(this.url, options);
  }

  client(userId: UserId | undefined, { headers, ...options }: ClientSettings = {}): TestClient<SocketWire> {
    const client = new TestClient(() => this.wire({ headers }), {
      ...options,
      ...(userId !== undefined && { userId }),
    });
    this.#stage.after(() => client.wire?.cut());
    return client;
  }

  /** A client that is welcomed. */
  async connect(userId: UserId, settings?: ClientSettings): Promise<TestClient<SocketWire>> {
    const client = this.client(userId, settings);
    await client.connect();
    return client;
  }

  /** A plain TCP connection. */
  async tcp(): Promise<Socket> {
    const socket = connectTcp(this.server.port as number, '127.0.0.1');
    socket.on('error', () => {});
    this.#stage.after(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** A plain TCP connection that has sent `head` and was upgraded. */
  async upgraded(): Promise<Socket> {
    const socket = await this.tcp();
    socket.write(upgradeRequest(this.origin));
    let head = Buffer.alloc(0);
    while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, (await once(socket, 'data'))[0]]);
    socket.pause();
    const end = head.indexOf('\r\n\r\n') + 4;
    if (end < head.length) socket.unshift(head.subarray(end));
    if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(head.toString());
    return socket;
  }

  /** An upgraded connection that has said nothing yet. */
  async peer(): Promise<RawPeer> {
    return new RawPeer(await this.upgraded());
  }

  /** No socket is left but `sockets`, and no link but those of them that are online. */
  async quiet(sockets = 0): Promise<void> {
    await until(async () => (await this.connections()) === sockets, `${sockets} sockets`);
    await until(() => {
      const { online, connecting } = this.server.stats().clients;
      return connecting === 0 && online <= sockets;
    }, 'the end of the links');
  }

  /** Connections that the server holds, whatever their state. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.server.httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }
}

export interface ClientSettings extends Omit<TestClientOptions, 'userId'> {
  readonly headers?: Record<string, string>;
}

export function upgradeRequest(host: string, path = '/callboard', headers: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');
}

/** One masked frame, as a client sends it (RFC 6455, section 5.2). */
export function maskedFrame(
  payload: string | Uint8Array,
  { opcode = 1, fin = true, rsv = 0 }: { opcode?: number; fin?: boolean; rsv?: number } = {},
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload);
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  const length = body.length;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = 0x80 | (header.length === 2 ? length : header.length === 4 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, mask, body.map((byte, i) => byte ^ (mask[i & 3] as number))]);
}

/** ws's own reader of what a server sends; its types leave it out. */
export const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => NodeJS.WritableStream;
};

/** The other end of an upgraded socket, that sends what it likes and does nothing by itself. */
export class RawPeer {
  readonly socket: Socket;
  readonly texts: string[] = [];
  readonly pongs: string[] = [];
  /** Pieces in which all that came. */
  chunks = 0;
  /** The code of the close frame that came, and of the `disconnect` before it. */
  closedWith: number | undefined;
  disconnect: { readonly code: number; readonly reason: string } | undefined;
  /** The socket is closed. */
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    const receiver = new Receiver({ isServer: false });
    receiver.on('message', (data: Buffer) => {
      const text = data.toString();
      this.texts.push(text);
      if (text.startsWith('{"op":"disconnect"')) this.disconnect = JSON.parse(text);
    });
    receiver.on('pong', (data: Buffer) => this.pongs.push(data.toString()));
    receiver.on('conclude', (code: number) => {
      this.closedWith = code;
    });
    socket.on('data', (chunk) => {
      this.chunks++;
      receiver.write(chunk);
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.resume();
  }

  send(text: string): void {
    this.write(maskedFrame(text));
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Sends `connect` and is welcomed; gives the session. */
  async connect(userId: string): Promise<string> {
    this.send(JSON.stringify({ op: 'connect', version: 1, userId }));
    await until(() => this.texts.length > 0, 'the welcome');
    return JSON.parse(this.texts[0] as string).session;
  }
}

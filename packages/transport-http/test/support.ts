import { once } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import {
  createServer,
  type Plugin,
  provide,
  type Server,
  type ServerOptions,
  type Transport,
  tokens,
} from '@callboard/core';
import type { Contract, UserId } from '@callboard/protocol';
import {
  collectingLogger,
  LiveClock,
  type LogEntry,
  TestClient,
  type TestClientOptions,
  turn,
  until,
} from '@callboard/testkit';

export { LiveClock, turn, until } from '@callboard/testkit';

import { httpTransport } from '../src/index.ts';
import { type Answer, ask, HttpWire, type Mode, type Question } from './wire.ts';

/** What a test opens is closed when it is over. */
export class Stage {
  readonly #endings: (() => unknown)[] = [];

  /** Runs when the test is over, last registered first. */
  after(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop()) await ending();
  }

  /** A running server on a free port of this machine, with an HTTP transport. */
  async serve<const C extends Contract = Contract, const P extends readonly Plugin[] = readonly []>(
    options: Partial<ServerOptions<C, P>> = {},
  ): Promise<Running> {
    const clock = new LiveClock();
    const logger = collectingLogger();
    const requests: IncomingMessage[] = [];
    const server = createServer({
      host: '127.0.0.1',
      ...(options.httpServer === undefined && { port: 0 }),
      transports: [watched(httpTransport(), requests)],
      logger,
      provide: [provide(tokens.clock, clock)],
      ...options,
    } as ServerOptions) as Server;
    await server.start();
    // Open connections would be waited for in simulated time.
    this.after(async () => {
      const done = server.disconnect({ graceMs: 1 });
      let over = false;
      const finish = () => {
        over = true;
      };
      done.then(finish, finish);
      for (; !over; await turn()) clock.advance(1_000);
      await done;
    });
    return new Running(server, clock, logger.logs, requests, this);
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

/** Notes each request that gets to a transport. */
function watched(transport: Transport, requests: IncomingMessage[]): Transport {
  return {
    ...transport,
    start: (host) =>
      transport.start({
        ...host,
        onRequest: (path, listener) =>
          host.onRequest(path, (request, ...rest) => {
            requests.push(request);
            listener(request, ...rest);
          }),
      }),
  };
}

export interface ClientSettings extends Omit<TestClientOptions, 'userId'> {
  readonly mode?: Mode;
  readonly headers?: Record<string, string>;
}

export class Running {
  readonly server: Server;
  readonly clock: LiveClock;
  readonly logs: readonly LogEntry[];
  /** All that came to the transport. */
  readonly requests: readonly IncomingMessage[];
  readonly #stage: Stage;

  constructor(
    server: Server,
    clock: LiveClock,
    logs: readonly LogEntry[],
    requests: readonly IncomingMessage[],
    stage: Stage,
  ) {
    this.server = server;
    this.clock = clock;
    this.logs = logs;
    this.requests = requests;
    this.#stage = stage;
  }

  /** The request that comes of what is done. */
  async reached(done: () => unknown): Promise<IncomingMessage> {
    const before = this.requests.length;
    done();
    await until(() => this.requests.length > before, 'the request');
    return this.requests[before] as IncomingMessage;
  }

  get errors(): readonly LogEntry[] {
    return this.logs.filter(({ level }) => level === 'error');
  }

  get origin(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  get url(): string {
    return `http://${this.origin}/callboard`;
  }

  /** Connections that the server's core knows of. */
  get links(): number {
    const { online, connecting } = this.server.stats().clients;
    return online + connecting;
  }

  ask(question: Question = {}): Promise<Answer> {
    return ask(this.url, question);
  }

  /** A connection's name, fresh from its opening. */
  async open(headers: Record<string, string> = {}): Promise<string> {
    const { body } = await this.ask({ method: 'POST', headers });
    return JSON.parse(body).connection;
  }

  post(connection: string, frame: number, body: string | Uint8Array, headers = {}): Promise<Answer> {
    return this.ask({
      method: 'POST',
      headers: { 'callboard-connection': connection, 'callboard-frame': frame, ...headers },
      body,
    });
  }

  poll(connection: string, poll: number): Promise<Answer> {
    return this.ask({ headers: { 'callboard-connection': connection, 'callboard-poll': poll } });
  }

  client(
    userId: UserId | undefined,
    { mode, headers, ...options }: ClientSettings = {},
  ): TestClient<HttpWire> {
    const client = new TestClient(() => HttpWire.open(this.url, mode, headers), {
      ...options,
      ...(userId !== undefined && { userId }),
    });
    this.#stage.after(() => client.wire?.cut());
    return client;
  }

  /** A client that is welcomed. */
  async connect(userId: UserId, settings?: ClientSettings): Promise<TestClient<HttpWire>> {
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

  /** Sockets that the server holds. */
  sockets(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.server.httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }
}

import { once } from 'node:events';
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import {
  type Contract,
  createServer,
  type Plugin,
  type PluginApis,
  provide,
  type Server,
  type ServerOptions,
  tokens,
} from '@callboard/core';
import { SUBPROTOCOL } from '@callboard/protocol';
import { collectingLogger, LiveClock, type LogEntry, turn, until } from '@callboard/testkit';

export { LiveClock, turn, until } from '@callboard/testkit';

import { webSocketTransport } from '@callboard/transport-ws';
import { WebSocket } from 'ws';
import { type Client, type ClientOptions, createClient, SendError, type UserId } from '../src/index.ts';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

/** A promise that the test settles. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((onValue) => {
    resolve = onValue;
  });
  return { promise, resolve };
}

/** What a send failed with. */
export async function failure(send: Promise<unknown>): Promise<SendError> {
  const outcome = await send.then(
    (value) => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof SendError) return outcome;
  throw outcome;
}

/** All that a client's subscribers to this type are told from now on. */
export function heard<T extends string>(client: Client, type: T): unknown[] {
  const payloads: unknown[] = [];
  client.subscribe(type as string, (payload) => payloads.push(payload));
  return payloads;
}

/** Where a client's connection is, and how the one before ended. */
export function state(client: Client) {
  const { value, context } = client.actor.getSnapshot();
  return { value, ending: context.ending, waitMs: context.waitMs };
}

export const endPointOf = (server: Server) => `ws://127.0.0.1:${server.port}`;

export interface RawOutcome {
  /** That of a refused upgrade, and its body. */
  status?: number;
  body?: string;
  /** The first frame that came, and the close. */
  frame?: unknown;
  code?: number;
}

/** What becomes of a connection without the client library, that says this first and goes after the answer. */
export function raw(
  server: Server,
  first: object,
  headers: Record<string, string> = {},
): Promise<RawOutcome> {
  const webSocket = new WebSocket(`${endPointOf(server)}/callboard`, [SUBPROTOCOL], { headers });
  let frame: unknown;
  return new Promise((resolve, reject) => {
    webSocket.on('open', () => webSocket.send(JSON.stringify(first)));
    webSocket.on('message', (data) => {
      frame = JSON.parse(String(data));
      if ((frame as { op: string }).op === 'connected') webSocket.close(1000);
    });
    webSocket.on('close', (code) => resolve({ frame, code }));
    webSocket.on('error', reject);
    webSocket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
  });
}

/** The servers, clients and cables of one test, all on one clock. What it opens is closed when the test is over. */
export class Stage {
  readonly clock = new LiveClock();
  /** What servers and clients logged. */
  readonly logs: LogEntry[] = [];
  readonly #endings: (() => unknown)[] = [];

  /** Runs when the test is over, last registered first. */
  after(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop())
      await this.finish(ending());
  }

  /** A running server on a free port of this machine. */
  async serve<const C extends Contract = Contract, const P extends readonly Plugin[] = readonly []>(
    options: Partial<ServerOptions<C, P>> = {},
  ): Promise<Server & PluginApis<P>> {
    const server = createServer({
      port: 0,
      host: '127.0.0.1',
      transports: [webSocketTransport()],
      logger: collectingLogger(this.logs),
      provide: [provide(tokens.clock, this.clock)],
      ...options,
    } as ServerOptions) as unknown as Server & PluginApis<P>;
    await server.start();
    this.after(() => server.disconnect({ graceMs: 1 }));
    return server;
  }

  client(
    where: Server | Cable | string,
    userId: UserId,
    options: Partial<ClientOptions<Contract>> = {},
  ): Client {
    const endPoint =
      typeof where === 'string' ? where : where instanceof Cable ? where.endPoint : endPointOf(where);
    const client = createClient({
      endPoint,
      userId,
      timers: this.clock,
      random: () => 0.5,
      logger: collectingLogger(this.logs),
      ...options,
    });
    this.after(() => client.close());
    return client;
  }

  /** A client that is ONLINE, and whose first requests have been answered: nothing of its own is on the way. */
  async online(...args: Parameters<Stage['client']>): Promise<Client> {
    const client = this.client(...args);
    await until(() => client.isConnected(), 'the first connection');
    await client.sendToUser({ type: 'READY' }, client.userId);
    return client;
  }

  async cable(server: Server): Promise<Cable> {
    const listener = createTcpServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const cable = new Cable(listener);
    cable.plugIn(server);
    this.after(() => {
      cable.cut();
      listener.close();
    });
    return cable;
  }

  /** Waits for what takes simulated time. */
  async finish<T>(done: T): Promise<Awaited<T>> {
    let over = false;
    const finished = () => {
      over = true;
    };
    Promise.resolve(done).then(finished, finished);
    for (; !over; await turn()) this.clock.advance(100);
    return await done;
  }

  /** The client has noticed that its connection is gone. */
  async lost(client: Client): Promise<void> {
    await until(() => !client.isConnected(), 'the loss of the connection');
  }

  /** The clients have lost their connections and come back, each attempt as soon as it is made. */
  async back(...clients: readonly Client[]): Promise<void> {
    for (const client of clients) await this.lost(client);
    await until(() => {
      for (const { value, waitMs } of clients.map(state))
        if (value === 'reconnecting') this.clock.advance(Math.max(1, waitMs));
      return clients.every((client) => client.isConnected());
    }, 'the return of the clients');
  }

  /** All that was sent to these clients so far has reached them: what the server sends last has. */
  async delivered(server: Server, clients: readonly Client[]): Promise<void> {
    const waiting = new Set(clients);
    const ends = clients.map((client) => client.subscribe('LAST', () => waiting.delete(client)));
    await server.sendToUser(
      clients.map(({ userId }) => userId),
      { type: 'LAST' },
    );
    await until(() => waiting.size === 0, 'the last message');
    for (const end of ends) end();
  }
}

export type Way = 'toServer' | 'toClient';

/** A TCP connection's way from clients to a server, that can hold back what goes through, and be cut. */
export class Cable {
  /** What is held back, either way; bytes as characters. */
  readonly held: Record<Way, string> = { toServer: '', toClient: '' };
  readonly #holding: Record<Way, boolean> = { toServer: false, toClient: false };
  readonly #listener: TcpServer;
  readonly #sockets = new Set<Socket>();
  #port: number | undefined;

  constructor(listener: TcpServer) {
    this.#listener = listener;
    listener.on('connection', (near) => this.#join(near));
  }

  get endPoint(): string {
    return `ws://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** From now on new connections go to this server; without one they end at once. */
  plugIn(server?: Server): void {
    this.#port = server?.port;
  }

  /** Nothing goes this way any more, until it is cut. */
  hold(way: Way): void {
    this.#holding[way] = true;
  }

  /** Ends all connections; what was held back is lost. New ones pass. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const way of ['toServer', 'toClient'] as const) {
      this.#holding[way] = false;
      this.held[way] = '';
    }
  }

  #join(near: Socket): void {
    if (this.#port === undefined) return void near.destroy();
    const far = connectTcp(this.#port, '127.0.0.1');
    this.#pass('toServer', near, far);
    this.#pass('toClient', far, near);
  }

  #pass(way: Way, from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (this.#holding[way]) this.held[way] += bytes.toString('latin1');
      else to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.end();
    });
  }
}

import assert from 'node:assert/strict';
import {
  type Awaitable,
  type Clock,
  type Connection,
  defaultLimits,
  type Limits,
  type Peer,
  silentLogger,
  systemClock,
  type Transport,
  type TransportHost,
} from '@callboard/core';
import { until } from './live-clock.ts';
import type { ClientWire, Closed } from './wire.ts';

/** A transport under test, and the other end of it. */
export interface TransportUnderTest {
  readonly transport: Transport;
  /** Connects a client. Called once the transport has started. */
  connect(): Awaitable<ClientWire>;
  /** For a transport that takes upgrades of an HTTP server: passes them on, with a peer, to what is given here. */
  readonly onUpgrade?: TransportHost['onUpgrade'];
  /** For a transport that takes plain requests: passes them on, with what the checks say, to what is given here. */
  readonly onRequest?: TransportHost['onRequest'];
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Lets happen what is due, where time is simulated. */
  settle?(): Awaitable<void>;
  /** Called after each test, when the transport has stopped. */
  close?(): Awaitable<void>;
}

export const limits: Limits = defaultLimits;

/** The server's end of a connection: what came, and what is written. */
export class ServerEnd {
  readonly received: string[] = [];
  readonly sizes: number[] = [];
  readonly closes: Closed[] = [];
  readonly connection: Connection;
  readonly peer: Peer;

  constructor(connection: Connection, peer: Peer) {
    this.connection = connection;
    this.peer = peer;
  }

  write(text: string): void {
    this.connection.write(this.connection.framing.frame(text));
  }
}

/** The client's end: what came. */
export class ClientEnd {
  readonly received: string[] = [];
  readonly closes: Closed[] = [];
  readonly wire: ClientWire;

  constructor(wire: ClientWire) {
    this.wire = wire;
    wire.onFrame((text) => this.received.push(text));
    wire.onClose((code, reason) => this.closes.push({ code, reason }));
  }
}

/** A started transport, with pairs of ends. */
export class Stage {
  readonly transport: Transport;
  readonly #underTest: TransportUnderTest;
  readonly #accepted: ServerEnd[] = [];

  constructor(underTest: TransportUnderTest) {
    this.#underTest = underTest;
    this.transport = underTest.transport;
  }

  async start(): Promise<void> {
    const { clock = systemClock, onUpgrade, onRequest } = this.#underTest;
    await this.transport.start({
      clock,
      logger: silentLogger,
      limits,
      onUpgrade:
        onUpgrade ?? (() => assert.fail('this transport takes upgrades: give the suite `onUpgrade`')),
      onRequest:
        onRequest ?? (() => assert.fail('this transport takes requests: give the suite `onRequest`')),
      accept: (connection, peer) => {
        const end = new ServerEnd(connection, peer);
        this.#accepted.push(end);
        return {
          received: (text, bytes) => {
            end.received.push(text);
            end.sizes.push(bytes);
          },
          malformed: (reason) => assert.fail(`malformed: ${reason}`),
          closed: (code, reason) => void end.closes.push({ code, reason }),
        };
      },
    });
  }

  async stop(): Promise<void> {
    await this.transport.stop();
    await this.#underTest.close?.();
  }

  async pair(): Promise<{ server: ServerEnd; client: ClientEnd }> {
    const before = this.#accepted.length;
    const client = new ClientEnd(await this.#underTest.connect());
    await this.until(() => this.#accepted.length > before, 'a connection');
    return { server: this.#accepted[before] as ServerEnd, client };
  }

  /** Lets the event loop, and simulated time that is due, go on. */
  async turn(): Promise<void> {
    await this.#underTest.settle?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  until(reached: () => boolean, what: string): Promise<void> {
    return until(async () => {
      await this.#underTest.settle?.();
      return reached();
    }, what);
  }

  /** That nothing reports the end a second time. */
  async closedOnce(server: ServerEnd, client: ClientEnd): Promise<void> {
    await this.until(() => client.closes.length > 0, 'the end');
    for (let i = 0; i < 5; i++) await this.turn();
    assert.equal(server.closes.length, 1, 'the server was told of the end more than once');
    assert.equal(client.closes.length, 1, 'the client was told of the end more than once');
  }
}

import {
  type Awaitable,
  createServer,
  type Gateway,
  provide,
  type Server,
  type ServerOptions,
  silentLogger,
  tokens,
} from '@callboard/core';
import { LiveClock, turn, until } from './live-clock.ts';

/** Who connects, in words that the gateway's protocol has others for. */
export interface DeviceIdentity {
  readonly userId: string;
  readonly token?: string;
  readonly device: string;
  /** Whether the session that it has, or is given now, is to wait for it when it is gone. */
  readonly keep?: boolean;
}

/** A device, at its own end. */
export interface DeviceUnderTest {
  /** What it was given, in that order. */
  readonly received: readonly { readonly channel: string; readonly payload: Uint8Array }[];
  /** The server has ended it. */
  readonly closed: boolean;
  /** To be given all at least once, if the protocol has that. Whether it was granted. */
  subscribe(filter: string): Awaitable<boolean>;
  unsubscribe(filter: string): Awaitable<void>;
  /** Resolves when it is acknowledged. */
  publish(channel: string, payload: Uint8Array): Awaitable<void>;
  /** Dies without a word. */
  cut(): void;
  /** Says that it leaves. */
  leave(): Awaitable<void>;
  /** Reads nothing until `thaw`, where that can be shown. */
  freeze?(): void;
  thaw?(): void;
}

/** A gateway under test, and devices of its protocol. */
export interface GatewayUnderTest {
  readonly gateway: Gateway;
  /** Connects one. Called once the server has started. Rejects where it is refused. */
  connect(identity: DeviceIdentity): Awaitable<DeviceUnderTest>;
  /** Called after each test, when the server has stopped. */
  close?(): Awaitable<void>;
}

/** A server with the gateway, and its devices. */
export class GatewayStage {
  readonly clock = new LiveClock();
  readonly gateway: Gateway;
  server!: Server;
  readonly #underTest: GatewayUnderTest;

  constructor(underTest: GatewayUnderTest) {
    this.#underTest = underTest;
    this.gateway = underTest.gateway;
  }

  async serve(options: Partial<ServerOptions> = {}): Promise<Server> {
    this.server = createServer({
      transports: [this.gateway],
      channels: { '#': openToAll },
      logger: silentLogger,
      provide: [provide(tokens.clock, this.clock)],
      ...options,
    });
    await this.server.start();
    return this.server;
  }

  connect(userId: string, more: Partial<DeviceIdentity> = {}): Promise<DeviceUnderTest> {
    return (async () => this.#underTest.connect({ userId, device: `of ${userId}`, ...more }))();
  }

  /** Time for what should not happen to happen. */
  async settled(): Promise<void> {
    for (let i = 0; i < 20; i++) await turn();
  }

  async stop(): Promise<void> {
    let stopped = false;
    const ended = this.server.disconnect().then(() => {
      stopped = true;
    });
    await until(() => {
      this.clock.advance(1_000);
      return stopped;
    }, 'the end of the server');
    await ended;
  }

  async end(): Promise<void> {
    await this.stop();
    await this.#underTest.close?.();
  }
}

export const openToAll = { canSubscribe: () => true, canPublish: () => true, filters: true } as const;

/** What a device was given, as texts. */
export function textsOf({ received }: DeviceUnderTest): string[] {
  return received.map(({ channel, payload }) => `${channel} ${Buffer.from(payload)}`);
}

import {
  createServer,
  type Gateway,
  provide,
  type Server,
  type ServerOptions,
  tokens,
} from '@callboard/core';
import { collectingLogger, LiveClock, type LogEntry, until } from '@callboard/testkit';
import mqtt from 'mqtt';
import { type MqttBroker, type MqttBrokerOptions, mqttTransport } from '../src/index.ts';
import { open } from './support.ts';

/** One server that has joined a broker, and what it was told. */
export class Node {
  readonly clock = new LiveClock();
  readonly logs: LogEntry[] = [];
  readonly events: string[] = [];
  readonly broker: MqttBroker;
  readonly server: Server;
  /** `channel=data` of the channels that it watches, in order. */
  readonly told: string[] = [];

  constructor(
    options: MqttBrokerOptions,
    serverOptions: Partial<ServerOptions> = {},
    others: readonly Gateway[] = [],
  ) {
    this.broker = mqttTransport({ clientId: 'callboard-test', ...options });
    this.server = createServer({
      transports: [this.broker, ...others],
      channels: { '#': open },
      logger: collectingLogger(this.logs),
      provide: [provide(tokens.clock, this.clock)],
      ...serverOptions,
    });
    this.server.events$.subscribe(({ type }) => this.events.push(type));
  }

  /** Also what comes before the broker is there. */
  watch(...channels: string[]): void {
    for (const name of channels)
      this.server
        .channel(name)
        .publications$.subscribe(({ channel, data }) => this.told.push(`${channel}=${data}`));
  }

  get stats() {
    return this.server.stats().gateways[this.broker.name] as Readonly<Record<string, number>>;
  }

  async online(): Promise<void> {
    await until(() => {
      this.clock.advance(100);
      return this.broker.connected;
    }, 'the broker');
  }

  /** Waits for what the broker sends, and lets no more time pass than that takes: a broker that is slow has not said all. */
  async heard(what: () => boolean, of: string): Promise<void> {
    let before = Date.now();
    await until(
      () => {
        const now = Date.now();
        this.clock.advance(Math.max(0, now - before));
        before = now;
        return what();
      },
      `${of}; told: ${this.told.join(' ')}; stats: ${JSON.stringify(this.stats)}`,
    );
  }

  async end(): Promise<void> {
    let gone = false;
    this.server.disconnect().finally(() => {
      gone = true;
    });
    await until(() => {
      this.clock.advance(1_000);
      return gone;
    }, 'the end of the server');
  }
}

/** MQTT.js beside Callboard, and what it has got: `topic=payload`, with `!` where retained. */
export async function peer(url: string, filter: string, options: mqtt.IClientOptions = {}) {
  const client = await mqtt.connectAsync(url, {
    protocolVersion: 5,
    keepalive: 0,
    reconnectPeriod: 0,
    ...options,
  });
  const got: string[] = [];
  client.on('message', (topic, payload, { retain }) => got.push(`${topic}=${payload}${retain ? '!' : ''}`));
  client.on('error', () => {});
  await client.subscribeAsync(filter, { qos: 1 });
  return { client, got };
}

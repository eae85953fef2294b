import { Socket } from 'node:net';
import type { Clock, Logger } from '@callboard/core';
import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt';
import type { BrokerSettings } from './options.ts';

type Version = 4 | 5;

export interface LineEvents {
  /** It may be used, until it is `lost`. */
  ready(client: MqttClient, connack: IConnackPacket): void;
  lost(reason: string): void;
  /** Acknowledged, and the next one read, when this is done. Must not reject. */
  received(packet: IPublishPacket): Promise<void>;
}

/** Not of this version: in 3.1.1 and in MQTT 5. */
const refusals: readonly unknown[] = [0x01, 0x84];

/** The connection to the broker: made again, later and later, for as long as it is wanted. */
export class Line {
  readonly #settings: BrokerSettings;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: LineEvents;
  /** Of packets that are not acknowledged. */
  readonly #stores = newStores();
  #client: MqttClient | undefined;
  #version: Version;
  /** There has been a connection by it. */
  #settled: boolean;
  #attempts = 0;
  #timer: unknown;
  #ready = false;
  #wanted = true;

  constructor(settings: BrokerSettings, clock: Clock, logger: Logger, events: LineEvents) {
    this.#settings = settings;
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
    this.#version = settings.protocol ?? 5;
    this.#settled = settings.protocol !== undefined;
    this.#open();
  }

  get version(): Version {
    return this.#version;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Says goodbye; the broker keeps the session. */
  async end(): Promise<void> {
    this.#wanted = false;
    this.#clock.clearTimeout(this.#timer);
    const client = this.#client;
    if (client === undefined) return;
    if (this.#ready) client.stream.write(goodbye);
    await new Promise<void>((resolve) => client.end(true, {}, () => resolve()));
  }

  #open(): void {
    if (this.#client !== undefined) {
      this.#client.reconnect(this.#stores);
      return;
    }
    this.#client = this.#make();
    this.#client.connect();
  }

  #make(): MqttClient {
    const { broker } = this.#settings;
    const client = mqtt.connect(broker, this.#options());
    let answered = false;
    let failure: Error & { code?: unknown } = new Error('the connection was closed');
    client.on('connect', (connack) => {
      answered = true;
      this.#attempts = 0;
      this.#settled = true;
      this.#ready = true;
      // Else acknowledgements wait 40 ms for those of TCP.
      if (client.stream instanceof Socket) client.stream.setNoDelay(true);
      this.#events.ready(client, connack);
    });
    client.on('error', (error) => {
      failure = error;
    });
    client.on('disconnect', ({ reasonCode }) => {
      failure = new Error(`the broker has disconnected: 0x${(reasonCode ?? 0).toString(16)}`);
    });
    client.on('close', () => {
      if (client !== this.#client) return;
      // Brokers that know no other version may just close [MQTT-3.1.2-2].
      if (!answered && !this.#settled && (failure.code === undefined || refusals.includes(failure.code)))
        this.#change();
      this.#closed(failure.message || String(failure.code));
      failure = new Error('the connection was closed');
    });
    client.handleMessage = (packet, done) => {
      const { stream } = client;
      // What another connection brought it brings again.
      const settled = () => {
        if (client.stream === stream) done();
      };
      this.#events.received(packet).then(settled);
    };
    return client;
  }

  #options(): IClientOptions {
    const { clientId, connection, limits, sessionExpiryMs } = this.#settings;
    return {
      ...connection,
      ...this.#stores,
      clientId,
      protocolVersion: this.#version,
      clean: false,
      manualConnect: true,
      reconnectPeriod: 0,
      resubscribe: false,
      ...(this.#version === 5 && {
        properties: {
          sessionExpiryInterval: Math.min(Math.ceil(sessionExpiryMs / 1_000), 0xffff_ffff),
          receiveMaximum: Math.min(limits.maxInFlight, 0xffff),
          maximumPacketSize: Math.min(limits.maxPacketBytes + PACKET_OVERHEAD, 0xffff_ffff),
        },
      }),
    };
  }

  /** Nothing has been sent by the other version. */
  #change(): void {
    this.#version = this.#version === 5 ? 4 : 5;
    this.#client = undefined;
  }

  #closed(reason: string): void {
    const wasReady = this.#ready;
    this.#ready = false;
    if (wasReady) this.#events.lost(reason);
    if (!this.#wanted) return;
    const { minMs, maxMs } = this.#settings.backoff;
    const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(this.#attempts++, 30));
    // Between half and all of it: nodes that lost the same broker do not come back as one.
    const inMs = delayMs * (0.5 + Math.random() / 2);
    const { name } = this.#settings;
    const report = this.#attempts === 1 ? 'warn' : 'debug';
    this.#logger[report]('no broker', { name, reason, retryInMs: Math.round(inMs) });
    this.#timer = this.#clock.setTimeout(() => this.#open(), inMs);
  }
}

/** A topic and the properties. */
const PACKET_OVERHEAD = 70_000;

/** DISCONNECT in both versions: normal, and the session expires as CONNECT said (MQTT 5, section 3.14.2.2.2). */
const goodbye = Buffer.of(0xe0, 0);

/** MQTT.js sends again what is in here, and without the mark that it has been sent before [MQTT-3.3.1-1]. */
class Unacknowledged extends mqtt.Store {
  override put(packet: Parameters<mqtt.Store['put']>[0], stored: Parameters<mqtt.Store['put']>[1]): this {
    return super.put(packet.cmd === 'publish' ? { ...packet, dup: true } : packet, stored);
  }
}

function newStores() {
  return {
    incomingStore: new mqtt.Store({ clean: false }),
    outgoingStore: new Unacknowledged({ clean: false }),
  };
}

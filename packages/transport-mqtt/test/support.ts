import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { createServer, provide, type Server, type ServerOptions, tokens } from '@callboard/core';
import { collectingLogger, LiveClock, type LogEntry, until } from '@callboard/testkit';
import mqtt from 'mqtt';
import { generate, type Packet, type PacketCmd, parser } from 'mqtt-packet';
import { type MqttTransport, type MqttTransportOptions, mqttTransport } from '../src/index.ts';

export { until } from '@callboard/testkit';

/** What everybody may do, in all channels and through filters. */
export const open = { canSubscribe: () => true, canPublish: () => true, filters: true } as const;

/** One server with MQTT, its devices and their clock; what it opens is closed when the test is over. */
export class Stage {
  readonly clock: LiveClock;
  readonly logs: LogEntry[] = [];
  server!: Server;
  mqtt!: MqttTransport;
  readonly #endings: (() => unknown)[] = [];

  constructor(clock = new LiveClock()) {
    this.clock = clock;
  }

  after(ending: () => unknown): void {
    this.#endings.push(ending);
  }

  async end(): Promise<void> {
    for (const ending of this.#endings.reverse()) await ending();
  }

  async serve(options: Partial<ServerOptions> = {}, mqttOptions: MqttTransportOptions = {}): Promise<Server> {
    this.mqtt = mqttTransport({ port: 0, ...mqttOptions });
    const { transports = [], provide: provisions = [], ...rest } = options;
    this.server = createServer({
      transports: [this.mqtt, ...transports],
      channels: { '#': open },
      logger: collectingLogger(this.logs),
      provide: [provide(tokens.clock, this.clock), ...provisions],
      ...rest,
    });
    this.server.use(this.mqtt.devices);
    await this.server.start();
    const { server } = this;
    this.after(async () => {
      let gone = false;
      server.disconnect().finally(() => {
        gone = true;
      });
      await until(() => {
        this.clock.advance(1_000);
        return gone;
      }, 'the end of the server');
    });
    return server;
  }

  /** A socket to the server. */
  async raw(version: 4 | 5 = 4): Promise<RawDevice> {
    const socket = connectTcp(this.mqtt.port as number, '127.0.0.1');
    await once(socket, 'connect');
    this.after(() => socket.destroy());
    return new RawDevice(socket, version);
  }

  /** One that is connected, by 3.1.1 unless told otherwise, with a clean session unless `fields` say so; and what it was told. */
  async connected(clientId: string, fields: object = {}, version: 4 | 5 = 4) {
    const device = await this.raw(version);
    device.send(connectPacket(clientId, { protocolVersion: version, ...fields }));
    const { properties = {}, reasonCode, sessionPresent } = await device.next('connack');
    return Object.assign(device, { told: { ...properties, reasonCode, sessionPresent } });
  }

  connected5(clientId: string, fields: object = {}) {
    return this.connected(clientId, fields, 5);
  }

  /** MQTT.js. */
  async device(options: mqtt.IClientOptions = {}): Promise<mqtt.MqttClient> {
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${this.mqtt.port}`, {
      protocolVersion: 4,
      keepalive: 0,
      reconnectPeriod: 0,
      ...options,
    });
    this.after(() => device.end(true));
    return device;
  }
}

export function connectPacket(clientId: string, fields: object = {}): Packet {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    ...fields,
  } as Packet;
}

export function publishPacket(topic: string, payload: string | Buffer, fields: object = {}): Packet {
  return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...fields } as Packet;
}

export function subscribePacket(messageId: number, ...filters: [topic: string, qos?: 0 | 1 | 2][]): Packet {
  return { cmd: 'subscribe', messageId, subscriptions: filters.map(([topic, qos = 0]) => ({ topic, qos })) };
}

/** A device that says what it is told to, and notes what it is sent. */
export class RawDevice {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  closed = false;
  #taken = 0;

  readonly #version: 4 | 5;

  constructor(socket: Socket, version: 4 | 5 = 4) {
    this.socket = socket;
    this.#version = version;
    const reader = parser({ protocolVersion: version });
    reader.on('packet', (packet) => this.packets.push(packet));
    socket.on('data', (chunk: Buffer) => void reader.parse(chunk));
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => {});
  }

  send(...packets: (Packet | Buffer)[]): void {
    const bytes = packets.map((each) =>
      Buffer.isBuffer(each) ? each : generate(each, { protocolVersion: this.#version }),
    );
    this.socket.write(Buffer.concat(bytes));
  }

  /** The next packet that it has not been asked for, which must be of this kind, where one is given. */
  async next<Cmd extends PacketCmd>(cmd?: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    await until(() => this.packets.length > this.#taken, `a ${cmd ?? 'packet'}`);
    const packet = this.packets[this.#taken++] as Packet;
    if (cmd !== undefined && packet.cmd !== cmd)
      throw new Error(`not a ${cmd} but ${JSON.stringify(packet)}`);
    return packet as Extract<Packet, { cmd: Cmd }>;
  }

  /** Nothing more has come by the answer to a ping. */
  async quiet(): Promise<void> {
    this.send({ cmd: 'pingreq' });
    await this.next('pingresp');
  }

  /** What has come by the answer to a ping. */
  async rest(): Promise<Packet[]> {
    this.send({ cmd: 'pingreq' });
    const rest: Packet[] = [];
    for (;;) {
      const packet = await this.next();
      if (packet.cmd === 'pingresp') return rest;
      rest.push(packet);
    }
  }

  async end(): Promise<void> {
    await until(() => this.closed, 'the end of the connection');
  }
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach } from '@jest/globals';
import { generate, type Packet, type PacketCmd, parser } from 'mqtt-packet';

/** A broker that says what it is told to, and notes what it is sent. */
export class ScriptedBroker {
  /** What came, over all connections. */
  readonly packets: Packet[] = [];
  connections = 0;
  /** What answers a packet; by default all is well. */
  answer: (packet: Packet) => Packet | 'close' | undefined = wellMeant;
  readonly #server: Server;
  #socket: Socket | undefined;
  #version = 4;

  constructor() {
    this.#server = createServer((socket) => this.#take(socket));
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  send(packet: object): void {
    this.#socket?.write(generate(packet as Packet, { protocolVersion: this.#version }));
  }

  /** Reads no more of this connection. */
  pause(): void {
    this.#socket?.pause();
  }

  drop(): void {
    this.#socket?.destroy();
  }

  of<Cmd extends PacketCmd>(cmd: Cmd): Extract<Packet, { cmd: Cmd }>[] {
    return this.packets.filter((packet): packet is Extract<Packet, { cmd: Cmd }> => packet.cmd === cmd);
  }

  /** All of the kind, when there are so many. */
  async has<Cmd extends PacketCmd>(cmd: Cmd, count: number) {
    await until(() => this.of(cmd).length >= count, `${count} × ${cmd}`);
    return this.of(cmd);
  }

  async end(): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
  }

  #take(socket: Socket): void {
    this.#socket = socket;
    this.connections++;
    const reader = parser();
    reader.on('packet', (packet) => {
      if (packet.cmd === 'connect') this.#version = packet.protocolVersion ?? 4;
      this.packets.push(packet);
      const answer = this.answer(packet);
      if (answer === 'close') socket.end();
      else if (answer !== undefined) socket.write(generate(answer, { protocolVersion: this.#version }));
    });
    socket.on('data', (chunk: Buffer) => void reader.parse(chunk));
    socket.on('error', () => {});
  }
}

export function wellMeant(packet: Packet): Packet | undefined {
  const { messageId } = packet;
  switch (packet.cmd) {
    case 'connect':
      return { cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0 };
    case 'subscribe':
      return { cmd: 'suback', messageId: messageId ?? 0, granted: packet.subscriptions.map(() => 1) };
    case 'unsubscribe':
      return { cmd: 'unsuback', messageId: messageId ?? 0, granted: packet.unsubscriptions.map(() => 0) };
    case 'publish':
      return packet.qos === 1 ? { cmd: 'puback', messageId: messageId ?? 0 } : undefined;
    default:
      return undefined;
  }
}

/** Each test has a broker of its own. Gives what is to be done after it, the last first. */
export function withBroker(begun: (broker: ScriptedBroker) => void): (() => unknown)[] {
  const endings: (() => unknown)[] = [];
  beforeEach(async () => {
    const broker = new ScriptedBroker();
    endings.push(() => broker.end());
    await broker.start();
    begun(broker);
  });
  afterEach(async () => {
    for (const ending of endings.splice(0).reverse()) await ending();
  });
  return endings;
}

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { until } from './support.ts';

/** A device of a few lines by MQTT 3.1.1, for short packets: what it hears, as topic and payload. */
export class Device {
  readonly socket: Socket;
  readonly heard: string[] = [];
  #answers = 0;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
  }

  /** By the client id `device`, with a clean session. */
  static async connect(socket: Socket): Promise<Device> {
    await once(socket, 'connect');
    const device = new Device(socket);
    await device.#ask(0x10, Buffer.from('\0\x04MQTT\x04\x02\0\0\0\x06device', 'latin1'));
    return device;
  }

  async subscribe(...filters: readonly string[]): Promise<void> {
    for (const filter of filters)
      await this.#ask(0x82, Buffer.concat([Buffer.of(0, 1), text(filter), Buffer.of(0)]));
  }

  /** By QoS 1; resolves when it is acknowledged. */
  publish(topic: string, payload: string | Buffer): Promise<void> {
    return this.#ask(0x32, Buffer.concat([text(topic), Buffer.of(0, 1), Buffer.from(payload)]));
  }

  async #ask(type: number, body: Buffer): Promise<void> {
    const { length } = body;
    const wanted = this.#answers + 1;
    this.socket.write(Buffer.concat([Buffer.of(type, length), body]));
    await until(() => this.#answers === wanted, `the answer to ${type}`);
  }

  #read(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    for (let length = bytes[1]; length !== undefined && bytes.length >= 2 + length; length = bytes[1]) {
      this.#take(bytes.subarray(0, 2 + length));
      bytes = bytes.subarray(2 + length);
    }
    this.#rest = bytes;
  }

  #take(packet: Buffer): void {
    if ((packet[0] as number) >> 4 !== 3) {
      this.#answers++;
      return;
    }
    const end = 4 + packet.readUInt16BE(2);
    this.heard.push(`${packet.subarray(4, end)} ${packet.subarray(end)}`);
  }
}

function text(of: string): Buffer {
  const bytes = Buffer.from(of);
  return Buffer.concat([Buffer.of(0, bytes.length), bytes]);
}

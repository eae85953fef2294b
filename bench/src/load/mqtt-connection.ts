import { connect as connectTcp, type Socket } from 'node:net';
import { generate, type Packet } from 'mqtt-packet';
import { token } from '../token.ts';
import { encodeFrame, FrameReader, opcodes } from './frames.ts';

/** A packet's type (section 2.2.1 of MQTT 3.1.1), and where it is: valid during the call only. */
export type OnPacket = (type: number, bytes: Buffer, start: number, end: number) => void;

export const packetTypes = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;

/** One device over a raw socket, or a browser over a raw WebSocket, by MQTT 3.1.1. Cuts what comes into packets without decoding them. */
export interface MqttConnection {
  onPacket: OnPacket;
  /** In one write. */
  write(bytes: Uint8Array): void;
  /** Reads nothing more; the server may close it. */
  freeze(): void;
  /** Says goodbye; resolves when the socket is gone. */
  close(): Promise<void>;
}

/** Resolves once the CONNACK has come. Rejects if the server refuses. */
export function connectMqtt(
  port: number,
  clientId: string,
  { webSocket = false } = {},
): Promise<MqttConnection> {
  return new Promise((resolve, reject) => {
    let rest: Buffer = Buffer.alloc(0);
    let closing: (() => void) | undefined;
    const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true });
    const connection: MqttConnection = {
      onPacket(type, bytes, start) {
        if (type !== packetTypes.connack || bytes[start + 3] !== 0)
          return reject(new Error(`refused: ${bytes.toString('hex', start, start + 4)}`));
        connection.onPacket = () => {};
        resolve(connection);
      },
      write: (bytes) => void socket.write(wrapped(bytes)),
      freeze() {
        closing = () => {};
        socket.pause();
      },
      close: () =>
        new Promise((closed) => {
          closing = closed;
          socket.end(wrapped(encode({ cmd: 'disconnect' })));
        }),
    };
    const wrapped = (bytes: Uint8Array) =>
      webSocket ? encodeFrame(opcodes.binary, Buffer.from(bytes)) : bytes;
    const cut = (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      for (let end = packetEnd(bytes, at); end !== undefined; end = packetEnd(bytes, at)) {
        connection.onPacket((bytes[at] as number) >> 4, bytes, at, end);
        at = end;
      }
      rest = bytes.subarray(at);
    };
    socket.on('error', reject);
    socket.on('close', () => {
      if (closing === undefined) throw new Error('The server closed a connection');
      closing();
    });
    const begin = () =>
      connection.write(
        encode({
          cmd: 'connect',
          clientId,
          clean: true,
          keepalive: 0,
          username: clientId,
          password: Buffer.from(token),
        }),
      );
    if (webSocket) upgrade(socket, cut, begin);
    else {
      socket.on('data', cut);
      begin();
    }
  });
}

/** Calls back once what follows are frames, whose payload goes to `cut`. */
function upgrade(socket: Socket, cut: (chunk: Buffer) => void, begin: () => void): void {
  const reader = new FrameReader((opcode, bytes, start, end) => {
    if (opcode === opcodes.binary) cut(Buffer.from(bytes.subarray(start, end)));
  });
  let head: Buffer | undefined = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    if (head === undefined) return reader.read(chunk);
    head = Buffer.concat([head, chunk]);
    if (!head.includes('\r\n\r\n')) return;
    if (!head.toString('latin1').startsWith('HTTP/1.1 101 '))
      throw new Error(`refused the upgrade: ${head.toString('latin1')}`);
    // Nothing follows before the client has said something.
    head = undefined;
    begin();
  });
  socket.write(
    [
      'GET /mqtt HTTP/1.1',
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: mqtt',
      '\r\n',
    ].join('\r\n'),
  );
}

/** For a connection that reads publications, and nothing else. */
export function onPublish(came: () => void): OnPacket {
  return (type) => {
    if (type === packetTypes.publish) came();
  };
}

/** PUBLISH with 120 bytes. */
export function publication(topic: string, qos: 0 | 1): Buffer {
  const payload = 'x'.repeat(120);
  return encode({ cmd: 'publish', topic, payload, qos, messageId: 1, dup: false, retain: false });
}

export async function subscribeMqtt(connection: MqttConnection, topic: string, qos: 0 | 1): Promise<void> {
  const granted = new Promise<void>((resolve, reject) => {
    connection.onPacket = (_type, bytes, _start, end) =>
      bytes[end - 1] === qos ? resolve() : reject(new Error('a subscription was refused'));
  });
  connection.write(encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] }));
  await granted;
}

export function encode(packet: Packet): Buffer {
  return generate(packet);
}

/** Undefined where it has not all come. */
function packetEnd(bytes: Buffer, start: number): number | undefined {
  let length = 0;
  for (let at = start + 1; at < Math.min(start + 5, bytes.length); at++) {
    const digit = bytes[at] as number;
    length += (digit & 127) << (7 * (at - start - 1));
    if ((digit & 128) === 0) return at + 1 + length <= bytes.length ? at + 1 + length : undefined;
  }
  return undefined;
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A device of a few lines by MQTT 3.1.1: with a will, and a session that waits for it. Its client id is its user's id. */
export async function connectDevice(port: number, userId: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  // Section 3.1: protocol name and level; a will of QoS 0 and no clean session; keep alive.
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.of(4, 0b100, 0, 60),
    text(userId),
    text('gone'),
    text(userId),
  ]);
  socket.write(Buffer.concat([Buffer.of(0x10, body.length), body]));
  await once(socket, 'data');
  return socket;
}

/** Section 3.14: it leaves, and takes its will back. */
export function leave(socket: Socket): void {
  socket.end(Buffer.of(0xe0, 0));
}

function text(of: string): Buffer {
  const bytes = Buffer.from(of);
  return Buffer.concat([Buffer.of(0, bytes.length), bytes]);
}

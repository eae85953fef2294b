/**
 * The floor. Of one write for each delivery: a frame is made once and written to each raw socket, and that is all. Of one read and one write for
 * each publication of a device: what it says is acknowledged unread.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { token } from '../token.ts';
import { type ServeOptions, serve } from './serve.ts';

type Frame =
  | { op: 'connect'; userId: string; token: string }
  | { op: 'subscribe'; mid: number }
  | { op: 'publish'; mid: number; channel: string; data: unknown };

serve((options) => (options.scenario.startsWith('mqtt-') ? acknowledging() : fanningOut(options)));

function fanningOut({ httpServer }: ServeOptions): void {
  // For the handshake and what clients send, which is next to nothing; sockets are written to past it.
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const readers = new Set<Duplex>();

  httpServer.on('upgrade', (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const write = (frame: object) => socket.write(framed(JSON.stringify(frame)));
      webSocket.on('message', (data) => {
        const frame: Frame = JSON.parse(data.toString());
        switch (frame.op) {
          case 'connect':
            if (frame.token !== token) return webSocket.close(4401);
            return write({ op: 'connected', userId: frame.userId });
          case 'subscribe':
            readers.add(socket);
            return write({ op: 'reply', mid: frame.mid });
          case 'publish':
            publish(frame.channel, frame.data);
            return write({ op: 'reply', mid: frame.mid });
        }
      });
      webSocket.on('close', () => readers.delete(socket));
      webSocket.on('error', () => webSocket.terminate());
    });
  });

  function publish(channel: string, data: unknown): void {
    const bytes = framed(JSON.stringify({ op: 'publication', channel, data }));
    for (const socket of readers) socket.write(bytes);
  }
}

async function acknowledging() {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.once('data', () => {
      socket.write(connack);
      socket.on('data', () => socket.write(puback));
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port };
}

const connack = Buffer.from([0x20, 2, 0, 0]);
/** Of the packet id that all publications here have. */
const puback = Buffer.from([0x40, 2, 0, 1]);

/** One text frame (RFC 6455, section 5.2) of 126 to 65,535 bytes, or of fewer. */
function framed(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), payload]);
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Leads to a port of this machine's. What is connected when it swallows hears nothing any more, and no end either; newer ones do. */
export async function swallowingRoad(to: number) {
  const sockets = new Set<Socket>();
  const swallowed = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    swallow() {
      for (const socket of sockets)
        socket
          .unpipe()
          .on('data', () => swallowed.add(socket))
          .resume();
    },
    /** Connections by which something was said since. */
    get swallowed() {
      return swallowed.size;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

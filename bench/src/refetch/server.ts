/** Callboard before the API, in a process of its own. It can bump the page, or tell those who fetch it themselves. */

import type { Socket } from 'node:net';
import { createServer, silentLogger } from '@callboard/core';
import { refetch } from '@callboard/plugin-refetch';
import { webSocketTransport } from '@callboard/transport-ws';
import { answer } from './control.ts';

const [upstream = ''] = process.argv.slice(2);
const sockets = new Set<Socket>();
const server = createServer({
  port: 0,
  host: '127.0.0.1',
  transports: [webSocketTransport()],
  plugins: [refetch({ upstream, paths: ['/users/*'] })],
  channels: { 'changed/#': { canSubscribe: () => true } },
  limits: { maxConnectionsPerAddress: 10_000, maxConnectsPerSecond: 10_000 },
  logger: silentLogger,
});
server.httpServer.on('connection', (socket) => sockets.add(socket));
await server.start();
answer(server.port ?? 0, (said) => {
  if (said === 'bump') server.refetch.bump('/users/1');
  if (said === 'ping') void server.publish('changed/users/1', { type: 'CHANGED' });
  return { bytes: [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0) };
});

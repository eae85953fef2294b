import { writeHeapSnapshot } from 'node:v8';
import { createServer, silentLogger } from '@callboard/core';
import { webSocketTransport } from '@callboard/transport-ws';
import { refetch } from '../src/refetch.ts';

/** A node in a process of its own, whose memory can be looked through. Says its port, and writes its heap into each file that it is told. */
const [upstream = ''] = process.argv.slice(2);
const server = createServer({
  port: 0,
  host: '127.0.0.1',
  transports: [webSocketTransport()],
  plugins: [refetch({ upstream, paths: ['/users/*'], bumpKey: 'the key of the test' })],
  logger: silentLogger,
});
await server.start();
process.send?.(server.port);
process.on('message', (file: string) => {
  if (file !== '') writeHeapSnapshot(file);
  process.send?.(server.stats().plugins.refetch);
});
process.on('disconnect', () => process.exit());

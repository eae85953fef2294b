import { createServer, silentLogger } from '@callboard/core';
import { mqttTransport } from '../src/index.ts';
import { sqliteSessionStore } from '../src/sqlite.ts';
import { open } from './support.ts';

/** A server in a process of its own, to be killed: `doomed-server.ts FILE` says its port. */

const mqtt = mqttTransport({
  port: 0,
  store: sqliteSessionStore(process.argv[2] as string),
  limits: { maxQueued: 100_000, maxQueuedBytes: 1 << 26 },
});
const server = createServer({
  transports: [mqtt],
  channels: { '#': open },
  logger: silentLogger,
  limits: { maxFramesPerSecond: 1_000_000 },
});
await server.start();
console.log(mqtt.port);

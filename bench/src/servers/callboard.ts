/** Callboard, as an application would set it up; the limits that one load generator would run into are raised. */

import { type ChannelPolicy, createServer } from '@callboard/core';
import { presence } from '@callboard/plugin-presence';
import { mqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import { token } from '../token.ts';
import { serve } from './serve.ts';

const open: ChannelPolicy = { canSubscribe: () => true, canPublish: () => true, filters: true };

serve(async ({ httpServer, scenario }) => {
  const mqtt = scenario.startsWith('mqtt-') ? mqttTransport({ port: 0, host: '127.0.0.1' }) : undefined;
  const presenceIn = { 'show/+': { maxListed: 10_000 } };
  const batchMs = scenario === 'presence-channel-each' ? 0 : 100;
  const server = createServer({
    httpServer,
    plugins: scenario.startsWith('presence-') ? [presence({ channels: presenceIn, batchMs })] : [],
    transports: [webSocketTransport(), ...(mqtt === undefined ? [] : [mqtt])],
    verifyClient: (credentials) => credentials.token === token,
    canSend: () => true,
    channels: {
      '#': open,
      'state/#': { ...open, retain: true },
      'history/#': { ...open, history: { size: 256 } },
    },
    handlers: { ECHO: ({ action }) => action },
    limits: {
      maxConnectionsPerAddress: 100_000,
      maxConnectsPerSecond: 1_000_000,
      maxFramesPerSecond: 1_000_000,
      maxBytesPerSecond: 1_000_000_000,
      maxFrameBytes: 4 << 20,
    },
  });
  await server.start();
  return mqtt && { port: mqtt.port as number };
});

/** Callboard, as an application would set it up; the limits that one load generator would run into are raised. */

import { join } from 'node:path';
import { type ChannelPolicy, createServer, type Handler } from '@callboard/core';
import { type Notifications, notify, sqliteStore } from '@callboard/plugin-notify';
import { presence } from '@callboard/plugin-presence';

import { mqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import { inParallel } from '../load/in-parallel.ts';
import { type Batch, dueOf } from '../notices.ts';
import { token } from '../token.ts';
import { wideLimits } from './callboard-options.ts';
import { serve } from './serve.ts';
import { temporaryFolder } from './temporary-folder.ts';

const open: ChannelPolicy = { canSubscribe: () => true, canPublish: () => true, filters: true };
const scheduledAtOnce = 20;

serve(async ({ httpServer, scenario }) => {
  const mqtt = scenario.startsWith('mqtt-') ? mqttTransport({ port: 0, host: '127.0.0.1' }) : undefined;
  const notifications = scenario.startsWith('notify-')
    ? notify({ store: sqliteStore(join(temporaryFolder(), 'notify.db')) })
    : undefined;
  const schedule: Handler = async ({ action, server }) => {
    const batch = action as unknown as Batch;
    const { notify: notifications } = server as unknown as { notify: Notifications };
    await inParallel(batch.count, scheduledAtOnce, async (i) => {
      const { key, at, users, action } = dueOf(batch, i);
      await notifications.schedule({ key, at, action, to: users });
    });
  };
  const ofUsers = scenario.startsWith('presence-')
    ? presence({
        channels: { 'show/+': { maxListed: 10_000 } },
        canWatch: () => true,
        maxWatched: 10_000,
        batchMs: scenario === 'presence-channel-each' ? 0 : 100,
      })
    : undefined;
  const server = createServer({
    httpServer,
    transports: [webSocketTransport(), ...(mqtt === undefined ? [] : [mqtt])],
    plugins: [notifications, ofUsers].filter((plugin) => plugin !== undefined),
    verifyClient: (credentials) => credentials.token === token,
    canSend: () => true,
    channels: {
      '#': open,
      'state/#': { ...open, retain: true },
      'history/#': { ...open, history: { size: 256 } },
    },
    handlers: { ECHO: ({ action }) => action, SCHEDULE: schedule },
    limits: wideLimits,
  });
  await server.start();
  return mqtt && { port: mqtt.port as number };
});

/**
 * What one writes with BullMQ instead of the plugin, on the same server: a delayed job for each notification; when it is due, an entry in
 * each person's inbox in Redis, by the notification's key so that a job that is done again makes no second one, and a message to
 * those who are connected. Redis appends to its file, and syncs that each second, as BullMQ's documentation has it.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer } from '@callboard/core';
import { webSocketTransport } from '@callboard/transport-ws';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Batch, type Due, dueOf } from '../notices.ts';
import { token } from '../token.ts';
import { wideLimits } from './callboard-options.ts';
import { serve } from './serve.ts';
import { temporaryFolder } from './temporary-folder.ts';

const scheduledAtOnce = 1_000;
/** As many as Callboard tells at a time. */
const concurrency = 100;

serve(async ({ httpServer }) => {
  const folder = temporaryFolder();
  const path = join(folder, 'redis.sock');
  const settings = `--port 0 --unixsocket ${path} --dir ${folder} --save  --appendonly yes --appendfsync everysec`;
  const redis = spawn('redis-server', settings.split(' '), { stdio: 'ignore' });
  process.on('exit', () => redis.kill('SIGKILL'));
  redis.once('exit', () => process.exit(1));
  while (!existsSync(path)) await delay(20);

  const connection = { path, maxRetriesPerRequest: null };
  const store = new Redis(connection);
  const queue = new Queue<Due>('due', { connection });
  const schedule = async (batch: Batch) => {
    for (let i = 0; i < batch.count; i += scheduledAtOnce) {
      const jobs = Array.from({ length: Math.min(scheduledAtOnce, batch.count - i) }, (_, k) => {
        const data = dueOf(batch, i + k);
        const opts = { jobId: data.key, delay: data.at - Date.now(), attempts: 5, removeOnComplete: true };
        return { name: 'due', data, opts };
      });
      await queue.addBulk(jobs);
    }
  };
  const server = createServer({
    httpServer,
    transports: [webSocketTransport()],
    verifyClient: (credentials) => credentials.token === token,
    handlers: { SCHEDULE: ({ action }) => schedule(action as unknown as Batch) },
    limits: wideLimits,
  });
  await server.start();

  new Worker<Due>(
    'due',
    async ({ data: { key, users, action } }) => {
      const entry = JSON.stringify({ action, state: 'unread' });
      await Promise.all(users.map((user) => store.hsetnx(`inbox:${user}`, key, entry)));
      await server.sendToUser(
        users.filter((user) => server.users.has(user)),
        action,
      );
    },
    { connection, concurrency },
  );
  return { helper: redis.pid as number };
});

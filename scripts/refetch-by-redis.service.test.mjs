import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createApi } from 'node:http';
import { promisify } from 'node:util';
import { createClient } from '@callboard/client';
import { createServer, silentLogger } from '@callboard/core';
import { redisIngress } from '@callboard/ingress-redis';
import { refetch } from '@callboard/plugin-refetch';
import { refetchClient } from '@callboard/plugin-refetch/client';
import { until } from '@callboard/testkit';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis, redisIsHere } from '../packages/ingress-redis/test/redis.ts';

/** The guide's lines for Redis, as they stand there, run by the programs that they are for; and a Redis that comes and goes. */
const guide = readFileSync(new URL('../docs/refetch.md', import.meta.url), 'utf8');
const [, byRedis = ''] = /### By Redis\n(.*?)\n###/s.exec(guide) ?? [];
const example = (language) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(byRedis)?.[1] ?? '';

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
const works = (program, ...args) => spawnSync(program, args).status === 0;
const testWith = (isHere) => (required || (redisIsHere && isHere) ? test : test.skip);
const run = promisify(execFile);

describe('pages of an API, bumped by Redis', () => {
  let redis;
  let server;
  let client;
  let api;
  let page = 'Ann';
  let watch;
  const seen = [];

  beforeEach(async () => {
    if (!redisIsHere) return;
    page = 'Ann';
    seen.length = 0;
    redis = await Redis.onFreePort();
    await redis.start();
    api = createApi((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page));
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
    server = createServer({
      port: 0,
      host: '127.0.0.1',
      transports: [webSocketTransport()],
      logger: silentLogger,
      plugins: [
        refetch({ upstream: `http://127.0.0.1:${api.address().port}`, paths: ['/users/*'] }),
        redisIngress({ url: redis.url, backoff: { minMs: 20, maxMs: 100 } }),
      ],
    });
    await server.start();
    await until(() => server.redisIngress.connected, 'Redis');
    client = createClient({
      endPoint: `ws://127.0.0.1:${server.port}`,
      userId: 44,
      plugins: [refetchClient({ token: 'secret' })],
    });
    watch = client.refetch.watch('/users/1', {}, ({ body, reason }) => seen.push(`${reason} ${body}`));
    await until(() => seen.length === 1, 'the first page');
  });
  afterEach(async () => {
    if (!redisIsHere) return;
    await client.close();
    await server.disconnect({ graceMs: 0 });
    api.closeAllConnections();
    api.close();
    await redis.end();
  });

  const says = async (program, flag, code) => {
    page = 'Eve';
    const text = code.replace('<?php', '').replace('redis-cli', `redis-cli -p ${redis.port}`);
    await run(program, [flag, text.replaceAll('6379', `${redis.port}`)]);
    await until(() => seen.length === 2, 'the page');
    expect(seen).toEqual(['first Ann', 'bump Eve']);
  };

  testWith(true)('9. redis-cli', () => says('sh', '-c', example('sh')));
  testWith(works('php', '-r', "exit(class_exists('Redis') ? 0 : 1);"))('9. PHP', async () => {
    await says('php', '-r', example('php'));
    expect(watch.page.version).toBe(7);
  });
  testWith(works('python3', '-c', 'import redis'))('9. Python', () =>
    says('python3', '-c', example('python')),
  );

  testWith(true)('8. Redis is killed, and what changes meanwhile is seen when it is back', async () => {
    await redis.kill();
    await until(() => !server.redisIngress.connected, 'the end of Redis');
    page = 'Eve';
    await redis.start();
    await until(() => seen.length === 2, 'the page');
    expect(seen).toEqual(['first Ann', 'revalidated Eve']);
  });
});

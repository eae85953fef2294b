import { execFileSync } from 'node:child_process';
import { expect, jest, test } from '@jest/globals';
import { Redis, redisIsHere } from '../packages/ingress-redis/test/redis.ts';
import { examplesIn, run, until } from './run-example.mjs';

/** The examples that need a Redis. */

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!redisIsHere && !required) process.stderr.write('Skipped: no redis-server and redis-cli here.\n');
const withRedis = redisIsHere || required ? test : test.skip;

withRedis('the examples of ingress-redis run', async () => {
  const file = 'packages/ingress-redis/README.md';
  const [code, ...others] = examplesIn(file);
  expect(others).toEqual([]);
  const lines = examplesIn(file, 'sh').join('').trim().split('\n');
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
  const redis = await Redis.onFreePort();
  await redis.start();
  const [server, viewer] = await run(
    code.replace('redis://127.0.0.1:6379', redis.url),
    'ingress-redis.mjs',
    '[server, viewer]',
  );
  try {
    await until(() => server.redisIngress.connected);
    for (const line of lines)
      expect(
        execFileSync('sh', ['-c', line.replace('redis-cli', `redis-cli -p ${redis.port}`)], {
          encoding: 'utf8',
        }),
      ).toBe('1\n');
    await until(() => log.mock.calls.length >= 3);
    expect(log.mock.calls).toEqual([
      ['product 42:', { stock: 41 }],
      ['paid:', 7],
      ['product 42:', { stock: 40 }],
    ]);
  } finally {
    await viewer.close();
    await server.disconnect();
    await redis.end();
    for (const spy of [log, warn]) spy.mockRestore();
  }
});

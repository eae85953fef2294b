import { readFileSync } from 'node:fs';
import { silentLogger } from '@callboard/core';
import { until } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { Redis, redisIsHere } from '../test/redis.ts';
import { watching } from '../test/watching.ts';
import { createDemo } from './demo.ts';
import { type Programme, programmePath } from './shared/programme.ts';

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!redisIsHere && !required) process.stderr.write('Skipped: no redis-server and redis-cli here.\n');
const withRedis = redisIsHere || required ? describe : describe.skip;

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const commands = [...readme.matchAll(/redis-cli PUBLISH callboard '(.+)'/g)].map(
  ([, command = '']) => command,
);

withRedis('another program that changes programmes in the database', () => {
  test('says so by redis-cli, and who has one open sees it; also what changed while Redis was away', async () => {
    const redis = await Redis.onFreePort();
    await redis.start();
    const demo = await createDemo({ port: 0, redis: redis.url, passwordWork: 16, logger: silentLogger });
    const port = await demo.start();
    const token = await demo.passes.issue('orla');
    const path = programmePath('umbrellas');
    const orla = await watching<Programme>(port, { userId: 'orla', token }, path);
    const connects = () => demo.server.stats().plugins.redisIngress?.connects;
    const isThere = () => demo.server.stats().plugins.redisIngress?.connected === 1;
    /** Past the demo's REST API. */
    const write = (synopsis: string, version: number) =>
      demo.database.db
        .updateTable('shows')
        .set({ synopsis, version })
        .where('id', '=', 'umbrellas')
        .execute();
    try {
      expect(commands).toHaveLength(2);
      await until(isThere, 'Redis');
      // As the README says it.
      for (const [i, command] of commands.entries()) {
        await write('It snows.', i + 2);
        expect(redis.publish('callboard', command)).toBe(1);
        await until(() => orla.pages.length === i + 2, 'the page');
        expect(orla.last()).toMatchObject({ synopsis: 'It snows.', version: i + 2, views: 0 });
      }

      await redis.kill();
      await until(() => !isThere(), 'Redis to be gone');
      await write('It hails.', 4);
      await redis.start();
      await until(() => connects() === 2, 'Redis');
      await until(() => orla.pages.length === 4, 'the page');
      expect(orla.last()).toMatchObject({ synopsis: 'It hails.', views: 0 });
      expect(orla.pages[3]?.reason).toBe('revalidated');
    } finally {
      await orla.client.close();
      await demo.stop({ graceMs: 0 });
      await redis.end();
    }
  });
});

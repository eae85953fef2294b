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
      await until(isThere, 'Redis');
      await write('It snows.', 2);
      expect(redis.publish('callboard', { v: 1, bump: path })).toBe(1);
      await until(() => orla.pages.length === 2, 'the page');
      expect(orla.last()).toMatchObject({ synopsis: 'It snows.', version: 2, views: 0 });

      await redis.kill();
      await until(() => !isThere(), 'Redis to be gone');
      await write('It hails.', 3);
      await redis.start();
      await until(() => connects() === 2, 'Redis');
      await until(() => orla.pages.length === 3, 'the page');
      expect(orla.last()).toMatchObject({ synopsis: 'It hails.', views: 0 });
      expect(orla.pages[2]?.reason).toBe('revalidated');
    } finally {
      await orla.client.close();
      await demo.stop({ graceMs: 0 });
      await redis.end();
    }
  });
});

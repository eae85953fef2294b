import assert from 'node:assert/strict';
import type { Claimed } from '../store.ts';
import { type Check, entry, keysOf, now } from './stage.ts';

/** Notices: claimed, told, settled. */
export function tellingChecks(check: Check): void {
  check('gives out what is due, the first due first, and says when the next is', async (stage) => {
    assert.equal(await stage.store.nextAt(), undefined);
    for (const [key, after] of Object.entries({ c: 300, a: 100, b: 200 }))
      await stage.schedule(key, { at: now + after });
    assert.equal(await stage.store.nextAt(), now + 100);
    assert.deepEqual(await stage.claim(now + 99), []);
    assert.deepEqual(keysOf(await stage.claim(now + 250, { limit: 1 })), ['a']);
    assert.deepEqual(keysOf(await stage.claim(now + 250)), ['b']);
    assert.equal(await stage.store.nextAt(), now + 300);
  });

  check('gives each notice to one of many claims at the same time', async (stage) => {
    for (let i = 0; i < 40; i++) await stage.schedule(`k${i}`, { at: now });
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? stage.store : stage.other).claim({ lease: `l${i}`, now, until: now + 1_000, limit: 5 }),
      ),
    );
    const keys = claims.flatMap(keysOf);
    keys.push(...keysOf(await stage.claim(now, { limit: 100 })));
    assert.equal(keys.length, 40);
    assert.equal(new Set(keys).size, 40);
  });

  check('lets a notice be claimed again when its lease is over, and not before', async (stage) => {
    await stage.schedule('k', { at: now });
    const [first] = await stage.claim(now, { lease: 'one', until: now + 1_000 });
    assert.deepEqual(await stage.claim(now + 999, { lease: 'two' }), []);
    assert.equal(await stage.store.nextAt(), now + 1_000);
    const [second] = await stage.claim(now + 1_000, { lease: 'two' });
    assert.equal(second?.id, first?.id);
    assert.deepEqual(await stage.enter(first, ['1']), [false]);
    assert.deepEqual(await stage.settle(first, { kind: 'told' }), [false]);
    assert.deepEqual(await stage.enter(second, ['2']), [true]);
    const both = [entry(first, ['3']), entry(second, ['4'])];
    assert.deepEqual(await stage.store.enter(both), [false, true]);
    assert.deepEqual(await stage.holders(), ['2', '4']);
  });

  check('holds a lease, and goes on after the last confirmed page', async (stage) => {
    await stage.schedule('k', { at: now });
    const [first] = await stage.claim(now, { lease: 'one', until: now + 1_000 });
    assert.equal(first?.cursor, undefined);
    assert.equal(first?.begun, false);
    await stage.settle(first, { kind: 'hold', until: now + 2_000 });
    assert.deepEqual(await stage.claim(now + 1_500), []);
    await stage.enter(first, ['1', '2']);
    await stage.settle(first, { kind: 'page', cursor: 'after 2', until: now + 3_000 });
    assert.deepEqual(await stage.claim(now + 2_500), []);
    const [again] = await stage.claim(now + 3_000, { lease: 'two' });
    assert.equal(again?.cursor, 'after 2');
    assert.equal(again?.begun, true);
    await stage.enter(again, ['2', '3']);
    await stage.settle(again, { kind: 'told' });
    assert.equal(await stage.store.nextAt(), undefined);
    const [record] = await stage.store.history('k');
    assert.deepEqual([record?.state, record?.people.told, record?.settledAt], ['told', 3, now]);
  });

  check('tries again later what failed, gives back what is released, ends what is skipped', async (stage) => {
    await stage.schedule('k', { at: now });
    const [first] = await stage.claim(now);
    await stage.settle(first, { kind: 'retry', at: now + 500, why: 'no audience' });
    assert.deepEqual(await stage.claim(now + 499), []);
    const [second] = await stage.claim(now + 500, { lease: 'two' });
    assert.equal(second?.attempts, 1);
    await stage.settle(second, { kind: 'release' });
    const [third] = await stage.claim(now + 500, { lease: 'three' });
    await stage.settle(third, { kind: 'skipped', why: 'expired' });
    const [record] = await stage.store.history('k');
    assert.deepEqual([record?.state, record?.why, record?.attempts], ['skipped', 'expired', 1]);
    assert.equal(await stage.store.nextAt(), undefined);
  });

  check('settles many at once, each under its own lease', async (stage) => {
    for (const key of ['a', 'b', 'c']) await stage.schedule(key, { at: now });
    const claimed = await stage.claim(now, { until: now + 1_000 });
    const stale = { ...(claimed[2] as Claimed), lease: 'another' };
    const steps = [claimed[0], claimed[1], stale].map((each) => ({
      id: each?.id as string,
      lease: each?.lease as string,
      kind: 'told' as const,
    }));
    assert.deepEqual(await stage.store.settle(steps, now), [true, true, false]);
    assert.deepEqual(keysOf(await stage.claim(now + 1_000)), [claimed[2]?.notification.key]);
  });

  check('says of a notice that a later one of its round is due too', async (stage) => {
    await stage.schedule('k', { at: now + 100, leadTimesMs: [50, 20] });
    const [early] = await stage.claim(now + 60, { until: now + 70 });
    assert.deepEqual([early?.leadMs, early?.superseded], [50, false]);
    const both = await stage.claim(now + 80);
    assert.deepEqual(
      both.map(({ leadMs, superseded }) => [leadMs, superseded]),
      [
        [50, true],
        [20, false],
      ],
    );
  });

  check('has each item once, however often and by how many it is entered', async (stage) => {
    await stage.schedule('k', { at: now });
    const [claimed] = await stage.claim(now);
    await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 ? stage.store : stage.other).enter([entry(claimed, ['1', '2', `${i}`])]),
      ),
    );
    assert.deepEqual(await stage.holders(), ['0', '1', '2', '3', '4', '5']);
    const { items, unread } = await stage.inbox('1');
    assert.deepEqual([items.length, unread], [1, 1]);
  });
}

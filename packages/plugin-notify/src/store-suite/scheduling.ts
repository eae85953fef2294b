import assert from 'node:assert/strict';
import { noticesOf } from '../notices.ts';
import type { Notification } from '../store.ts';
import { type Check, now } from './stage.ts';

/** Notifications: made, listed, changed, forgotten. */
export function schedulingChecks(check: Check): void {
  check('keeps a notification as it was given, and only the first of a key', async (stage) => {
    const { store, other } = stage;
    const action = { type: 'A', text: 'ä€😀"\'\\\n', nested: { list: [1, null, true, 0.5] } };
    const to = { audience: 'of', params: { event: 7 } };
    const made = stage.notification('k', { action, to, leadTimesMs: [60_000, 0], withinMs: 5_000 });
    assert.deepEqual(await store.create(made, noticesOf(made, 1, now), now), {
      created: true,
      notification: made,
    });
    assert.deepEqual(await other.get('k'), made);
    const second = { ...made, asked: 'something else' };
    assert.deepEqual(await other.create(second, noticesOf(second, 1, now), now), {
      created: false,
      notification: made,
    });
    assert.equal(await store.get('K'), undefined);
    assert.equal(await store.get('k2'), undefined);
    assert.equal((await store.history('k')).length, 2);
  });

  check('of creations at the same time one takes effect', async (stage) => {
    const made = Array.from({ length: 8 }, (_, i) => stage.notification('k', { asked: `${i}` }));
    const created = await Promise.all(
      made.map((each, i) => (i % 2 ? stage.store : stage.other).create(each, noticesOf(each, 1, now), now)),
    );
    assert.equal(created.filter((each) => each.created).length, 1);
    const winner = created.find((each) => each.created)?.notification.asked;
    for (const { notification } of created) assert.equal(notification.asked, winner);
    assert.equal((await stage.store.history('k')).length, 1);
  });

  check('lists by key, page by page', async (stage) => {
    for (const key of ['b', 'a/2', 'a/1', 'B']) await stage.schedule(key);
    const keys = async (after: string) => (await stage.store.list({ after, limit: 2 })).map(({ key }) => key);
    assert.deepEqual(await keys(''), ['B', 'a/1']);
    assert.deepEqual(await keys('a/1'), ['a/2', 'b']);
    assert.deepEqual(await keys('b'), []);
  });

  check(
    'moves a notification: what was told is void, what waits is moved, the lease is lost',
    async (stage) => {
      await stage.schedule('k', { at: now + 100, leadTimesMs: [100, 0] });
      const [claimed] = await stage.claim(now);
      await stage.enter(claimed, ['44']);
      const moved = await stage.move('k', { at: now + 1_000 });
      assert.equal(moved, true);
      assert.deepEqual(await stage.enter(claimed, ['45']), [false]);
      assert.deepEqual(await stage.settle(claimed, { kind: 'told' }), [false]);
      assert.deepEqual(await stage.inbox('44'), { items: [], unread: 0 });
      const rounds = (await stage.store.history('k')).map(({ round, leadMs, state }) => [
        round,
        leadMs,
        state,
      ]);
      assert.deepEqual(rounds, [
        [1, 100, 'moved'],
        [1, 0, 'moved'],
        [2, 100, 'waiting'],
        [2, 0, 'waiting'],
      ]);
      assert.equal(await stage.store.nextAt(), now + 900);
    },
  );

  check(
    'edits a notification: what was told stays, who is telling it loses the lease, it begins anew',
    async (stage) => {
      await stage.schedule('k', { at: now });
      const [claimed] = await stage.claim(now);
      await stage.enter(claimed, ['44']);
      await stage.settle(claimed, { kind: 'page', cursor: 'c', until: now + 900 });
      await stage.edit('k', { action: { type: 'A', edited: true } });
      assert.deepEqual(await stage.enter(claimed, ['45']), [false]);
      const [again] = await stage.claim(now, { lease: 'two' });
      assert.deepEqual([again?.cursor, again?.notification.action], [undefined, { type: 'A', edited: true }]);
      assert.deepEqual(
        (await stage.inbox('44')).items.map(({ action }) => action),
        [{ type: 'A', edited: true }],
      );
    },
  );

  check('cancels: nothing waits, nothing shows', async (stage) => {
    await stage.schedule('k', { at: now, leadTimesMs: [0] });
    const [claimed] = await stage.claim(now);
    await stage.enter(claimed, ['44']);
    const was = (await stage.store.get('k')) as Notification;
    const notification = { ...was, state: 'cancelled' as const, round: 2, version: 2 };
    assert.equal(await stage.store.replace(1, { notification, notices: [] }, now), true);
    assert.deepEqual(await stage.store.get('k'), notification);
    assert.equal(await stage.store.nextAt(), undefined);
    assert.deepEqual(
      (await stage.store.history('k')).map(({ state }) => state),
      ['cancelled'],
    );
    assert.deepEqual(await stage.inbox('44'), { items: [], unread: 0 });
  });

  check('of changes of one version one takes effect', async (stage) => {
    await stage.schedule('k', { at: now + 100 });
    const done = await Promise.all(
      [1, 2, 3, 4].map((n) => stage.move('k', { at: now + 100 * n + 50 }, n % 2 === 0)),
    );
    assert.equal(done.filter(Boolean).length, 1);
    assert.equal((await stage.store.history('k')).filter(({ state }) => state === 'waiting').length, 1);
    assert.equal(await stage.move('none', { at: now }), false);
  });

  check('forgets what expired long ago, and nothing else', async (stage) => {
    const old = await stage.told('old', ['44'], { expiresAt: now + 10 });
    await stage.told('new', ['44']);
    assert.equal(await stage.store.prune(now + 10, 10), 0);
    assert.equal(await stage.store.prune(now + 11, 10), 3);
    assert.equal(await stage.store.prune(now + 11, 10), 0);
    assert.equal(await stage.store.get('old'), undefined);
    assert.deepEqual(await stage.store.history('old'), []);
    assert.deepEqual(await stage.store.mark('44', [old], 'read'), []);
    assert.equal((await stage.inbox('44')).unread, 1);
    assert.deepEqual((await stage.schedule('old')).created, true);
  });

  check('forgets what many were told a few rows at a time', async (stage) => {
    const users = Array.from({ length: 25 }, (_, i) => `u${i}`);
    for (const key of ['a', 'b', 'c']) await stage.told(key, users, { expiresAt: now + 10 });
    let rows = 0;
    for (let calls = 0; ; calls++) {
      const forgotten = await stage.store.prune(now + 11, 10);
      if (forgotten === 0) break;
      // Those it takes with it: notices and notifications that have nothing left.
      assert.ok(forgotten <= 10 + 2 * 3);
      rows += forgotten;
      assert.ok(calls < 20);
    }
    assert.equal(rows, 3 * (25 + 2));
    assert.deepEqual(await stage.store.list({ after: '', limit: 10 }), []);
    assert.deepEqual(await stage.holders('a'), []);
  });

  check('what is moved while it would be forgotten is one or the other, as a whole', async (stage) => {
    for (let i = 0; i < 8; i++) {
      const key = `k${i}`;
      await stage.told(key, ['44'], { expiresAt: now + 10 });
      const later = { at: now + 1_000, expiresAt: now + 86_400_000 };
      const [moved] = await Promise.all([
        stage.move(key, later, i % 2 === 0),
        stage.store.prune(now + 11, 100),
        stage.other.prune(now + 11, 100),
      ]);
      const waiting = (await stage.store.history(key)).filter(({ state }) => state === 'waiting');
      assert.deepEqual([await stage.store.get(key).then(Boolean), waiting.length], [moved, moved ? 1 : 0]);
    }
  });

  check('is opened again after it was closed', async (stage) => {
    await stage.schedule('k');
    await stage.store.close();
    await stage.store.open();
    assert.equal((await stage.store.get('k'))?.key, 'k');
  });
}

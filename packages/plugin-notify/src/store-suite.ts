import assert from 'node:assert/strict';
import type { Awaitable } from '@callboard/runtime';
import { noticesOf } from './notices.ts';
import type { Claimed, Notification, NotifyStore, Step } from './store.ts';

/** `describe` and `test` of jest, vitest or `node:test`. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/** A store under test: empty, and not yet opened. */
export interface StoreUnderTest {
  readonly store: NotifyStore;
  /** Another node's, on the same database. */
  readonly other: NotifyStore;
  /** Called after each test, when both are closed. */
  close?(): Awaitable<void>;
}

/** What every `NotifyStore` must do. `make` gives each test a store of its own. */
export function notifyStoreSuite(
  name: string,
  make: () => Awaitable<StoreUnderTest>,
  { describe, test }: SuiteRunner,
): void {
  const check = (title: string, body: (stage: StoreStage) => Promise<void>) =>
    test(title, async () => {
      const { store, other, close } = await make();
      try {
        await Promise.all([store.open(), other.open()]);
        await body(new StoreStage(store, other));
      } finally {
        await store.close();
        await other.close();
        await close?.();
      }
    });

  describe(`${name} is a notify store`, () => {
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
      const keys = async (after: string) =>
        (await stage.store.list({ after, limit: 2 })).map(({ key }) => key);
      assert.deepEqual(await keys(''), ['B', 'a/1']);
      assert.deepEqual(await keys('a/1'), ['a/2', 'b']);
      assert.deepEqual(await keys('b'), []);
    });

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

    check(
      'tries again later what failed, gives back what is released, ends what is skipped',
      async (stage) => {
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
      },
    );

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

    check('shows an inbox, the newest first, without what is void', async (stage) => {
      for (const [key, at] of [
        ['a', 10],
        ['b', 20],
        ['c', 30],
        ['d', 40],
      ] as const) {
        await stage.schedule(key, { at: now + at, expiresAt: now + (key === 'd' ? 50 : 1_000) });
      }
      for (const claimed of await stage.claim(now + 45)) await stage.enter(claimed, ['44']);
      const shown = async (at: number, limit = 10) => {
        const { items, unread } = await stage.store.inbox('44', { now: at, limit });
        return [items.map(({ key }) => key).join(''), unread];
      };
      assert.deepEqual(await shown(now + 45), ['dcba', 4]);
      assert.deepEqual(await shown(now + 45, 2), ['dc', 4]);
      assert.deepEqual(await shown(now + 50), ['cba', 3]);
      assert.deepEqual(await stage.inbox('45'), { items: [], unread: 0 });
      const b = (await stage.inbox('44')).items.find(({ key }) => key === 'b');
      assert.deepEqual(b, {
        id: b?.id,
        key: 'b',
        round: 1,
        action: { type: 'A' },
        at: now + 20,
        leadMs: 0,
        dueAt: now + 20,
        expiresAt: now + 1_000,
        state: 'unread',
        alerted: false,
      });
      const ids = [b?.id as string];
      assert.deepEqual(await stage.store.mark('44', ids, 'dismissed'), ids);
      assert.deepEqual(await shown(now + 50), ['ca', 2]);
    });

    check('names those whom nobody has alerted, of what was told lately and is not void', async (stage) => {
      const id = await stage.told('k', ['44', '45', '46', '47']);
      await stage.told('expired', ['44'], { expiresAt: now + 10 });
      await stage.schedule('waits', { at: now });
      const [claimed] = await stage.claim(now);
      await stage.enter(claimed, ['44']);
      await stage.store.alert('45', [id], 'one', now);
      await stage.store.mark('46', [id], 'read');
      const found = async (since: number, ...users: string[]) => {
        const wanted = { since, now: now + 10, limit: 10 };
        return (await stage.other.unalerted(users, wanted)).map(({ userId, item }) => [userId, item.key]);
      };
      assert.deepEqual(await found(now, '44', '45', '46', '48'), [['44', 'k']]);
      assert.deepEqual(await found(now + 1, '44', '47'), []);
      assert.deepEqual(await found(now), []);
    });

    check('moves items on, and never back', async (stage) => {
      const id = await stage.told('k', ['44', '45']);
      assert.deepEqual(await stage.store.mark('44', [id, 'nothing'], 'read'), [id]);
      assert.deepEqual(await stage.other.mark('44', [id], 'read'), []);
      assert.deepEqual(await stage.store.mark('44', [id], 'dismissed'), [id]);
      assert.deepEqual(await stage.store.mark('44', [id], 'read'), []);
      assert.deepEqual(await stage.store.mark('46', [id], 'read'), []);
      assert.equal((await stage.inbox('45')).unread, 1);
      assert.deepEqual((await stage.store.history('k'))[0]?.people, { told: 2, alerted: 0, read: 1 });
      assert.deepEqual(await stage.store.mark('44', [], 'read'), []);
    });

    check('lets one alert, of what is unread and not void', async (stage) => {
      const id = await stage.told('k', ['44', '45']);
      const by = ['one', 'two', 'three', 'four'];
      const let_ = await Promise.all(
        by.map((each, i) => (i % 2 ? stage.store : stage.other).alert('44', [id, 'nothing'], each, now)),
      );
      const winners = by.filter((_, i) => let_[i]?.length === 1);
      assert.equal(winners.length, 1);
      assert.deepEqual(await stage.store.alert('44', [id], winners[0] as string, now), [id]);
      assert.equal((await stage.inbox('44')).items[0]?.alerted, true);
      assert.equal((await stage.inbox('45')).items[0]?.alerted, false);
      await stage.store.mark('45', [id], 'read');
      assert.deepEqual(await stage.store.alert('45', [id], 'one', now), []);
      const expired = await stage.told('e', ['44'], { expiresAt: now + 10 });
      assert.deepEqual(await stage.store.alert('44', [expired], 'one', now + 10), []);
      const moved = await stage.told('m', ['44']);
      await stage.move('m', { at: now + 500 });
      assert.deepEqual(await stage.store.alert('44', [moved], 'one', now), []);
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
        assert.deepEqual(
          [again?.cursor, again?.notification.action],
          [undefined, { type: 'A', edited: true }],
        );
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

    check('names who has items, page by page', async (stage) => {
      await stage.told('k', ['3', '1', '2']);
      await stage.told('another', ['9']);
      assert.deepEqual(await stage.store.holders('k', { after: '', limit: 2 }), ['1', '2']);
      assert.deepEqual(await stage.store.holders('k', { after: '2', limit: 2 }), ['3']);
    });

    check('forgets what expired long ago, and nothing else', async (stage) => {
      const old = await stage.told('old', ['44'], { expiresAt: now + 10 });
      await stage.told('new', ['44']);
      assert.equal(await stage.store.prune(now + 10, 10), 0);
      assert.equal(await stage.store.prune(now + 11, 10), 1);
      assert.equal(await stage.store.get('old'), undefined);
      assert.deepEqual(await stage.store.history('old'), []);
      assert.deepEqual(await stage.store.mark('44', [old], 'read'), []);
      assert.equal((await stage.inbox('44')).unread, 1);
      assert.deepEqual((await stage.schedule('old')).created, true);
    });

    check('is opened again after it was closed', async (stage) => {
      await stage.schedule('k');
      await stage.store.close();
      await stage.store.open();
      assert.equal((await stage.store.get('k'))?.key, 'k');
    });
  });
}

const now = Date.UTC(2026, 0, 1);
const keysOf = (claimed: readonly Claimed[]) => claimed.map(({ notification }) => notification.key);
const entry = (claimed: Claimed | undefined, users: readonly string[]) => ({
  id: claimed?.id as string,
  lease: claimed?.lease as string,
  users,
});
type Kind<S> = S extends unknown ? Omit<S, 'id' | 'lease'> : never;

class StoreStage {
  readonly store: NotifyStore;
  readonly other: NotifyStore;
  #leases = 0;

  constructor(store: NotifyStore, other: NotifyStore) {
    this.store = store;
    this.other = other;
  }

  notification(key: string, more: Partial<Notification> = {}): Notification {
    const basis = { key, at: now + 1_000, action: { type: 'A' }, to: { users: ['44'] }, leadTimesMs: [0] };
    const rest = { expiresAt: now + 86_400_000, withinMs: null, asked: 'a', state: 'scheduled' as const };
    return { ...basis, ...rest, version: 1, round: 1, ...more };
  }

  schedule(key: string, more: Partial<Notification> = {}) {
    const notification = this.notification(key, more);
    return this.store.create(notification, noticesOf(notification, 1, now), now);
  }

  /** A notice that was told to these people; gives its id. */
  async told(key: string, users: readonly string[], more: Partial<Notification> = {}): Promise<string> {
    await this.schedule(key, { at: now, ...more });
    const [claimed] = await this.claim(now);
    await this.enter(claimed, users);
    await this.settle(claimed, { kind: 'told' });
    return claimed?.id as string;
  }

  claim(at: number, { lease = `lease ${++this.#leases}`, until = at + 60_000, limit = 10 } = {}) {
    return this.store.claim({ lease, now: at, until, limit });
  }

  enter(claimed: Claimed | undefined, users: readonly string[]) {
    return this.other.enter([entry(claimed, users)]);
  }

  settle(claimed: Claimed | undefined, step: Kind<Step>) {
    return this.store.settle([{ id: claimed?.id, lease: claimed?.lease, ...step } as Step], now);
  }

  inbox(user: string) {
    return this.store.inbox(user, { now, limit: 10 });
  }

  holders() {
    return this.store.holders('k', { after: '', limit: 10 });
  }

  async move(key: string, more: Partial<Notification>, byOther = false): Promise<boolean> {
    const notification = this.notification(key, { version: 2, round: 2, ...more });
    const was = await this.store.get(key);
    const merged = { ...notification, leadTimesMs: was?.leadTimesMs ?? [0] };
    const store = byOther ? this.other : this.store;
    return store.replace(1, { notification: merged, notices: noticesOf(merged, 2, now) }, now);
  }

  async edit(key: string, more: Partial<Notification>): Promise<void> {
    const was = (await this.store.get(key)) as Notification;
    const notification = { ...was, ...more, version: was.version + 1 };
    assert.equal(await this.other.replace(was.version, { notification, notices: [] }, now), true);
  }
}

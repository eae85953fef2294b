import assert from 'node:assert/strict';
import { type Check, now } from './stage.ts';

/** Items: listed, alerted, read. */
export function inboxChecks(check: Check): void {
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

  check('names what people were told lately and is neither dismissed nor void', async (stage) => {
    const id = await stage.told('k', ['44', '45', '46', '47']);
    await stage.told('expired', ['44'], { expiresAt: now + 10 });
    await stage.schedule('waits', { at: now });
    const [claimed] = await stage.claim(now);
    await stage.enter(claimed, ['44']);
    await stage.store.alert('45', [id], 'one', now);
    await stage.store.mark('46', [id], 'read');
    const found = async (since: number, ...users: string[]) => {
      const wanted = { since, after: '', now: now + 10, limit: 10 };
      const found = await stage.other.toldSince(users, wanted);
      return found.map(({ userId, item: { key, state, alerted } }) => [userId, key, state, alerted]).sort();
    };
    await stage.store.mark('47', [id], 'dismissed');
    assert.deepEqual(await found(now, '44', '45', '46', '47', '48'), [
      ['44', 'k', 'unread', false],
      ['45', 'k', 'unread', true],
      ['46', 'k', 'read', false],
    ]);
    assert.deepEqual(await found(now + 1, '44', '45'), []);
    assert.deepEqual(await found(now), []);
  });

  check('names them page by page, also where many were told at the same time', async (stage) => {
    for (let i = 0; i < 5; i++) await stage.told(`k${i}`, ['44', '45', '46']);
    const found: string[] = [];
    for (let since = now, after = ''; ; ) {
      const wanted = { since, after, now, limit: 4 };
      const page = await stage.store.toldSince(['44', '45', '46'], wanted);
      const partial = page.length < 4 ? undefined : page.at(-1)?.item.id;
      const whole = page.filter(({ item }) => item.id !== partial);
      found.push(...whole.map(({ userId, item }) => `${item.key} ${userId}`));
      if (partial === undefined) break;
      since = whole.at(-1)?.toldAt as number;
      after = whole.at(-1)?.item.id as string;
    }
    const all = [0, 1, 2, 3, 4].flatMap((i) => [44, 45, 46].map((user) => `k${i} ${user}`));
    assert.deepEqual(found.sort(), all);
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

  check('names who has items, page by page', async (stage) => {
    await stage.told('k', ['3', '1', '2']);
    await stage.told('another', ['9']);
    assert.deepEqual(await stage.store.holders('k', { after: '', limit: 2 }), ['1', '2']);
    assert.deepEqual(await stage.store.holders('k', { after: '2', limit: 2 }), ['3']);
    await stage.move('k', { at: now });
    const [again] = await stage.claim(now);
    await stage.enter(again, ['2', '4']);
    assert.deepEqual(await stage.store.holders('k', { after: '1', limit: 2 }), ['2', '3']);
    assert.deepEqual(await stage.store.holders('k', { after: '3', limit: 2 }), ['4']);
  });
}

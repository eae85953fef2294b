import { turn } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { faultyStore } from '../test/faulty-store.ts';
import { type Node, Stage, type Tab } from '../test/stage.ts';
import { inMemory } from '../test/stores.ts';
import type { NotifyStore } from './store.ts';

describe('a person with several tabs', () => {
  let stage: Stage;
  let node: Node;
  let one: Tab;
  let two: Tab;
  const note = (key: string, more: object = {}) =>
    node.server.notify.schedule({ key, in: 0, to: 44, action: { type: 'A', key }, ...more });
  const keys = async ({ notify }: Tab) => (await notify.list()).map(({ key }) => key);
  const unread = ({ notify }: Tab) => {
    let count = -1;
    notify.unread$
      .subscribe((each) => {
        count = each;
      })
      .unsubscribe();
    return count;
  };
  beforeEach(async () => {
    stage = await Stage.at(inMemory);
    node = await stage.node();
    [one, two] = [await stage.tab(node, 44), await stage.tab(node, 44)];
  });
  afterEach(() => stage.end());

  test('the one last active alerts, the others are told silently', async () => {
    await one.client.broadcast({ type: 'HERE' });
    await note('k');
    await stage.pass(10);
    expect([one.told, two.told]).toMatchObject([[{ key: 'k', alert: true }], [{ key: 'k', alert: false }]]);
    await two.client.broadcast({ type: 'HERE' });
    await note('l');
    await stage.pass(10_000);
    expect([one.told[1], two.told[1]]).toMatchObject([{ alert: false }, { alert: true }]);
    expect([one.told.length, two.told.length]).toEqual([2, 2]);
  });

  test('another alerts where the one that was to does not', async () => {
    await one.client.broadcast({ type: 'HERE' });
    await note('k', { in: 1_000 });
    // It is frozen: it gets the message, and cannot ask.
    one.client.drop();
    one.node = { ...node, dead: true };
    const events: string[] = [];
    node.server.events$.subscribe(({ type }) => events.push(type));
    await stage.pass(999);
    await stage.pass(10_000);
    expect(two.told).toMatchObject([{ key: 'k', alert: true }]);
    one.node = node;
    await stage.pass(60_000);
    expect(one.told).toMatchObject([{ key: 'k', alert: false }]);
  });

  test('the one that was let alerts, where the server that let it died before it could say so', async () => {
    let isFirst = true;
    const lossy = (store: NotifyStore) =>
      faultyStore(
        store,
        (method) => {
          if (method !== 'alert' || !isFirst) return undefined;
          isFirst = false;
          return { when: 'after', how: 'hangs' };
        },
        () => stage.hangs(),
      );
    const doomed = await stage.node({ through: lossy });
    const [tab, other] = [await stage.tab(doomed, 12), await stage.tab(node, 12)];
    await doomed.server.notify.schedule({ key: 'k', in: 0, to: 12, action: { type: 'A' } });
    await stage.pass(10);
    await stage.kill(doomed);
    tab.node = node;
    await stage.pass(30_000);
    expect(tab.told).toMatchObject([{ key: 'k', alert: true }]);
    expect(other.told.filter(({ alert }) => alert)).toEqual([]);
  });

  test('unread, read and dismissed are equal everywhere, and in new tabs', async () => {
    for (const key of ['a', 'b', 'c']) await note(key);
    await stage.pass(10);
    expect([unread(one), unread(two)]).toEqual([3, 3]);
    const [first, second] = (await one.notify.list()).map(({ id }) => id) as [string, string];
    await one.notify.markRead(first);
    await two.notify.dismiss([second]);
    await stage.quiet();
    expect([unread(one), unread(two)]).toEqual([1, 1]);
    const third = await stage.tab(node, 44);
    for (const tab of [one, two, third]) {
      expect(await keys(tab)).toHaveLength(2);
      expect((await tab.notify.list()).find(({ id }) => id === first)?.state).toBe('read');
      expect(unread(tab)).toBe(1);
    }
    expect(third.told).toEqual([]);
    // Back it does not go.
    await two.notify.dismiss(first);
    await one.notify.markRead(first);
    await stage.quiet();
    expect(await keys(one)).toHaveLength(1);
    await one.notify.markRead([]);
  });

  test('what was missed with the connection comes with the next, also to another session', async () => {
    for (const gapMs of [5_000, 120_000]) {
      one.client.drop();
      one.node = { ...node, dead: true };
      await note(`while away ${gapMs}`);
      await stage.pass(gapMs);
      one.node = node;
      await stage.pass(30_000);
      expect(one.told.at(-1)).toMatchObject({ key: `while away ${gapMs}`, alert: false });
    }
    expect([one.told.length, two.told.length, unread(one)]).toEqual([2, 2, 2]);
  });

  test('what expires is in no list', async () => {
    await note('k', { expiresAt: stage.clock.now() + 50_000 });
    await stage.pass(40_000);
    expect([unread(one), await keys(one)]).toEqual([1, ['k']]);
    await stage.pass(10_000);
    expect([unread(one), await keys(one)]).toEqual([0, []]);
  });

  test('nobody but the server notifies, and nobody marks for another', async () => {
    await note('k');
    await stage.pass(10);
    const [item] = await one.notify.list();
    const stranger = await stage.tab(node, 12);
    await one.client.broadcast({ type: 'NOTIFICATION', items: [{ ...item, id: 'forged' }] });
    expect(await keys(stranger)).toEqual([]);
    await stranger.notify.dismiss(item?.id as string);
    await stranger.notify.markRead(item?.id as string);
    await stranger.client
      .sendToServer({ type: 'NOTIFY_ALERT', ids: [item?.id], by: 'me' })
      .then((granted) => expect(granted).toEqual([]));
    await stage.quiet();
    expect([await keys(one), await keys(two), two.told.length]).toEqual([['k'], ['k'], 1]);
    for (const bad of [
      { type: 'NOTIFY_MARK', ids: 'k', state: 'read' },
      { type: 'NOTIFY_MARK', ids: ['k'], state: 'unread' },
      { type: 'NOTIFY_ALERT', ids: ['k'] },
      // PostgreSQL does not take it: it would be as if the database were gone.
      { type: 'NOTIFY_MARK', ids: ['k\0'], state: 'read' },
      { type: 'NOTIFY_ALERT', ids: ['k'], by: '\0' },
      { type: 'NOTIFY_ALERT', ids: Array.from({ length: 201 }, () => 'k'), by: 'me' },
    ])
      await expect(stranger.client.sendToServer(bad)).rejects.toMatchObject({
        error: { code: 'INVALID_ACTION' },
      });
  });

  test('who asks much has no more of the store than one answer at a time', async () => {
    let running = 0;
    let most = 0;
    const busy = await stage.node({
      through: (store) =>
        new Proxy(store, {
          get: (target, method: keyof NotifyStore) =>
            method !== 'inbox'
              ? target[method].bind(target)
              : async (...args: Parameters<NotifyStore['inbox']>) => {
                  most = Math.max(most, ++running);
                  await turn();
                  running--;
                  return target.inbox(...args);
                },
        }),
    });
    const eager = await stage.tab(busy, 12);
    const asked = Array.from({ length: 50 }, () => eager.client.sendToServer({ type: 'NOTIFY_INBOX' }));
    expect((await stage.finish(Promise.all(asked))).length).toBe(50);
    expect(most).toBe(1);
  });

  test('a callback that throws harms no other, and a tab without one lets the others alert', async () => {
    const third = await stage.tab(node, 12);
    third.notify.on(() => {
      throw new Error('broken');
    });
    const heard: string[] = [];
    const off = third.notify.on(({ key }) => heard.push(key));
    await note('k', { to: 12 });
    await stage.pass(10);
    off();
    await note('l', { to: 12 });
    await stage.pass(10);
    expect([heard, third.told.map(({ key }) => key)]).toEqual([['k'], ['k', 'l']]);
    expect(third.logs.map(({ message }) => message)).toContain('a callback for notifications failed');
  });

  test('large ones: as many are listed as a connection takes, all are counted', async () => {
    const text = 'x'.repeat(16_000);
    for (let i = 0; i < 150; i++) await note(`k${i}`, { to: 12, action: { type: 'A', text } });
    await stage.pass(100);
    const late = await stage.tab(node, 12);
    const logged = late.logs.filter(({ level }) => level !== 'debug');
    expect([(await late.notify.list()).length, unread(late), logged]).toEqual([8, 150, []]);
  });

  test('many at once: the newest 200 are listed, all are counted', async () => {
    for (let i = 0; i < 230; i++) await note(`k${i}`);
    await stage.pass(100);
    expect([(await one.notify.list()).length, unread(one), one.told.length]).toEqual([200, 230, 230]);
    const late = await stage.tab(node, 44);
    expect([(await late.notify.list()).length, unread(late)]).toEqual([200, 230]);
  });
});

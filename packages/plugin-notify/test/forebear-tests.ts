import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { NotifyStore } from '../src/store.ts';
import { Stage } from './stage.ts';
import type { Keeping } from './stores.ts';

export const hourMs = 3_600_000;

/** The event manager's flaws, as tests, wherever notifications are kept. */
export function forebearTests(keeping: Keeping): void {
  describe(`the event manager, kept in ${keeping.name}`, () => {
    let stage: Stage;
    /** Who has subscribed to which event. */
    let subscribers: Map<string, string[]>;
    const audiences = {
      subscribers: ({
        params,
        after,
        limit,
      }: {
        params: unknown;
        after: string | undefined;
        limit: number;
      }) => {
        const all = (subscribers.get(String(params)) ?? []).filter((id) => id > (after ?? '')).sort();
        const users = all.slice(0, limit);
        return { users, next: all.length > limit ? users.at(-1) : undefined };
      },
    };
    const event = (key: string, inMs: number, leadTimesMs = [24 * hourMs]) => ({
      key,
      in: inMs,
      leadTimesMs,
      to: { audience: 'subscribers', params: key },
      action: { type: 'EVENT_SOON', event: key },
    });
    beforeEach(async () => {
      stage = await Stage.at(keeping);
      subscribers = new Map([['7', ['12', '44']]]);
    });
    afterEach(() => stage.end());

    test('1. what is due in 23 h, with a lead of 24 h, every tab of each subscriber is told, once', async () => {
      const node = await stage.node({ audiences });
      const tabs = [await stage.tab(node, 44), await stage.tab(node, 44), await stage.tab(node, 12)];
      const stranger = await stage.tab(node, 9);
      await node.server.notify.schedule(event('7', 23 * hourMs));
      await stage.pass(1_000);
      for (const { told } of tabs)
        expect(told).toMatchObject([{ key: '7', leadMs: 24 * hourMs, action: { type: 'EVENT_SOON' } }]);
      expect(tabs.map(({ told }) => told[0]?.alert).sort()).toEqual([false, true, true]);
      expect(stranger.told).toEqual([]);
      await stage.pass(25 * hourMs);
      expect(tabs.map(({ told }) => told.length)).toEqual([1, 1, 1]);
      expect(node.errors).toEqual([]);
    });

    test('1. what is due in 25 h nobody is told yet; what is past is refused; at any time of day', async () => {
      const node = await stage.node({ audiences });
      const tab = await stage.tab(node, 44);
      for (const hour of [0, 7, 18]) {
        await stage.pass(hour * hourMs);
        const key = `at ${hour}`;
        subscribers.set(key, ['44']);
        await node.server.notify.schedule(event(key, 25 * hourMs));
        await stage.pass(hourMs - 1);
        expect(tab.told.filter((notice) => notice.key === key)).toEqual([]);
        await stage.pass(1);
        await stage.pass(100);
        expect(tab.told.filter((notice) => notice.key === key)).toMatchObject([{ leadMs: 24 * hourMs }]);
      }
      const past = { ...event('past', 0), in: undefined, at: stage.clock.now() - 1 } as never;
      await expect(node.server.notify.schedule(past)).rejects.toMatchObject({ code: 'PAST_TIME' });
      await expect(node.server.notify.history('past')).resolves.toBe(undefined);
    });

    test('2. who is offline is told on connecting, once, and not after the event', async () => {
      const node = await stage.node({ audiences });
      await node.server.notify.schedule(event('7', 23 * hourMs));
      await stage.pass(hourMs);
      const tab = await stage.tab(node, 44);
      expect(tab.told).toMatchObject([{ key: '7', alert: true, state: 'unread' }]);
      await stage.pass(5_000);
      const second = await stage.tab(node, 44);
      await stage.pass(5_000);
      expect(second.told).toEqual([]);
      expect(await second.notify.list()).toMatchObject([{ key: '7', alerted: true }]);
      expect(tab.told).toHaveLength(1);
      await stage.pass(22 * hourMs);
      expect(await second.notify.list()).toEqual([]);
      expect(await (await stage.tab(node, 12)).notify.list()).toEqual([]);
    });

    test('3. a server that starts again tells what fell due meanwhile, and nothing twice', async () => {
      const first = await stage.node({ audiences });
      const tab = await stage.tab(first, 44);
      await first.server.notify.schedule(event('7', 25 * hourMs, [24 * hourMs, 23 * hourMs]));
      await stage.pass(1.5 * hourMs);
      expect(tab.told).toHaveLength(1);
      await stage.stop(first);
      await stage.pass(hourMs);
      tab.node = await stage.node({ audiences });
      await stage.pass(60_000);
      expect(tab.told.map(({ leadMs }) => leadMs / hourMs)).toEqual([24, 23]);
      const { notices } = (await tab.node.server.notify.history('7')) ?? {};
      expect(notices?.map(({ state, people }) => [state, people.told])).toEqual([
        ['told', 2],
        ['told', 2],
      ]);
    });

    test('3. two nodes on one database tell each person once', async () => {
      const [one, two] = [await stage.node({ audiences }), await stage.node({ audiences })];
      for (let i = 0; i < 30; i++) {
        const key = `e${i}`;
        subscribers.set(key, ['44', '12', `${i}`]);
        const by = i % 2 ? one : two;
        await by.server.notify.schedule(event(key, 24 * hourMs + 60_000 + (i % 3)));
      }
      await stage.pass(61_000);
      await stage.pass(60_000);
      for (let i = 0; i < 30; i++) {
        const { notices } = (await one.server.notify.history(`e${i}`)) ?? {};
        expect(notices).toMatchObject([
          { state: 'told', people: { told: new Set(['44', '12', `${i}`]).size } },
        ]);
      }
      const told = [one, two].map(({ server }) => server.stats().plugins.notify?.told ?? 0);
      expect((told[0] as number) + (told[1] as number)).toBe(30);
      const tab = await stage.tab(one, 44);
      expect(tab.told.map(({ key }) => key).sort()).toEqual(
        [...new Set(tab.told.map(({ key }) => key))].sort(),
      );
      expect(tab.told).toHaveLength(30);
    });

    test('3. whoever is connected to another node than the one that tells is alerted all the same, once', async () => {
      const nodes = [
        await stage.node({ audiences, severalNodes: true }),
        await stage.node({ audiences, severalNodes: true }),
      ] as const;
      const tabs = [
        await stage.tab(nodes[0], 44),
        await stage.tab(nodes[1], 44),
        await stage.tab(nodes[1], 12),
        await stage.tab(nodes[0], 9),
      ] as const;
      for (let i = 0; i < 10; i++) {
        subscribers.set(`e${i}`, ['12', '44', '9']);
        await nodes[i % 2 ? 1 : 0].server.notify.schedule(event(`e${i}`, 24 * hourMs + 60_000 + i));
      }
      await stage.pass(60_000 + 10);
      await stage.pass(10_000);
      const alerts = tabs.map(({ told }) => told.filter(({ alert }) => alert).map(({ key }) => key));
      const all = Array.from({ length: 10 }, (_, i) => `e${i}`);
      expect([...(alerts[0] ?? []), ...(alerts[1] ?? [])].sort()).toEqual(all);
      expect([alerts[2]?.sort(), alerts[3]?.sort()]).toEqual([all, all]);
      // And the tabs that did not alert know of it.
      for (const { told } of tabs) expect(told.map(({ key }) => key).sort()).toEqual(all);
    });

    test('3. many whom another node has told are told here, too, each client once', async () => {
      const tells = await stage.node({ audiences, severalNodes: true });
      const idle = (store: NotifyStore): NotifyStore =>
        new Proxy(store, {
          get: (target, method: keyof NotifyStore) =>
            method === 'claim' ? async () => [] : target[method].bind(target),
        });
      const node = await stage.node({ audiences, severalNodes: true, through: idle, longestSleepMs: 60_000 });
      const people = Array.from({ length: 45 }, (_, i) => `${100 + i}`);
      const heard = await Promise.all(people.map((person) => stage.listener(node, person)));
      const here = await stage.listener(tells, people[0] as string);
      // More than one look finds at a time.
      for (let i = 0; i < 30; i++) {
        subscribers.set(`e${i}`, people);
        await tells.server.notify.schedule(event(`e${i}`, 24 * hourMs + 60_000));
      }
      await stage.pass(60_000);
      await stage.pass(300_000);
      const all = Array.from({ length: 30 }, (_, i) => `e${i}`).sort();
      for (const each of [...heard, here]) expect(each.sort()).toEqual(all);
    });

    test('5. what was moved is told for its new time, and nobody of the old', async () => {
      const node = await stage.node({ audiences });
      const tab = await stage.tab(node, 44);
      await node.server.notify.schedule(event('7', 23 * hourMs));
      await stage.pass(1_000);
      expect(await tab.notify.list()).toHaveLength(1);
      await node.server.notify.reschedule('7', { in: 48 * hourMs });
      await stage.pass(1_000);
      expect(await tab.notify.list()).toEqual([]);
      const late = await stage.tab(node, 12);
      expect(late.told).toEqual([]);
      await stage.pass(24 * hourMs);
      expect(tab.told.map(({ round }) => round)).toEqual([1, 2]);
      expect(late.told.map(({ round }) => round)).toEqual([2]);
    });

    test('5. what was cancelled nobody is told, and is in no inbox any more', async () => {
      const node = await stage.node({ audiences });
      const tab = await stage.tab(node, 44);
      await node.server.notify.schedule(event('7', 30 * hourMs, [24 * hourMs, hourMs]));
      await stage.pass(7 * hourMs);
      expect(tab.told).toHaveLength(1);
      expect(await node.server.notify.cancel('7')).toBe(true);
      expect(await node.server.notify.cancel('7')).toBe(false);
      await stage.pass(30 * hourMs);
      expect(tab.told).toHaveLength(1);
      expect(await tab.notify.list()).toEqual([]);
      await expect(node.server.notify.reschedule('7', { in: 1 })).rejects.toMatchObject({
        code: 'UNKNOWN_KEY',
      });
    });

    test('5. what is edited while it is being told: the rest is told the newest', async () => {
      subscribers.set('7', ['12', '44']);
      let page = () => {};
      const held = new Promise<void>((resolve) => {
        page = resolve;
      });
      const slow = {
        subscribers: async ({ after }: { after: string | undefined }) => {
          if (after === undefined) return { users: ['12'], next: '12' };
          await held;
          return { users: ['44'] };
        },
      };
      const node = await stage.node({ audiences: slow });
      const [early, late] = [await stage.tab(node, 12), await stage.tab(node, 44)];
      await node.server.notify.schedule(event('7', 23 * hourMs));
      while (early.told.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await node.server.notify.reschedule('7', {
        action: { type: 'EVENT_SOON', moved: 'to the great hall' },
      });
      page();
      await stage.pass(1_000);
      expect(late.told).toMatchObject([{ action: { moved: 'to the great hall' } }]);
      expect(early.told).toMatchObject([{ action: { event: '7' } }]);
      expect(await early.notify.list()).toMatchObject([{ action: { moved: 'to the great hall' } }]);
    });

    test('6. who has not subscribed, or unsubscribed a moment before, is told nothing', async () => {
      const node = await stage.node({ audiences });
      const [stays, goes] = [await stage.tab(node, 44), await stage.tab(node, 12)];
      await node.server.notify.schedule(event('7', 25 * hourMs));
      await stage.pass(hourMs - 1);
      subscribers.set('7', ['44']);
      await stage.pass(1_000);
      expect([stays.told.length, goes.told.length]).toEqual([1, 0]);
      expect(await goes.notify.list()).toEqual([]);
    });
  });
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { NotifyStore } from '../src/store.ts';
import { type Fault, faultyStore } from './faulty-store.ts';
import { hourMs } from './forebear-tests.ts';
import { type Node, Stage, type Tab } from './stage.ts';
import type { Keeping } from './stores.ts';

/** The database is gone for a while: with each call, before or after it took effect, by an error or by silence. */
export function outageTests(keeping: Keeping): void {
  describe(`4. the database is gone, and it is ${keeping.name}`, () => {
    let stage: Stage;
    let node: Node;
    let tab: Tab;
    /** What is the matter; undefined while all is well. */
    let faultOf: (method: keyof NotifyStore) => Fault | undefined;
    const hangs = () => stage.hangs();
    const note = (key: string, inMs: number) =>
      node.server.notify.schedule({ key, in: inMs, to: 44, action: { type: 'A', key } });
    const stats = () => node.server.stats().plugins.notify ?? {};
    beforeEach(async () => {
      stage = await Stage.at(keeping);
      faultOf = () => undefined;
      node = await stage.node({ through: (store) => faultyStore(store, (method) => faultOf(method), hangs) });
      tab = await stage.tab(node, 44);
    });
    afterEach(() => stage.end());

    test.each(
      (['claim', 'nextAt', 'enter', 'settle'] as const).flatMap((method) =>
        (['before', 'after'] as const).flatMap((when) =>
          (['fails', 'hangs'] as const).map((how) => [method, when, how] as const),
        ),
      ),
    )('at %s, %s it took effect, where it %s: it goes on afterwards, once', async (method, when, how) => {
      const events: string[] = [];
      node.server.events$.subscribe(({ type }) => type.startsWith('NOTIFY') && events.push(type));
      await note('k', 60_000);
      await stage.pass(59_000);
      let down = true;
      faultOf = (each) => (down && each === method ? { when, how } : undefined);
      await stage.pass(60_000);
      expect(events[0]).toBe('NOTIFY_STORE_LOST');
      down = false;
      await stage.pass(120_000);
      expect([stats().storeUp, events.at(-1)]).toEqual([1, 'NOTIFY_STORE_BACK']);
      expect(tab.told).toMatchObject([{ key: 'k', alert: true }]);
      const { notices } = (await node.server.notify.history('k')) ?? {};
      expect(notices).toMatchObject([{ state: 'told', people: { told: 1, alerted: 1 } }]);
    });

    test('it is asked less and less often, and says that it is gone once', async () => {
      const events: string[] = [];
      node.server.events$.subscribe(({ type }) => type.startsWith('NOTIFY') && events.push(type));
      const askedAt: number[] = [];
      faultOf = () => {
        askedAt.push(stage.clock.now());
        return { when: 'before', how: 'fails' };
      };
      await note('k', 60_000).catch(() => {});
      await stage.pass(600_000);
      expect(askedAt.length).toBeGreaterThan(600 / 30);
      expect(askedAt.length).toBeLessThan(60);
      expect(stats()).toMatchObject({ storeUp: 0, storeFailures: askedAt.length });
      faultOf = () => undefined;
      await stage.pass(30_000);
      expect(events).toEqual(['NOTIFY_STORE_LOST', 'NOTIFY_STORE_BACK']);
      expect(stats()).toMatchObject({ storeUp: 1, storeFailures: 0 });
    });

    test('scheduling meanwhile is refused, retryably, and may be repeated', async () => {
      faultOf = () => ({ when: 'before', how: 'fails' });
      await expect(note('k', 60_000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      // This one took effect, and nobody heard of it.
      faultOf = (method) => (method === 'create' ? { when: 'after', how: 'fails' } : undefined);
      await expect(note('k', 60_000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      await expect(node.server.notify.reschedule('none', { in: 1 })).rejects.toMatchObject({
        code: 'UNKNOWN_KEY',
      });
      faultOf = () => undefined;
      expect(await note('k', 60_000)).toMatchObject({ created: false });
      await stage.pass(61_000);
      expect(tab.told).toHaveLength(1);
    });

    test('a server that starts without it begins when it is there', async () => {
      await note('k', 2 * hourMs);
      await stage.stop(node);
      faultOf = () => ({ when: 'before', how: 'fails' });
      node = await stage.node({ through: (store) => faultyStore(store, (method) => faultOf(method), hangs) });
      tab.node = node;
      await stage.pass(2 * hourMs);
      expect([stats().storeUp, tab.told]).toEqual([0, []]);
      faultOf = () => undefined;
      await stage.pass(60_000);
      expect([stats().storeUp, tab.told.length]).toEqual([1, 1]);
    });

    test('a client that cannot be answered asks again', async () => {
      await note('k', 1_000);
      await stage.pass(1_500);
      faultOf = (method) => (method === 'inbox' ? { when: 'before', how: 'fails' } : undefined);
      const second = await stage.tab(node, 44);
      let listed: unknown;
      void second.notify.list().then((items) => {
        listed = items;
      });
      await stage.pass(10_000);
      expect(listed).toBe(undefined);
      await expect(second.notify.markRead('x')).resolves.toBe(undefined);
      faultOf = () => undefined;
      await stage.pass(10_000);
      expect(listed).toMatchObject([{ key: 'k' }]);
      expect(second.told).toEqual([]);
    });
  });
}

import { describe, expect, test } from '@jest/globals';
import type { NotifyStore } from '../src/store.ts';
import { Stage } from './stage.ts';
import type { Keeping } from './stores.ts';

/** What a node holds at most, counted where it asks its store and its ways. */
class Watch {
  claimed = 0;
  /** People in one call. */
  entered = 0;
  told = 0;
  calls = 0;
  #held = 0;
  #calling = 0;

  through = (store: NotifyStore): NotifyStore =>
    new Proxy(store, {
      get:
        (target, method: keyof NotifyStore) =>
        async (...args: never[]) => {
          this.calls = Math.max(this.calls, ++this.#calling);
          try {
            return await this.#call(target, method, args);
          } finally {
            this.#calling--;
          }
        },
    });

  async #call(store: NotifyStore, method: keyof NotifyStore, args: readonly unknown[]): Promise<unknown> {
    const result = await (store[method] as (...args: readonly unknown[]) => unknown)(...args);
    if (method === 'claim') this.#held += (result as unknown[]).length;
    if (method === 'settle')
      this.#held -= (args[0] as { kind: string }[]).filter(({ kind }) => kind === 'told').length;
    if (method === 'enter') {
      const people = (args[0] as { users: unknown[] }[]).reduce((sum, { users }) => sum + users.length, 0);
      this.entered = Math.max(this.entered, people);
    }
    this.claimed = Math.max(this.claimed, this.#held);
    return result;
  }
}

/** Many are due in the same second: `counts` of them. */
export function burstTests(keeping: Keeping, counts: readonly number[]): void {
  describe(`7. many are due in the same second, kept in ${keeping.name}`, () => {
    test.each(counts)(
      '%d of them: no more is held than of a few, and the first due is told first',
      async (count) => {
        const stage = await Stage.at(keeping);
        const watch = new Watch();
        const order: number[] = [];
        const noting = {
          name: 'noting',
          tell: (tellings: readonly { dueAt: number; users: readonly string[] }[]) => {
            watch.told = Math.max(
              watch.told,
              tellings.reduce((sum, { users }) => sum + users.length, 0),
            );
            order.push(...tellings.map(({ dueAt }) => dueAt));
          },
        };
        const node = await stage.node({ through: watch.through, ways: [noting] });
        const tab = await stage.tab(node, 0);
        let expected = 0;
        for (let i = 0; i < count; i++) {
          const to = Array.from(
            { length: i % 12 === 0 ? 300 : 1 + (i % 19) },
            (_, k) => (i * 37 + k * 53) % 1_000,
          );
          if (to.includes(0)) expected++;
          const at = stage.clock.now() + 60_000 + ((i * 7_919) % 1_000);
          await node.server.notify.schedule({ key: `k${i}`, at, to, action: { type: 'A' } });
        }
        stage.clock.advance(62_000);
        await stage.pass(1_000);
        expect(order).toHaveLength(count);
        expect(order).toEqual([...order].sort((a, b) => a - b));
        expect(tab.told).toHaveLength(expected);
        expect(new Set(tab.told.map(({ key }) => key)).size).toBe(expected);
        expect(watch.claimed).toBeLessThanOrEqual(100);
        expect(watch.entered).toBeLessThanOrEqual(2_000);
        expect(watch.told).toBeLessThanOrEqual(2_000);
        expect(watch.calls).toBeLessThanOrEqual(4);
        await stage.end();
      },
    );

    test('an audience of many is asked for a page when the one before is told', async () => {
      const stage = await Stage.at(keeping);
      const pages: string[] = [];
      const people = Array.from({ length: 12_000 }, (_, i) => `${100_000 + i}`);
      const node = await stage.node({
        audiences: {
          all: ({ after, limit }) => {
            pages.push('asked');
            const from = after === undefined ? 0 : people.indexOf(after) + 1;
            const users = people.slice(from, from + limit);
            return { users, next: from + limit < people.length ? users.at(-1) : undefined };
          },
        },
        ways: [{ name: 'noting', tell: (tellings) => void pages.push(`told ${tellings[0]?.users.length}`) }],
      });
      await node.server.notify.schedule({ key: 'k', in: 0, to: { audience: 'all' }, action: { type: 'A' } });
      await stage.pass(1_000);
      expect(pages).toEqual(Array.from({ length: 24 }, () => ['asked', 'told 500']).flat());
      const { notices } = (await node.server.notify.history('k')) ?? {};
      expect(notices).toMatchObject([{ state: 'told', people: { told: 12_000 } }]);
      await stage.end();
    });
  });
}

import { turn } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NotifyStore } from '../src/store.ts';
import { type Fault, faultyStore } from './faulty-store.ts';
import { type Node, Stage } from './stage.ts';
import type { Keeping } from './stores.ts';

const people = ['1', '2', '3', '4', '5'];
const keys = ['a', 'b', 'c'];
const inMs = fc.oneof(fc.nat(2), fc.nat(20_000));

const deed = fc.oneof(
  fc.record({
    do: fc.constant('schedule' as const),
    key: fc.constantFrom(...keys),
    inMs,
    lead: fc.boolean(),
  }),
  fc.record({ do: fc.constant('move' as const), key: fc.constantFrom(...keys), inMs }),
  fc.record({ do: fc.constant('edit' as const), key: fc.constantFrom(...keys) }),
  fc.record({ do: fc.constant('cancel' as const), key: fc.constantFrom(...keys) }),
  fc.record({ do: fc.constant('crash' as const), node: fc.nat(1) }),
  fc.record({
    do: fc.constant('fault' as const),
    count: fc.integer({ min: 1, max: 4 }),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.nat(15_000) }),
  // Not to its end: the next deed is done in the middle of what the last one began.
  fc.record({ do: fc.constant('turns' as const), count: fc.nat(12) }),
);
type Deed = typeof deed extends fc.Arbitrary<infer D> ? D : never;

/** What should be there of a notification. */
interface Expected {
  round: number;
  cancelled: boolean;
}

/** Random histories on two nodes, against what was asked for. */
export function randomTests(keeping: Keeping, numRuns: number): void {
  describe(`at random, kept in ${keeping.name}`, () => {
    test('every round that stands is told to everybody once, nothing is told twice, nothing void is told', async () => {
      const property = fc.asyncProperty(fc.array(deed, { minLength: 3, maxLength: 25 }), async (deeds) => {
        const world = await World.begin(keeping);
        try {
          for (const each of deeds) await world.do(each);
          await world.check();
        } finally {
          await world.end();
        }
      });
      await fc.assert(property, { numRuns, ...(process.env.SEED && { seed: Number(process.env.SEED) }) });
    });
  });
}

class World {
  readonly #stage: Stage;
  readonly #nodes: Node[] = [];
  readonly #expected = new Map<string, Expected>();
  /** Calls to a database that are still to fail. */
  #faults = 0;
  #when: Fault['when'] = 'before';
  /** Notices that were void when a tab asked whether it may alert of them, and was let. */
  readonly #wrong: string[] = [];

  private constructor(stage: Stage) {
    this.#stage = stage;
  }

  static async begin(keeping: Keeping): Promise<World> {
    const world = new World(await Stage.at(keeping));
    for (const i of [0, 1]) await world.#launch(i);
    // Somebody with tabs on both nodes, somebody with several on one; the others come later.
    for (const [person, i] of [
      ['1', 0],
      ['1', 1],
      ['2', 0],
      ['2', 0],
      ['3', 1],
    ] as const) {
      await world.#stage.tab(world.#nodes[i] as Node, person);
    }
    return world;
  }

  end(): Promise<void> {
    return this.#stage.end();
  }

  async do(each: Deed): Promise<void> {
    if (each.do === 'pass') return this.#stage.pass(each.ms);
    if (each.do === 'turns') {
      for (let left = each.count; left > 0; left--) await turn();
      return;
    }
    if (each.do === 'fault') {
      this.#faults = each.count;
      this.#when = each.when;
      return;
    }
    if (each.do === 'crash') return this.#crash(each.node);
    const { notify } = (this.#nodes[each.key === 'a' ? 0 : 1] as Node).server;
    const { key } = each;
    const known = this.#expected.get(key);
    const faults = this.#faults;
    this.#faults = 0;
    switch (each.do) {
      case 'schedule':
        if (known !== undefined) break;
        await notify.schedule({
          ...{ key, in: each.inMs, to: people, action: { type: 'A' } },
          leadTimesMs: each.lead ? [5_000, 0] : [0],
        });
        this.#expected.set(key, { round: 1, cancelled: false });
        break;
      case 'move':
        if (known === undefined || known.cancelled) break;
        // Whoever is alerted from now on is alerted of the new one.
        this.#expected.set(key, {
          round: (await notify.reschedule(key, { in: each.inMs })).round,
          cancelled: false,
        });
        break;
      case 'edit':
        if (known === undefined || known.cancelled) break;
        await notify.reschedule(key, { action: { type: 'A', edited: true } });
        break;
      case 'cancel':
        if (known === undefined || known.cancelled) break;
        await notify.cancel(key);
        this.#expected.set(key, { ...known, cancelled: true });
    }
    this.#faults = faults;
  }

  async check(): Promise<void> {
    this.#faults = 0;
    // Leases end, backoffs are over, everybody is back.
    await this.#stage.pass(300_000);
    for (const person of people) await this.#stage.tab(this.#nodes[0] as Node, person);
    await this.#stage.pass(5_000);
    for (const [key, { round, cancelled }] of this.#expected) {
      const { notices = [] } = (await (this.#nodes[0] as Node).server.notify.history(key)) ?? {};
      const standing = notices.filter((notice) => notice.round === round && !cancelled);
      expect(notices.filter(({ state }) => state === 'waiting')).toEqual([]);
      if (!cancelled) expect(standing.some(({ state }) => state === 'told')).toBe(true);
      for (const { id, state } of standing) {
        if (state !== 'told') continue;
        for (const person of people) {
          const told = this.#stage.tabs
            .filter(({ userId }) => userId === person)
            .map((tab) => tab.told.filter((each) => each.id === id));
          // Once on each tab at most, by exactly one of them with an alert.
          for (const each of told) expect(each.length).toBeLessThanOrEqual(1);
          expect(told.flat().filter(({ alert }) => alert)).toHaveLength(1);
        }
      }
    }
    expect(this.#wrong).toEqual([]);
  }

  async #launch(i: number): Promise<void> {
    this.#nodes[i] = await this.#stage.node({
      longestSleepMs: 20_000,
      through: (store) => faultyStore(this.#witnessed(store), (method) => this.#faultOf(method)),
    });
  }

  /** Notes what is wrong in a yes to an alert. One that was asked for before may be on its way still. */
  #witnessed(store: NotifyStore): NotifyStore {
    const alert: NotifyStore['alert'] = async (userId, ids, by, now) => {
      const gone = ids.filter((id) => this.#isVoid(id));
      const granted = await store.alert(userId, ids, by, now);
      this.#wrong.push(...granted.filter((id) => gone.includes(id)));
      return granted;
    };
    return new Proxy(store, {
      get(target, name: keyof NotifyStore) {
        const member = name === 'alert' ? alert : target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  #isVoid(id: string): boolean {
    const [round, , key = ''] = id.split('.');
    const expected = this.#expected.get(key);
    return expected !== undefined && (expected.cancelled || Number(round) < expected.round);
  }

  #faultOf(method: keyof NotifyStore): Fault | undefined {
    if (this.#faults === 0 || method === 'open') return undefined;
    this.#faults--;
    return { when: this.#when, how: 'fails' };
  }

  /** It does nothing any more, without a word; its tabs go to the one that takes its place. */
  async #crash(i: number): Promise<void> {
    const dead = this.#nodes[i] as Node;
    await this.#stage.kill(dead);
    await this.#launch(i);
    for (const tab of this.#stage.tabs) if (tab.node === dead) tab.node = this.#nodes[i] as Node;
  }
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Node, Stage } from '../test/stage.ts';
import { inMemory } from '../test/stores.ts';
import { type Asked, memoryStore, type NotifyStore, notify } from './index.ts';

const dayMs = 86_400_000;

describe('what is asked badly', () => {
  let stage: Stage;
  let node: Node;
  beforeEach(async () => {
    stage = await Stage.at(inMemory);
    node = await stage.node({
      maxActionBytes: 100,
      isUser: (id) => id !== 'nobody',
      audiences: { everybody: () => ({ users: [44] }) },
    });
  });
  afterEach(() => stage.end());
  const good = { key: 'k', in: 1_000, to: 44, action: { type: 'A' } };

  const cyclic: Record<string, unknown> = { type: 'A' };
  cyclic.self = cyclic;
  test.each<[string, object, string]>([
    ['no time', { in: undefined }, 'INVALID_TIME'],
    ['two times', { at: 1 }, 'INVALID_TIME'],
    ['NaN', { in: Number.NaN }, 'INVALID_TIME'],
    ['a negative wait', { in: -1 }, 'INVALID_TIME'],
    ['half a millisecond', { in: 0.5 }, 'INVALID_TIME'],
    ['a wait beyond the calendar', { in: 8.64e15 }, 'INVALID_TIME'],
    ['an invalid Date', { in: undefined, at: new Date('never') }, 'INVALID_TIME'],
    ['a text as time', { in: undefined, at: '2030-01-01' }, 'INVALID_TIME'],
    ['the past', { in: undefined, at: new Date(0) }, 'PAST_TIME'],
    ['negative lead times', { leadTimesMs: [-1] }, 'INVALID_TIME'],
    ['no lead times', { leadTimesMs: [] }, 'INVALID_TIME'],
    ['too many lead times', { leadTimesMs: Array.from({ length: 17 }, (_, i) => i) }, 'INVALID_TIME'],
    ['an expiry before it is due', { expiresAt: new Date(0) }, 'INVALID_TIME'],
    ['another missed', { missed: 'perhaps' }, 'INVALID_TIME'],
    ['an empty key', { key: '' }, 'INVALID_KEY'],
    ['a long key', { key: 'k'.repeat(201) }, 'INVALID_KEY'],
    ['a key with a line break', { key: 'a\nb' }, 'INVALID_KEY'],
    ['a key that ends with a space', { key: 'k ' }, 'INVALID_KEY'],
    ['half a character as key', { key: '\ud800' }, 'INVALID_KEY'],
    ['no action', { action: undefined }, 'INVALID_ACTION'],
    ['an action without a type', { action: { text: 'x' } }, 'INVALID_ACTION'],
    ['a native event', { action: { type: 'STATUS_CHANGE' } }, 'INVALID_ACTION'],
    ['a cyclic action', { action: cyclic }, 'INVALID_ACTION'],
    ['a large action', { action: { type: 'A', text: 'ä'.repeat(50) } }, 'ACTION_TOO_LARGE'],
    ['nobody', { to: [] }, 'INVALID_RECIPIENTS'],
    ['what is no user id', { to: [{}] }, 'INVALID_RECIPIENTS'],
    ['an empty user id', { to: [''] }, 'INVALID_RECIPIENTS'],
    ['a user id that ends with a space', { to: ['44 '] }, 'INVALID_RECIPIENTS'],
    ['too many users', { to: Array.from({ length: 1_001 }, (_, i) => i) }, 'INVALID_RECIPIENTS'],
    ['an unknown user', { to: [44, 'nobody'] }, 'UNKNOWN_USER'],
    ['an unknown audience', { to: { audience: 'nobody' } }, 'UNKNOWN_AUDIENCE'],
    ['an audience named like a method', { to: { audience: 'toString' } }, 'UNKNOWN_AUDIENCE'],
    ['large params', { to: { audience: 'everybody', params: 'x'.repeat(20_000) } }, 'INVALID_RECIPIENTS'],
  ])('%s is refused by its code, and nothing is scheduled', async (_, bad, code) => {
    const asked = node.server.notify.schedule({ ...good, ...bad } as Asked);
    await expect(asked).rejects.toMatchObject({ name: 'NotifyError', code, retryable: false });
    expect(await node.server.notify.list()).toEqual([]);
    await node.server.notify.schedule(good);
    const changed = node.server.notify.reschedule('k', { in: 2_000, ...bad, key: undefined } as never);
    if (code !== 'INVALID_KEY' && !['no time', 'no action'].includes(_)) {
      await expect(changed).rejects.toMatchObject({ code });
      expect((await node.server.notify.history('k'))?.notification.version).toBe(1);
    } else await changed;
  });

  test('a key that is taken: the same is the same, in any order of fields; anything else is refused', async () => {
    const asked: Asked = {
      key: 'k',
      in: 1_000,
      to: [44, 12],
      action: { type: 'A', a: 1, b: { c: 2, d: 3 } },
    };
    const { created, notification } = await node.server.notify.schedule(asked);
    expect(created).toBe(true);
    await stage.pass(500);
    const same: Asked = {
      action: { b: { d: 3, c: 2 }, type: 'A', a: 1 },
      to: ['44', 12, 44],
      key: 'k',
      in: 1_000,
    };
    expect(await node.server.notify.schedule(same)).toEqual({ created: false, notification });
    for (const other of [{ in: 1_001 }, { to: 44 }, { action: { type: 'B' } }, { missed: 'skip' }] as const)
      await expect(node.server.notify.schedule({ ...asked, ...other } as Asked)).rejects.toMatchObject({
        code: 'DUPLICATE_KEY',
      });
    expect((await node.server.notify.history('k'))?.notices).toHaveLength(1);
  });

  test('options', () => {
    const store = memoryStore();
    for (const bad of [
      { leaseMs: 0 },
      { longestSleepMs: 2 ** 31 },
      { timeoutMs: Number.NaN },
      { keepMs: -1 },
    ])
      expect(() => notify({ store, ...bad })).toThrow(RangeError);
  });
});

describe('when it is told', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.at(inMemory);
  });
  afterEach(() => stage.end());
  const note = (node: Node, more: Partial<Asked>) =>
    node.server.notify.schedule({ key: 'k', to: 44, action: { type: 'A' }, ...more } as Asked);

  test('beyond the longest timer, and not a millisecond early', async () => {
    const node = await stage.node({ longestSleepMs: 2 ** 31 - 1 });
    const tab = await stage.tab(node, 44);
    await note(node, { in: 100 * dayMs });
    await stage.pass(100 * dayMs - 1);
    expect(tab.told).toEqual([]);
    await stage.pass(1);
    expect(tab.told).toHaveLength(1);
  });

  test.each([
    ['deliver', 3 * dayMs, 'told'],
    ['deliver', 8 * dayMs, 'skipped'],
    ['skip', 59_000, 'told'],
    ['skip', 61_000, 'skipped'],
    [{ withinMs: 5_000 }, 4_000, 'told'],
    [{ withinMs: 5_000 }, 6_000, 'skipped'],
  ] as const)('missed: %j, by %d ms: %s', async (missed, lateMs, state) => {
    const first = await stage.node();
    await note(first, { in: 10_000, missed });
    await stage.stop(first);
    await stage.pass(10_000 + lateMs);
    const node = await stage.node();
    expect((await node.server.notify.history('k'))?.notices).toMatchObject([{ state }]);
    expect((await stage.tab(node, 44)).told).toHaveLength(state === 'told' ? 1 : 0);
  });

  test('of several lead times that were missed the last is told alone', async () => {
    const first = await stage.node();
    await note(first, { in: 100_000, leadTimesMs: [90_000, 50_000, 30_000, 10_000] });
    await stage.stop(first);
    await stage.pass(75_000);
    const node = await stage.node();
    await stage.pass(1_000);
    const states = (await node.server.notify.history('k'))?.notices.map(({ state }) => state);
    expect(states).toEqual(['skipped', 'skipped', 'told', 'waiting']);
  });

  test('a clock that is set forward is noticed within the longest sleep', async () => {
    const node = await stage.node({ longestSleepMs: 60_000 });
    const tab = await stage.tab(node, 44);
    await note(node, { in: dayMs });
    await stage.pass(1_000);
    stage.clock.setByMs = dayMs;
    await stage.pass(60_000);
    expect(tab.told).toHaveLength(1);
    // And one that is set back delays.
    await note(node, { key: 'later', in: 100_000 });
    stage.clock.setByMs -= 3_600_000;
    await stage.pass(150_000);
    expect(tab.told).toHaveLength(1);
    await stage.pass(3_600_000);
    expect(tab.told).toHaveLength(2);
  });

  test('what another node scheduled is told by this one, where that died', async () => {
    const [one, two] = [
      await stage.node({ longestSleepMs: 60_000 }),
      await stage.node({ longestSleepMs: 60_000 }),
    ];
    const tab = await stage.tab(two, 44);
    await note(one, { in: 30_000 });
    await stage.stop(one);
    await stage.pass(60_000);
    expect(tab.told).toHaveLength(1);
  });

  test('an audience that throws, hangs, gives nonsense or does not get on is asked again, later', async () => {
    let answer: () => unknown = () => {
      throw new Error('no such table');
    };
    const node = await stage.node({ audiences: { all: () => answer() as never } });
    const tab = await stage.tab(node, 44);
    await note(node, { in: 0, to: { audience: 'all' } });
    await stage.pass(0);
    expect((await node.server.notify.history('k'))?.notices).toMatchObject([
      { state: 'waiting', attempts: 1, why: 'no such table' },
    ]);
    answer = () => {
      stage.hangs();
      return new Promise(() => {});
    };
    await stage.pass(11_000);
    answer = () => ({ users: 'all' });
    await stage.pass(5_000);
    answer = () => ({ users: ['44'], next: 'again' });
    await stage.pass(60_000);
    const attempts = node.server.stats().plugins.notify?.retried ?? 0;
    expect(attempts).toBeGreaterThan(3);
    expect(attempts).toBeLessThan(15);
    answer = () => ({ users: [44, {}, ''] });
    await stage.pass(300_000);
    expect(tab.told).toHaveLength(1);
    expect((await node.server.notify.history('k'))?.notices).toMatchObject([
      { state: 'told', people: { told: 1 } },
    ]);
  });

  test('a way that fails is asked again, with the same ids; nobody is told twice', async () => {
    const asked: string[][] = [];
    const flaky = {
      name: 'flaky',
      tell: (tellings: readonly { id: string; users: readonly string[] }[]) => {
        asked.push(tellings.map(({ id, users }) => `${id} ${users}`));
        if (asked.length < 3) throw new Error('no mail today');
      },
    };
    const node = await stage.node({ ways: [flaky] });
    const tab = await stage.tab(node, 44);
    await note(node, { in: 0 });
    await stage.pass(60_000);
    expect(asked).toEqual([['1.0.k 44'], ['1.0.k 44'], ['1.0.k 44']]);
    expect(tab.told).toHaveLength(1);
  });

  test('a way that never answers counts as failed, and holds up nobody but itself', async () => {
    const asked: string[] = [];
    const stuck = {
      name: 'stuck',
      timeoutMs: 5_000,
      tell: (tellings: readonly { key: string }[]) => {
        asked.push(...tellings.map(({ key }) => key));
        if (asked.length > 1) return;
        stage.hangs();
        return new Promise<void>(() => {});
      },
    };
    const node = await stage.node({ ways: [stuck] });
    const tab = await stage.tab(node, 44);
    await note(node, { in: 0 });
    await note(node, { key: 'next', in: 1_000 });
    await stage.pass(2_000);
    expect([asked, tab.told.map(({ key }) => key)]).toEqual([['k'], ['k', 'next']]);
    await stage.pass(60_000);
    expect(asked.sort()).toEqual(['k', 'k', 'next']);
    expect(tab.told).toHaveLength(2);
    expect((await node.server.notify.history('k'))?.notices).toMatchObject([{ state: 'told', attempts: 1 }]);
  });

  test('a node that was stopped for longer than its lease writes nothing when it goes on', async () => {
    let slow = false;
    const late = <T>(work: () => T) =>
      new Promise<Awaited<T>>((resolve, reject) => {
        stage.clock.setTimeout(() => Promise.resolve(work()).then(resolve, reject), 8_000);
      });
    const through = (store: NotifyStore) =>
      new Proxy(store, {
        get:
          (target, method: keyof NotifyStore) =>
          (...args: never[]) => {
            const work = () => (target[method] as (...args: never[]) => unknown)(...args);
            if (method === 'claim' && slow) return work();
            if (!slow || method === 'close') return work();
            stage.hangs();
            return late(work);
          },
      });
    let subscribers = ['12', '44'];
    const audiences = { all: () => ({ users: subscribers }) };
    const one = await stage.node({ through, audiences, leaseMs: 4_000 });
    await note(one, { in: 1_000, to: { audience: 'all' } });
    slow = true;
    await stage.pass(1_500);
    // It has claimed, and nothing of what it does gets through for 8 s.
    subscribers = ['44'];
    const two = await stage.node({ audiences, leaseMs: 4_000, longestSleepMs: 1_000 });
    const tab = await stage.tab(two, 44);
    await stage.pass(5_000);
    expect(tab.told).toHaveLength(1);
    await stage.pass(60_000);
    slow = false;
    await stage.pass(60_000);
    const told = [one, two].map(({ server }) => server.stats().plugins.notify?.told);
    expect([told, tab.told.length]).toEqual([[0, 1], 1]);
    expect((await two.server.notify.history('k'))?.notices).toMatchObject([{ people: { told: 1 } }]);
  });

  test.each([
    ['spring', '2026-03-29T09:00:00+02:00', '2026-03-28T08:00:00+01:00'],
    ['autumn', '2026-10-25T09:00:00+01:00', '2026-10-24T10:00:00+02:00'],
  ])('a lead time of a day is 24 hours, also when the clocks are changed in %s', async (_, event, due) => {
    stage.clock.setByMs = Date.parse(due) - 3_600_000 - stage.clock.now();
    const node = await stage.node();
    const tab = await stage.tab(node, 44);
    await note(node, { at: new Date(event), leadTimesMs: [dayMs] });
    await stage.pass(3_600_000 - 1);
    expect(tab.told).toEqual([]);
    await stage.pass(1);
    expect(tab.told).toMatchObject([{ at: Date.parse(event), dueAt: Date.parse(due) }]);
  });

  test('to who has subscribed to a channel when it is due', async () => {
    const node = await stage.node();
    const tabs = [await stage.tab(node, 44), await stage.tab(node, 12), await stage.tab(node, 9)] as const;
    const rooms = tabs.map(({ client }) => client.channel('room/7'));
    for (const room of rooms.slice(0, 2)) {
      room.subscribe(() => {});
      await room.joined();
    }
    await note(node, { in: 1_000, to: { channel: 'room/7' } });
    await rooms[1]?.leave();
    await stage.pass(1_100);
    expect(tabs.map(({ told }) => told.length)).toEqual([1, 0, 0]);
  });

  test('to many, in pages', async () => {
    const node = await stage.node();
    const users = Array.from({ length: 1_000 }, (_, i) => i);
    await note(node, { in: 0, to: users });
    await stage.pass(100);
    const history = await node.server.notify.history('k');
    expect(history?.notices).toMatchObject([{ state: 'told', people: { told: 1_000 } }]);
    expect((await stage.tab(node, 999)).told).toHaveLength(1);
  });

  test('what has expired long ago is forgotten', async () => {
    const node = await stage.node({ keepMs: 1_000 });
    await note(node, { in: 0, expiresAt: stage.clock.now() + 5_000 });
    await stage.pass(3_000);
    expect(await node.server.notify.history('k')).toBeDefined();
    await stage.pass(2 * 3_600_000);
    expect(await node.server.notify.history('k')).toBe(undefined);
  });

  test('a node that has stopped leaves no timer', async () => {
    const node = await stage.node();
    await note(node, { in: 0 });
    await note(node, { key: 'later', in: dayMs });
    await stage.pass(10);
    await stage.stop(node);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('a node that stops gives back what it has not told', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let pages = 0;
    const audiences = {
      slow: async ({ after }: { after: string | undefined }) => {
        pages++;
        if (pages === 1) await held;
        return after === undefined ? { users: ['1'], next: '1' } : { users: ['44'] };
      },
    };
    const node = await stage.node({ audiences });
    await note(node, { in: 0, to: { audience: 'slow' } });
    while (pages === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopping = stage.stop(node);
    release();
    await stopping;
    expect(pages).toBe(1);
    const second = await stage.node({ audiences });
    const notices = (await second.server.notify.history('k'))?.notices;
    expect(notices).toMatchObject([{ state: 'told', people: { told: 2 } }]);
    expect(pages).toBe(2);
  });
});

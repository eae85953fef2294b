import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Awaitable } from '@callboard/runtime';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Stage, watch } from '../test/stage.ts';
import { memoryStore, type PresenceStore, type Remembered, sqliteStore } from './index.ts';

let stage: Stage;

afterEach(() => stage.end());

/** A store that answers when it is told to, and fails when it is told to. */
function slowStore() {
  const store = memoryStore();
  const waiting: (() => void)[] = [];
  const asked: string[] = [];
  const state = { isBroken: false, answers: true };
  const answer = async <T>(name: string, give: () => Awaitable<T>): Promise<T> => {
    asked.push(name);
    if (!state.answers) await new Promise<void>((resolve) => waiting.push(resolve));
    if (state.isBroken) throw new Error('the disk is full');
    return give();
  };
  const slow: PresenceStore = {
    open: () => answer('open', () => {}),
    close: () => {},
    load: (ids) => answer(`load ${ids.length}`, () => store.load(ids)),
    save: (users) => answer(`save ${users.length}`, () => store.save(users)),
  };
  return {
    store: slow,
    state,
    asked,
    knows: (id: string) => (store.load([id]) as readonly Remembered[])[0],
    answer() {
      state.answers = true;
      for (const give of waiting.splice(0)) give();
    },
  };
}

describe('when users were last online, and what they have chosen,', () => {
  test.each(['in memory', 'by SQLite'])('is known after a restart, %s', async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'presence-'));
    const memory = memoryStore();
    const store = () => (kind === 'in memory' ? memory : sqliteStore(join(folder, 'presence.db')));
    stage = await Stage.begin({ store: store() });
    const [one, two] = [await stage.tab(1), await stage.tab(2)];
    await stage.finish(two.presence.set('invisible'));
    await stage.pass(1_000);
    const lastOnlineTs = stage.clock.now();
    await stage.close(one);
    await stage.pass(10_000);
    await stage.end();
    const stopped = stage.clock.now();
    stage = await Stage.begin({ store: store() });
    const me = await stage.tab('me');
    const seen = watch(me, [1, 2]);
    let seenAt: unknown;
    me.presence.watch([1, 2], ({ users }) => {
      seenAt = [1, 2].map((id) => users.get(String(id))?.lastOnlineTs);
    });
    await stage.settle();
    // Whoever was invisible was seen last when they chose to be.
    expect(seenAt).toEqual([lastOnlineTs, lastOnlineTs - 1_000]);
    const known = await stage.finish(stage.server.presence.get([1, 2]));
    expect(known.get('1')).toMatchObject({ status: 'OFFLINE', lastOnlineTs });
    expect(known.get('2')?.lastOnlineTs).toBeLessThanOrEqual(stopped);
    expect(known.get('2')?.lastOnlineTs).toBeGreaterThan(lastOnlineTs + 9_000);
    const again = await stage.tab(2);
    await stage.pass(1_000);
    expect([again.presence.own?.choice, again.client.getStatus(), seen]).toEqual([
      'invisible',
      'ONLINE',
      ['1 OFFLINE', '2 OFFLINE'],
    ]);
    rmSync(folder, { recursive: true });
  });

  test('is at least when they came, where the server did not end as it should', async () => {
    const { store, knows } = slowStore();
    stage = await Stage.begin({ store });
    await stage.tab(1);
    const came = stage.clock.now();
    await stage.pass(60_000);
    expect(knows('1')).toMatchObject({ lastOnlineTs: came, choice: 'auto' });
  });

  test('is at least when they came, also where somebody watched them before', async () => {
    const { store, knows } = slowStore();
    stage = await Stage.begin({ store });
    const seen = watch(await stage.tab('me'), 1);
    await stage.settle();
    await stage.tab(1);
    const came = stage.clock.now();
    await stage.pass(1_000);
    expect([seen, knows('1')?.lastOnlineTs]).toEqual([['1 OFFLINE', '1 ONLINE'], came]);
  });

  test('counts from the first moment on: who chose to be away is never seen to be here', async () => {
    const store = memoryStore();
    await store.save([{ userId: '1', lastOnlineTs: 1, lastSeenTs: 1, choice: 'away' }]);
    stage = await Stage.begin({ store, batchMs: 0 });
    const seen = watch(await stage.tab('me'), 1);
    const tab = await stage.tab(1);
    await stage.pass(1_000);
    expect([seen, tab.client.getStatus()]).toEqual([['1 AWAY'], 'AWAY']);
  });

  test('is asked for of many at once', async () => {
    const { store, asked } = slowStore();
    stage = await Stage.begin({ store });
    const tabs = Array.from({ length: 20 }, (_, i) => stage.open(i));
    await stage.settle();
    expect(tabs.every(({ client }) => client.isConnected())).toBe(true);
    expect(asked.length).toBeLessThan(6);
  });
});

describe('while the store says nothing', () => {
  test('nobody sees anybody, who might be invisible; their own clients do', async () => {
    const { store, state, answer } = slowStore();
    stage = await Stage.begin({ store });
    const me = await stage.tab('me');
    state.answers = false;
    const tab = await stage.tab(1);
    const seen = watch(me, 1);
    await stage.pass(2_000);
    expect([seen, tab.client.getStatus(), tab.presence.own]).toEqual([[], 'ONLINE', undefined]);
    answer();
    await stage.pass(200);
    expect([seen, tab.presence.own?.status]).toEqual([['1 ONLINE'], 'ONLINE']);
  });

  test('what is to be remembered is kept, and saved when it is back; who asks is answered then', async () => {
    const { store, state, asked, knows } = slowStore();
    stage = await Stage.begin({ store });
    const [me, tab] = [await stage.tab('me'), await stage.tab(1)];
    state.isBroken = true;
    await stage.finish(tab.presence.set('away'));
    const seen = watch(me, 2);
    await stage.pass(10_000);
    expect([seen, knows('1')?.choice]).toEqual([[], 'auto']);
    expect(stage.server.stats().plugins.presence?.storeFailures).toBeGreaterThan(2);
    await expect(stage.finish(stage.server.presence.get('nobody'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    asked.length = 0;
    state.isBroken = false;
    await stage.pass(31_000);
    expect([seen, knows('1')?.choice]).toEqual([['2 OFFLINE'], 'away']);
    expect(stage.server.stats().plugins.presence?.storeFailures).toBe(0);
    expect(stage.harness.errors.every(({ message }) => message === 'the store of presence failed')).toBe(
      true,
    );
  });

  test('who is invisible stays so, however soon they are gone again', async () => {
    const { store, state, answer, knows } = slowStore();
    await store.save([{ userId: '1', lastOnlineTs: 1, lastSeenTs: 1, choice: 'invisible' }]);
    stage = await Stage.begin({ store });
    await stage.settle();
    state.answers = false;
    await stage.close(await stage.tab(1));
    await stage.pass(6_000);
    expect(stage.status(1)).toBe('OFFLINE');
    answer();
    await stage.pass(2_000);
    expect(knows('1')).toMatchObject({ choice: 'invisible', lastSeenTs: 1 });
  });

  test('who comes, asks and goes leaves nothing behind, and was there later than the store says', async () => {
    const { store, state, answer } = slowStore();
    await store.save([{ userId: '1', lastOnlineTs: 1, lastSeenTs: 1, choice: 'auto' }]);
    stage = await Stage.begin({ store });
    await stage.settle();
    state.answers = false;
    const gone = stage.clock.now();
    await stage.close(await stage.tab(1));
    const asked = stage.server.presence.get(1);
    await stage.pass(6_000);
    answer();
    expect((await stage.finish(asked)).get('1')).toMatchObject({ status: 'OFFLINE', lastOnlineTs: gone });
    await stage.settle();
    expect(stage.server.stats().plugins.presence).toMatchObject({ users: 0, watchers: 0 });
  });

  test('what changes while it is being saved is saved, too', async () => {
    const { store, state, answer, knows } = slowStore();
    stage = await Stage.begin({ store });
    const tab = await stage.tab(1);
    state.answers = false;
    await stage.finish(tab.presence.set('away'));
    await stage.settle();
    await stage.finish(tab.presence.set('invisible'));
    answer();
    await stage.pass(100);
    expect(knows('1')?.choice).toBe('invisible');
  });

  test('for long it is asked again, and an answer that comes too late counts for nothing', async () => {
    const { store, state, asked, answer } = slowStore();
    stage = await Stage.begin({ store });
    await stage.settle();
    state.answers = false;
    const tab = await stage.tab(1);
    asked.length = 0;
    await stage.pass(11_000);
    expect(asked).toEqual(['load 1']);
    answer();
    await stage.pass(2_000);
    expect(tab.presence.own?.status).toBe('ONLINE');
  });

  test('because the server has stopped, who asks is told so, until it runs again', async () => {
    stage = await Stage.begin();
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    const asked = stage.finish(stage.server.presence.get(1));
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await stage.server.start();
    expect((await stage.finish(stage.server.presence.get(1))).get('1')?.status).toBe('OFFLINE');
  });

  test('a server that stops says who is not remembered', async () => {
    const { store, state } = slowStore();
    stage = await Stage.begin({ store });
    await stage.tab(1);
    state.isBroken = true;
    await stage.pass(100);
    await stage.finish(stage.server.presence.set(1, 'away'));
    await stage.pass(1_000);
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    expect(stage.harness.errors.map(({ message }) => message)).toContain('users are not remembered');
    state.isBroken = false;
    await stage.server.start();
    await stage.pass(60_000);
    expect(stage.status(1)).toBe('ONLINE');
  });
});

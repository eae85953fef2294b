import type { AnyAction } from '@callboard/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Seen, Stage, type Tab, watch } from '../test/stage.ts';
import { memoryStore } from './index.ts';
import type { WatchRequest } from './options.ts';
import type { Begun } from './users/contract.ts';

let stage: Stage;
let noErrors = true;

afterEach(async () => {
  const { errors } = stage.harness;
  await stage.end();
  if (noErrors) expect(errors).toEqual([]);
  noErrors = true;
});

const verifyClient = ({ token = '' }: { token?: string | undefined }) => ({
  claims: { friends: token.split(',') },
});
const ofFriends = ({ client, userIds }: WatchRequest) =>
  userIds.filter((id) => (client.claims.friends as string[]).includes(id));

describe('who watches', () => {
  test('is given a snapshot of all, then changes, as an Observable or by calling back', async () => {
    stage = await Stage.begin();
    await stage.tab(1);
    const tab = await stage.tab('me');
    const seen = watch(tab, [1, 2, 2, 'me']);
    const called: unknown[] = [];
    const off = tab.presence.watch(2, ({ users, changed, refused }) => {
      called.push([users.get('2')?.status, changed.length, refused.size]);
    });
    expect(seen).toEqual([]);
    await stage.pass(200);
    expect(seen.splice(0)).toEqual(['1 ONLINE', '2 OFFLINE', 'me ONLINE']);
    await stage.tab(2);
    await stage.pass(200);
    off();
    const [two] = stage.tabs.slice(-1) as [Tab];
    two.presence.activity('idle');
    await stage.pass(200);
    expect([seen, called]).toEqual([
      ['2 ONLINE', '2 AWAY'],
      [
        ['OFFLINE', 1, 0],
        ['ONLINE', 1, 0],
      ],
    ]);
  });

  test('is asked about in one request, whoever else watches them in that turn', async () => {
    const asked: (readonly string[])[] = [];
    stage = await Stage.begin({
      canWatch: ({ userIds }) => {
        asked.push(userIds);
        return true;
      },
    });
    const tab = await stage.tab('me');
    const seen = Array.from({ length: 10 }, (_, i) =>
      watch(
        tab,
        Array.from({ length: 100 }, (_, n) => 100 * i + n),
      ),
    );
    watch(tab, 5);
    await stage.settle();
    expect(asked.map(({ length }) => length)).toEqual([1_000]);
    expect(seen.map(({ length }) => length)).toEqual(Array(10).fill(100));
    watch(
      tab,
      Array.from({ length: 2_500 }, (_, n) => `more ${n}`),
    );
    await stage.settle();
    expect(asked.slice(1).map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  });

  test('has what came back to what it was within a batch left out, and the rest together', async () => {
    stage = await Stage.begin({ batchMs: 500 });
    const tabs = await Promise.all([1, 2, 3].map((id) => stage.tab(id)));
    const me = await stage.tab('me');
    let batches = 0;
    const seen = watch(me, [1, 2, 3]);
    await stage.pass(1_000);
    seen.length = 0;
    me.presence.watch([1, 2, 3], () => batches++);
    for (const { presence } of tabs) presence.activity('idle');
    await stage.settle();
    tabs[1]?.presence.activity('active');
    await stage.pass(1_000);
    expect([seen, batches]).toEqual([['1 AWAY', '3 AWAY'], 2]);
  });

  test('misses nothing over a lost connection, a new session or a server that was restarted', async () => {
    stage = await Stage.begin();
    const [one, two] = [await stage.tab(1), await stage.tab(2)];
    const me = await stage.tab('me');
    const seen = watch(me, [1, 2]);
    await stage.pass(200);
    seen.length = 0;
    await stage.cut(me);
    one.presence.activity('idle');
    await stage.pass(10_000);
    expect(seen.splice(0)).toEqual(['1 AWAY']);
    // Longer than the session waits.
    me.client.drop();
    for (const client of stage.server.users.get('me')?.clients ?? []) client.disconnect(4000);
    two.presence.activity('idle');
    await stage.pass(60_000);
    expect(seen.splice(0)).toEqual(['2 AWAY']);
    one.presence.activity('active');
    await stage.pass(200);
    expect(seen.splice(0)).toEqual(['1 ONLINE']);
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    await stage.server.start();
    await stage.pass(60_000);
    expect(me.presence.own?.status).toBe('ONLINE');
    // They come back in any order.
    const last = (id: string) => seen.filter((each) => each.startsWith(id)).at(-1);
    expect(['1', '2'].map(last)).toEqual(['1 ONLINE', '2 AWAY']);
  });

  test('does not see everybody go and come when the server is started anew, but who does not come back', async () => {
    stage = await Stage.begin({ graceMs: 30_000 });
    const [, two] = [await stage.tab(1), await stage.tab(2)];
    const me = await stage.tab('me');
    const seen = watch(me, [1, 2, 3]);
    await stage.pass(200);
    expect(seen.splice(0)).toEqual(['1 ONLINE', '2 ONLINE', '3 OFFLINE']);
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    await stage.crash(two);
    await stage.server.start();
    await stage.pass(25_000);
    expect(seen.filter((each) => each !== '1 ONLINE')).toEqual([]);
    await stage.pass(10_000);
    expect(seen.filter((each) => each !== '1 ONLINE')).toEqual(['2 OFFLINE']);
  });

  test('ends to watch whom nobody wants any more: nothing comes, and the server forgets', async () => {
    stage = await Stage.begin();
    const me = await stage.tab('me');
    const [first, second] = [me.presence.watch([1, 2]).subscribe(), me.presence.watch([2, 3]).subscribe()];
    await stage.settle();
    const tracked = () => stage.server.stats().plugins.presence?.users;
    expect(tracked()).toBe(4);
    first.unsubscribe();
    await stage.settle();
    expect(tracked()).toBe(3);
    second.unsubscribe();
    const again = watch(me, 2);
    await stage.settle();
    expect([tracked(), again]).toEqual([2, ['2 OFFLINE']]);
    await stage.close(me);
    await stage.pass(60_000);
    expect([tracked(), stage.server.stats().plugins.presence?.watchers]).toEqual([0, 0]);
  });

  test('is given what is, where nobody watched for a while', async () => {
    stage = await Stage.begin();
    const device = await stage.harness.connect(1);
    const [me, tab] = [await stage.tab('me'), await stage.tab(1)];
    const first = me.presence.watch(1).subscribe();
    await stage.settle();
    first.unsubscribe();
    await stage.close(tab);
    await stage.pass(200);
    device.raw('{"op":"activity","state":"idle"}');
    await stage.pass(1_000);
    const seen = watch(me, 1);
    await stage.settle();
    expect([seen, (await stage.tab(1)).presence.isActive()]).toEqual([['1 AWAY'], true]);
  });

  test('changes its mind at will, and is told of whom it watches then', async () => {
    let answer: (() => void) | undefined;
    stage = await Stage.begin({
      canWatch: async () => {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return true;
      },
    });
    const me = await stage.tab('me');
    const one = me.presence.watch(1).subscribe();
    await stage.settle();
    one.unsubscribe();
    const seen = watch(me, 2);
    for (let i = 0; i < 4; i++) {
      answer?.();
      await stage.settle();
    }
    await stage.tab(1);
    await stage.tab(2);
    await stage.pass(200);
    expect(seen).toEqual(['2 OFFLINE', '2 ONLINE']);
    expect(stage.server.stats().plugins.presence?.users).toBe(3);
  });
});

describe('who may not watch', () => {
  test('is told so: by default nobody may, but every client its own user', async () => {
    stage = await Stage.begin({ canWatch: undefined as never });
    const tab = await stage.tab('me');
    await stage.tab(1);
    const [others, own] = [watch(tab, [1, 2]), watch(tab, 'me')];
    await stage.settle();
    expect([others, own]).toEqual([['1 FORBIDDEN', '2 FORBIDDEN', 'end'], ['me ONLINE']]);
  });

  test('is told of those whom it may not, and goes on with the others', async () => {
    stage = await Stage.begin({ canWatch: ofFriends, server: { verifyClient } });
    const tab = await stage.tab('me', { token: '1,2' });
    const seen = watch(tab, [1, 3, 2]);
    await stage.settle();
    expect(seen).toEqual(['1 OFFLINE', '2 OFFLINE', '3 FORBIDDEN']);
    await stage.tab(1);
    await stage.tab(3);
    await stage.pass(200);
    expect(seen).toEqual(['1 OFFLINE', '2 OFFLINE', '3 FORBIDDEN', '1 ONLINE', '3 FORBIDDEN']);
  });

  test.each([
    ['with a new token', (tab: Tab) => tab.client.refresh('2')],
    [
      'while its connection is lost',
      async (tab: Tab) => {
        tab.client.drop();
        await tab.client.refresh('2');
      },
    ],
    [
      'because the application says so',
      async () => {
        friends.delete('1');
        await stage.server.recheckRights('me');
      },
    ],
  ])('any more, %s, is told, and that ends where nobody is left', async (_, lose) => {
    for (const id of ['1', '2']) friends.add(id);
    const canWatch = (request: WatchRequest) => ofFriends(request).filter((id) => friends.has(id));
    stage = await Stage.begin({ canWatch, server: { verifyClient } });
    const [one, tab] = [await stage.tab(1), await stage.tab('me', { token: '1,2' })];
    const [only, both] = [watch(tab, 1), watch(tab, [1, 2])];
    await stage.pass(200);
    for (const seen of [only, both]) seen.length = 0;
    await stage.finish(lose(tab));
    await stage.pass(5_000);
    expect([only, both]).toEqual([['1 FORBIDDEN', 'end'], ['1 FORBIDDEN']]);
    one.presence.activity('idle');
    await stage.tab(2);
    await stage.pass(1_000);
    expect([only, both]).toEqual([
      ['1 FORBIDDEN', 'end'],
      ['1 FORBIDDEN', '2 ONLINE', '1 FORBIDDEN'],
    ]);
  });

  test('yet may when it asks again', async () => {
    friends.delete('1');
    stage = await Stage.begin({ canWatch: ({ userIds }) => userIds.filter((id) => friends.has(id)) });
    const tab = await stage.tab('me');
    const before = watch(tab, 1);
    await stage.settle();
    friends.add('1');
    const after = watch(tab, 1);
    await stage.settle();
    expect([before, after]).toEqual([['1 FORBIDDEN', 'end'], ['1 OFFLINE']]);
  });

  test('because the application cannot say, asks again until it can', async () => {
    noErrors = false;
    let isBroken = true;
    stage = await Stage.begin({
      canWatch: () => {
        if (isBroken) throw new Error('the database is gone');
        return true;
      },
    });
    const tab = await stage.tab('me');
    const seen = watch(tab, 1);
    await stage.pass(5_000);
    expect(seen).toEqual([]);
    isBroken = false;
    await stage.pass(2_000);
    expect(seen).toEqual(['1 OFFLINE']);
    isBroken = true;
    await stage.finish(stage.server.recheckRights('me'));
    await stage.settle();
    expect(seen).toEqual(['1 OFFLINE', '1 FORBIDDEN', 'end']);
  });

  test('what was asked for before the right was lost is not given after', async () => {
    const answers: ((allowed: boolean) => void)[] = [];
    stage = await Stage.begin({ canWatch: () => new Promise<boolean>((resolve) => answers.push(resolve)) });
    const tab = await stage.tab('me');
    const seen = watch(tab, 1);
    await stage.settle();
    const rechecked = stage.server.recheckRights('me');
    await stage.settle();
    answers.shift()?.(true);
    await stage.settle();
    expect([seen, answers.length]).toEqual([[], 1]);
    answers.shift()?.(false);
    await stage.finish(rechecked);
    await stage.settle();
    expect(seen).toEqual(['1 FORBIDDEN', 'end']);
  });

  test('whose session ends while that is being found out leaves nothing behind', async () => {
    const answers: ((allowed: boolean) => void)[] = [];
    stage = await Stage.begin({ canWatch: () => new Promise<boolean>((resolve) => answers.push(resolve)) });
    const tab = await stage.tab('me');
    watch(tab, 1);
    await stage.settle();
    await stage.close(tab);
    await stage.pass(10_000);
    answers.shift()?.(true);
    await stage.settle();
    expect(stage.server.stats().plugins.presence).toMatchObject({ users: 0, watchers: 0 });
  });

  test('what is not known yet when the right is lost is not given', async () => {
    let give = () => {};
    const store = memoryStore();
    const slow = {
      ...store,
      load: async (ids: readonly string[]) => {
        if (ids.includes('1'))
          await new Promise<void>((resolve) => {
            give = resolve;
          });
        return store.load(ids);
      },
    };
    friends.add('1');
    stage = await Stage.begin({
      store: slow,
      canWatch: ({ userIds }) => userIds.filter((id) => friends.has(id)),
    });
    const tab = await stage.tab('me');
    const seen = watch(tab, 1);
    await stage.settle();
    friends.delete('1');
    await stage.finish(stage.server.recheckRights('me'));
    give();
    await stage.pass(2_000);
    expect(seen).toEqual(['1 FORBIDDEN', 'end']);
  });

  test('is told after a lost connection only what has changed since', async () => {
    stage = await Stage.begin();
    const tab = await stage.harness.connect('me');
    const ask = async (action: { type: string; [more: string]: unknown }) =>
      (await tab.expectReply(tab.call(action))) as Begun;
    await ask({ type: 'PRESENCE_BEGIN' });
    const { users } = await ask({ type: 'PRESENCE_WATCH', add: ['1', '2'] });
    const since = Math.max(...users.map(({ version }) => version));
    tab.cut();
    await stage.tab(1);
    await stage.pass(200);
    await tab.resume();
    const anew = await ask({ type: 'PRESENCE_BEGIN', since });
    expect(anew.users.map(({ userId, status }) => `${userId} ${status}`)).toEqual(['1 ONLINE']);
    expect((await ask({ type: 'PRESENCE_BEGIN' })).users).toHaveLength(2);
  });

  test('and may again, is not told after a lost connection that it may not', async () => {
    friends.add('1');
    stage = await Stage.begin({ canWatch: ({ userIds }) => userIds.filter((id) => friends.has(id)) });
    const tab = await stage.harness.connect('me');
    const ask = async (action: { type: string; [more: string]: unknown }) =>
      (await tab.expectReply(tab.call(action))) as Begun;
    const { version } = (await ask({ type: 'PRESENCE_BEGIN' })).own;
    await ask({ type: 'PRESENCE_WATCH', add: ['1'] });
    friends.delete('1');
    await stage.finish(stage.server.recheckRights('me'));
    const since = version + 100;
    expect((await ask({ type: 'PRESENCE_BEGIN', since })).refused).toEqual(['1']);
    friends.add('1');
    await ask({ type: 'PRESENCE_WATCH', add: ['1'] });
    expect((await ask({ type: 'PRESENCE_BEGIN', since })).refused).toEqual([]);
    friends.delete('1');
    await stage.finish(stage.server.recheckRights('me'));
    await ask({ type: 'PRESENCE_WATCH', remove: ['1'] });
    expect((await ask({ type: 'PRESENCE_BEGIN', since })).refused).toEqual([]);
  });

  test('is given those only whom it has asked for, and not itself', async () => {
    stage = await Stage.begin({ canWatch: () => ['1', 'secret', 'me'] });
    const tab = await stage.harness.connect('me');
    const asked = tab.call({ type: 'PRESENCE_WATCH', add: ['1', '2', 'me'] } as AnyAction);
    expect(await tab.expectReply(asked)).toMatchObject({ users: [{ userId: '1' }], refused: ['2'] });
    expect(stage.server.stats().plugins.presence?.users).toBe(2);
  });

  test('more than so many at a time is told that, and keeps those it has', async () => {
    stage = await Stage.begin({ maxWatched: 3 });
    const tab = await stage.tab('me');
    const [first, more] = [watch(tab, [1, 2]), [] as Seen];
    await stage.settle();
    more.push(...watch(tab, [3, 4]));
    const third = watch(tab, [3, 4]);
    await stage.settle();
    expect(third).toEqual(['3 TOO_MANY_WATCHED', '4 TOO_MANY_WATCHED', 'end']);
    const fits = watch(tab, 5);
    await stage.tab(1);
    await stage.pass(200);
    expect([first, fits]).toEqual([['1 OFFLINE', '2 OFFLINE', '1 ONLINE'], ['5 OFFLINE']]);
  });

  test.each([
    [{ type: 'PRESENCE_WATCH', add: '1' }],
    [{ type: 'PRESENCE_WATCH', add: [{}] }],
    [{ type: 'PRESENCE_WATCH', remove: [''] }],
    [{ type: 'PRESENCE_WATCH', add: Array.from({ length: 1_001 }, (_, i) => i) }],
    [{ type: 'PRESENCE_BEGIN', since: 'then' }],
    [{ type: 'PRESENCE_CHOOSE', choice: 'toString' }],
    [{ type: 'PRESENCE_CHOOSE' }],
  ])('what is malformed is refused: %j', async (action) => {
    stage = await Stage.begin();
    const { client } = await stage.tab('me');
    await expect(stage.finish(client.sendToServer(action))).rejects.toMatchObject({
      error: { code: 'INVALID_ACTION' },
    });
    expect(() => client.presence.watch([1, {} as never])).toThrow('not a user id');
  });

  test('what others pretend to be the server’s word is taken for nothing', async () => {
    stage = await Stage.begin({ server: { canSend: () => true } });
    const [me, rogue] = [await stage.tab('me'), await stage.tab('rogue')];
    const seen = watch(me, 1);
    await stage.settle();
    const users = [{ userId: '1', status: 'ONLINE', version: 9_999 }];
    await expect(
      stage.finish(rogue.client.sendToUser({ type: 'PRESENCE_CHANGED', users }, 'me')),
    ).rejects.toMatchObject({ error: { code: 'RESERVED_TYPE' } });
    expect(seen).toEqual(['1 OFFLINE']);
  });
});

const friends = new Set<string>();

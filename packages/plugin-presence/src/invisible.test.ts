import type { AnyAction } from '@callboard/protocol';
import type { MemoryClient } from '@callboard/testkit';
import { afterEach, describe, expect, test } from '@jest/globals';
import { shortOf } from '../test/channel-stage.ts';
import { Stage, type StageOptions, type Tab, watch } from '../test/stage.ts';
import { memoryStore } from './index.ts';

let stage: Stage;

type Options = StageOptions & { readonly canSubscribe?: () => boolean };
const begin = async ({ channels, canSubscribe = () => true, ...options }: Options = {}) => {
  const server = { channels: { 'room/+': { canSubscribe } } };
  stage = await Stage.begin({ ...options, channels: { 'room/+': {}, ...channels }, server });
};
afterEach(() => stage.end());

const room = ({ client }: Tab) => client.channel('room/1');
const presenceIn = ({ presence }: Tab) => presence.channel('room/1');
const enter = (tab: Tab) => room(tab).subscribe(() => {});
const members = () => shortOf(stage.server.presence.channel('room/1').members);
const choose = async (tab: Tab, choice: 'auto' | 'invisible') => {
  await stage.finish(tab.presence.set(choice));
};

/** Hears of the channel, in short. */
function hear(tab: Tab): string[] {
  const heard: string[] = [];
  presenceIn(tab).subscribe((event) => {
    if (event.type === 'snapshot') heard.push(`snapshot ${shortOf(event.members)}`.trim());
    else if ('member' in event) heard.push(`${event.type} ${shortOf([event.member])}`);
    else if (event.type === 'counts') heard.push(`counts ${event.counts.users} ${event.counts.clients}`);
  });
  return heard;
}

describe('who becomes invisible', () => {
  test('has left the channel a goodbye’s grace later, and joins when they are visible again, with what they say then', async () => {
    await begin();
    const [ann, bob, watcher] = [await stage.tab('ann'), await stage.tab('bob'), await stage.tab('w')];
    for (const tab of [ann, bob]) enter(tab);
    await stage.pass(200);
    const heard = hear(watcher);
    await stage.pass(200);
    expect(heard.splice(0)).toEqual(['snapshot ann bob']);
    await choose(ann, 'invisible');
    await stage.pass(4_500);
    expect([heard, members()]).toEqual([[], 'ann bob']);
    await stage.pass(1_000);
    expect([heard.splice(0), members()]).toEqual([['leave ann'], 'bob']);
    expect(stage.server.presence.channel('room/1').counts).toEqual({ users: 1, clients: 1, listed: true });
    await stage.finish(presenceIn(ann).update({ seat: 4 }));
    await stage.pass(60_000);
    expect([heard, members()]).toEqual([[], 'bob']);
    await choose(ann, 'auto');
    await stage.pass(200);
    expect(heard).toEqual(['join ann{"seat":4}']);
    // For those who ask now they came last, too.
    const ids = stage.server.presence.channel('room/1').members.map(({ userId }) => userId);
    expect(ids).toEqual(['bob', 'ann']);
  });

  test('and changes their mind within that was there all the time: what they did meanwhile is one update', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    enter(ann);
    await stage.finish(presenceIn(ann).update({ n: 1 }));
    const [heard, seen] = [hear(watcher), watch(watcher, 'ann')];
    await stage.pass(200);
    for (const each of [heard, seen]) each.length = 0;
    await choose(ann, 'invisible');
    await stage.pass(1_000);
    const late = hear(await stage.tab('late'));
    await stage.finish(presenceIn(ann).update({ n: 2 }));
    ann.presence.activity('idle');
    enter(await stage.tab('ann'));
    await stage.pass(2_000);
    expect([heard, seen, late]).toEqual([[], [], ['snapshot ann{"n":1}']]);
    await choose(ann, 'auto');
    await stage.pass(10_000);
    expect([heard, seen]).toEqual([['update ann+{"n":2}'], []]);
    // Nothing has changed since: there is nothing to be told.
    const batches = () => stage.server.stats().plugins.presence?.batches;
    const before = batches();
    await choose(ann, 'invisible');
    await stage.pass(1_000);
    await choose(ann, 'auto');
    await stage.pass(10_000);
    expect([heard.length, batches()]).toEqual([1, before]);
    // Each time takes its own.
    for (const choice of ['invisible', 'auto', 'invisible'] as const) {
      await choose(ann, choice);
      await stage.pass(2_000);
    }
    await stage.pass(2_500);
    expect([heard.length, members()]).toEqual([1, 'ann+{"n":2}']);
    await stage.pass(1_000);
    expect([heard[1], members()]).toEqual(['leave ann+{"n":2}', '']);
  });

  test('is not in their own list either, and sees that everybody else is', async () => {
    await begin();
    const [ann, bob] = [await stage.tab('ann'), await stage.tab('bob')];
    for (const tab of [ann, bob]) enter(tab);
    const heard = hear(ann);
    await choose(ann, 'invisible');
    await stage.pass(6_000);
    expect(heard).toEqual(['snapshot ann bob', 'leave ann']);
    expect([ann.client.getStatus(), ann.presence.own?.status, ann.presence.own?.choice]).toEqual([
      'ONLINE',
      'ONLINE',
      'invisible',
    ]);
  });

  test('does not count, where channels carry counts, or list no more than so many', async () => {
    await begin({ channels: { 'room/+': { maxListed: 1 } } });
    const [ann, bob, watcher] = [await stage.tab('ann'), await stage.tab('bob'), await stage.tab('w')];
    const heard = hear(watcher);
    for (const tab of [ann, bob]) enter(tab);
    await stage.pass(2_000);
    expect(heard.splice(0)).toEqual(['snapshot ann bob', 'counts 2 2']);
    for (const tab of [ann, bob]) await choose(tab, 'invisible');
    await stage.pass(10_000);
    expect(heard.at(-1)).toBe('snapshot');
    await choose(bob, 'auto');
    await stage.pass(1_000);
    expect(heard.at(-1)).toBe('join bob');
  });

  test('enters, leaves, closes and comes back unseen, and leaves nothing behind', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    const leave = enter(ann);
    const heard = hear(watcher);
    await stage.pass(200);
    await choose(ann, 'invisible');
    leave();
    await stage.pass(1_000);
    expect(heard).toEqual(['snapshot ann']);
    await stage.pass(5_000);
    expect(heard.splice(0)).toEqual(['snapshot ann', 'leave ann']);
    const stats = () => stage.server.stats().plugins.presence;
    expect(stats()).toMatchObject({ members: 0 });
    const back = enter(ann);
    await stage.pass(200);
    await stage.cut(ann);
    await stage.pass(90_000);
    back();
    await stage.pass(200);
    enter(ann);
    await stage.close(ann);
    await stage.pass(1_000);
    const again = await stage.tab('ann');
    enter(again);
    await stage.pass(90_000);
    await choose(again, 'auto');
    await stage.pass(200);
    expect(heard).toEqual(['join ann']);
    await choose(again, 'invisible');
    await stage.close(again);
    await stage.close(watcher);
    await stage.pass(90_000);
    expect(stats()).toMatchObject({ users: 0, channels: 0, members: 0 });
  });

  test('and leaves by hand within that, and comes back, is there with what they say then', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    const leave = enter(ann);
    await stage.finish(presenceIn(ann).update({ n: 1 }));
    const heard = hear(watcher);
    await stage.pass(200);
    await choose(ann, 'invisible');
    leave();
    await stage.settle();
    const said = presenceIn(ann).update({ n: 2 });
    await stage.finish(said);
    enter(ann);
    await stage.settle();
    await choose(ann, 'auto');
    await stage.pass(200);
    expect(heard).toEqual(['snapshot ann{"n":1}', 'update ann{"n":2}']);
  });

  test('closes one of two tabs and is visible again at once: the one that is closed was never seen', async () => {
    await begin();
    const [ann, two, watcher] = [await stage.tab('ann'), await stage.tab('ann'), await stage.tab('w')];
    for (const tab of [ann, two]) enter(tab);
    await choose(ann, 'invisible');
    await stage.pass(6_000);
    const heard = hear(watcher);
    await stage.close(two);
    await choose(ann, 'auto');
    await stage.pass(60_000);
    expect(heard).toEqual(['snapshot', 'join ann']);
  });

  test('loses the right while the connection is lost, and has it again, is there when they are visible', async () => {
    const rights = { isOpen: true };
    await begin({ canSubscribe: () => rights.isOpen });
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    enter(ann);
    await choose(ann, 'invisible');
    await stage.pass(6_000);
    const heard = hear(watcher);
    await stage.pass(200);
    ann.client.drop();
    await stage.settle();
    rights.isOpen = false;
    await stage.finish(stage.server.recheckRights('ann'));
    rights.isOpen = true;
    await stage.pass(5_000);
    enter(ann);
    await choose(ann, 'auto');
    await stage.pass(60_000);
    expect([heard, members()]).toEqual([['snapshot', 'join ann'], 'ann']);
  });

  test.each([true, false])(
    'and is lost is gone at the same time, whatever the graces are; watched: %s',
    async (isWatched) => {
      await begin({ graceMs: 1_000, graceAfterCloseMs: 5_000 });
      const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
      enter(ann);
      const [heard, seen] = [hear(watcher), isWatched ? watch(watcher, 'ann') : []];
      await stage.pass(200);
      await choose(ann, 'invisible');
      await stage.crash(ann);
      for (const client of stage.server.users.get('ann')?.clients ?? []) client.disconnect();
      await stage.pass(4_500);
      expect([heard, seen]).toEqual([['snapshot ann'], isWatched ? ['ann ONLINE'] : []]);
      await stage.pass(1_000);
      expect([heard.at(-1), seen.at(-1)]).toEqual(['leave ann', isWatched ? 'ann OFFLINE' : undefined]);
    },
  );

  test('and is visible again was there from then on, for others', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    const seen: unknown[] = [];
    watcher.presence.watch('ann', ({ users }) => {
      const { onlineSinceTs, awaySinceTs } = users.get('ann') ?? {};
      seen.push(awaySinceTs ?? onlineSinceTs);
    });
    await choose(ann, 'invisible');
    await stage.pass(600_000);
    const then = stage.clock.now();
    await choose(ann, 'auto');
    await stage.pass(200);
    expect(seen.at(-1)).toBe(then);
    await choose(ann, 'invisible');
    ann.presence.activity('idle');
    await stage.pass(60_000);
    const later = stage.clock.now();
    await choose(ann, 'auto');
    await stage.pass(200);
    expect(seen.at(-1)).toBe(later);
    ann.presence.activity('active');
    await stage.pass(200);
    expect(seen.at(-1)).toBe(later);
    expect(ann.presence.own?.onlineSinceTs).toBeLessThan(then - 500_000);
    await choose(ann, 'invisible');
    await stage.pass(1_000);
    await choose(ann, 'auto');
    await stage.pass(1_000);
    expect(seen.at(-1)).toBe(later);
    await stage.close(ann);
    await stage.pass(60_000);
    // A clock may be put back.
    stage.clock.setByMs = -3_600_000;
    await stage.tab('ann');
    await stage.pass(200);
    expect(seen.at(-1)).toBeLessThan(then - 3_000_000);
  });
});

test('who has chosen so before is in no channel for a moment, however long the store takes to say so', async () => {
  const store = memoryStore();
  await store.save([{ userId: 'ann', lastOnlineTs: 1, lastSeenTs: 1, choice: 'invisible' }]);
  const waiting: (() => void)[] = [];
  const load = async (ids: readonly string[]) => {
    if (ids.includes('ann') || ids.includes('bob'))
      await new Promise<void>((resolve) => waiting.push(resolve));
    return store.load(ids);
  };
  await begin({ store: { ...store, load } });
  const heard = hear(await stage.tab('w'));
  await stage.pass(200);
  for (const id of ['ann', 'bob']) enter(stage.open(id));
  await stage.pass(2_000);
  expect([heard, members()]).toEqual([['snapshot'], '']);
  waiting.shift()?.();
  await stage.pass(200);
  waiting.shift()?.();
  await stage.pass(200);
  expect([heard, members()]).toEqual([['snapshot', 'join bob'], 'bob']);
});

describe('nothing that is sent or is not tells who is invisible from who is gone:', () => {
  const call = (client: MemoryClient, action: AnyAction) => client.expectReply(client.call(action));
  const passes = (ms: number) => new Promise<void>((done) => void stage.clock.setTimeout(done, ms));

  /** Whatever watchers are sent while somebody goes, and when. */
  async function told(goes: (person: MemoryClient) => void, after: (person: MemoryClient) => Promise<void>) {
    await begin();
    const { clock, harness } = stage;
    const start = clock.now();
    const arrives = async (userId: string, knows: readonly string[]) => {
      const client = await harness.connect(userId);
      await call(client, { type: 'PRESENCE_BEGIN' });
      await call(client, { type: 'PRESENCE_WATCH', add: knows });
      return client;
    };
    const follows = async (watcher: MemoryClient) => {
      await watcher.join('presence/room/1');
      await call(watcher, { type: 'PRESENCE_MEMBERS', channel: 'room/1' });
    };
    const [person, other, watcher] = [
      await arrives('p', []),
      await arrives('o', []),
      await arrives('w', ['p', 'o']),
    ];
    await follows(watcher);
    for (const each of [person, other]) await each.join('room/1');
    await call(person, { type: 'PRESENCE_META', channel: 'room/1', meta: { n: 1 } });
    await stage.pass(1_030);
    const names = new Map([
      [person.clientId, 'P'],
      [other.clientId, 'O'],
    ]);
    const transcript: string[] = [];
    const noting = (from: MemoryClient) => {
      let noted = from.frames.length;
      return () => {
        for (const frame of from.frames.slice(noted)) {
          const text = JSON.stringify(frame).replace(/"(epoch|run)":"[^"]*"/g, '');
          const named = [...names].reduce((all, [id, name]) => all.replaceAll(id, name), text);
          transcript.push(`${clock.now() - start} ${named}`);
        }
        noted = from.frames.length;
      };
    };
    const notes = [noting(watcher)];
    goes(person);
    const doings = after(person);
    // The other one talks on, so that there are batches.
    for (let step = 0; step < 400; step++) {
      if (step % 37 === 0) {
        other.call({ type: 'PRESENCE_META', channel: 'room/1', meta: { step } } as AnyAction);
        other.raw(JSON.stringify({ op: 'activity', state: step % 2 === 0 ? 'idle' : 'active' }));
      }
      await stage.pass(50);
      for (const note of notes) note();
      if (step !== 300) continue;
      const late = await arrives('late', ['o']);
      notes.push(noting(late));
      await call(late, { type: 'PRESENCE_WATCH', add: ['p'] });
      await follows(late);
    }
    await doings;
    await stage.end();
    return transcript;
  }

  const closes = () =>
    told(
      (person) => person.close(),
      async () => {},
    );

  test.each<[string, (person: MemoryClient) => Promise<void>]>([
    ['who does nothing', async () => {}],
    [
      'who is busy at once',
      async (person) => {
        await passes(10);
        person.raw(JSON.stringify({ op: 'activity', state: 'idle' }));
        person.call({ type: 'PRESENCE_META', channel: 'room/1', meta: { n: 2 } } as AnyAction);
        person.raw(JSON.stringify({ op: 'activity', state: 'active' }));
        const second = await stage.harness.connect('p');
        await second.join('room/1');
        await person.leave('room/1');
        await person.join('room/1');
      },
    ],
    [
      'who is busy later, and goes',
      async (person) => {
        await passes(7_000);
        person.raw(JSON.stringify({ op: 'activity', state: 'idle' }));
        person.call({ type: 'PRESENCE_META', channel: 'room/1', meta: { n: 2 } } as AnyAction);
        await passes(3_000);
        const second = await stage.harness.connect('p');
        await second.join('room/1');
        await passes(1_000);
        person.close();
        second.cut();
      },
    ],
  ])('%s', async (_, after) => {
    const invisibly = await told(
      (person) => person.call({ type: 'PRESENCE_CHOOSE', choice: 'invisible' } as AnyAction),
      after,
    );
    const gone = await closes();
    expect(invisibly).toEqual(gone);
    expect(gone.filter((each) => /"OFFLINE"/.test(each)).length).toBeGreaterThan(1);
    expect(gone.filter((each) => /"gone"/.test(each))).toHaveLength(1);
  });
});

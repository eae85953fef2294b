import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ChannelStage, heardIn, type StageOptions, shortOf, type Tab } from '../../test/channel-stage.ts';

let stage: ChannelStage;
const begin = async (options: StageOptions = {}) => {
  stage = await ChannelStage.with(options);
};
afterEach(() => stage.end());

const enter = ({ client }: Tab, name = 'room/1') => client.channel(name).subscribe(() => {});
const says = ({ client }: Tab, meta: object, name = 'room/1') =>
  stage.finish(client.channel(name).presence.update(meta as Record<string, unknown>));
/** Who is there? */
function questions(): unknown[] {
  const asked: unknown[] = [];
  stage.house.server.actions$.subscribe(
    ({ action }) => action.type === 'PRESENCE_MEMBERS' && asked.push(action),
  );
  return asked;
}
const codeOf = (work: Promise<unknown>) =>
  stage.finish(
    work.then(
      () => 'none',
      (error) => error.code,
    ),
  );

describe('who may see who is in a channel', () => {
  test('is who may subscribe to it; in a channel without presence nobody is anywhere', async () => {
    await begin({
      channels: {
        'team/+': { canSubscribe: ({ user, channel }) => channel === `team/${user.id}` },
        'plain/+': { canSubscribe: () => true },
      },
      presenceIn: { 'team/+': {}, 'unruled/+': {} },
    });
    const ann = await stage.tab('ann');
    enter(ann, 'team/ann');
    enter(ann, 'plain/1');
    await stage.pass(200);
    expect(shortOf(await stage.finish(ann.client.channel('team/ann').presence.members()))).toBe('ann');
    for (const name of ['team/bob', 'plain/1', 'unruled/1', 'team/+', 'presence/team/ann']) {
      const heard = heardIn(ann, name);
      expect([name, await codeOf(ann.client.channel(name).presence.members())]).toEqual([name, 'FORBIDDEN']);
      expect(heard.take()).toEqual(['refused FORBIDDEN']);
    }
    expect(stage.house.server.presence.channel('plain/1').members).toEqual([]);
    expect(await codeOf(ann.client.channel('plain/1').presence.update({}))).toBe('FORBIDDEN');
  });

  test('may be closed by the policy, also to those who are in it', async () => {
    await begin({ presenceIn: { 'room/+': { canWatch: async ({ user }) => user.id === 'host' } } });
    const [ann, host] = [await stage.tab('ann'), await stage.tab('host')];
    enter(ann);
    await stage.pass(200);
    expect(await codeOf(ann.client.channel('room/1').presence.members())).toBe('FORBIDDEN');
    expect(shortOf(await stage.finish(host.client.channel('room/1').presence.members()))).toBe('ann');
  });

  test('is asked anew when rights change: who has lost it knows nobody, and is not in the channel either', async () => {
    const barred = new Set<string>();
    await begin({ channels: { 'room/+': { canSubscribe: ({ user }) => !barred.has(user.id) } } });
    const [ann, bob] = [await stage.tab('ann'), await stage.tab('bob')];
    const heard = [ann, bob].map((tab) => heardIn(tab, 'room/1'));
    enter(ann);
    enter(bob);
    await stage.pass(200);
    barred.add('bob');
    await stage.finish(stage.house.server.recheckRights('bob'));
    enter(ann, 'room/2');
    await says(ann, { at: 'the door' });
    await stage.pass(200);
    expect(heard.map(({ take }) => take())).toEqual([
      ['snapshot', 'join ann', 'join bob', 'leave bob', 'update ann{"at":"the door"}'],
      ['snapshot', 'join ann', 'join bob', 'refused FORBIDDEN'],
    ]);
    expect(heard[1]?.members).toBe('');
  });

  test('goes on for whom nobody could say it about, and who missed something', async () => {
    let answer: (user: string) => boolean = () => true;
    await begin({ channels: { 'room/+': { canSubscribe: ({ user }) => answer(user.id) } } });
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    const heard = heardIn(watcher, 'room/1');
    await stage.pass(200);
    answer = (user) => {
      if (user === 'w') throw new Error('the database is away');
      return true;
    };
    await stage.finish(stage.house.server.recheckRights('w'));
    enter(ann);
    await stage.pass(300);
    answer = () => true;
    await stage.pass(5_000);
    expect(heard.take()).toEqual(['snapshot', 'join ann']);
  });

  test('nobody asks who has not subscribed, and nobody says what is not well formed', async () => {
    await begin();
    const { client } = await stage.tab('ann');
    const asked = (action: object) => codeOf(client.sendToServer(action as { type: string }));
    expect(await asked({ type: 'PRESENCE_MEMBERS', channel: 'room/1' })).toBe('NOT_WATCHING');
    for (const bad of [{}, { channel: 'room/+' }, { channel: 'room/1', after: -1 }])
      expect(await asked({ type: 'PRESENCE_MEMBERS', ...bad })).toBe('INVALID_ACTION');
    expect(await asked({ type: 'PRESENCE_META', channel: 4, meta: {} })).toBe('INVALID_ACTION');
    expect(await codeOf(client.channel('presence/room/1').publish({ seq: 9 }))).toBe('FORBIDDEN');
  });
});

describe('what a client says', () => {
  test('is an object of at most so many bytes, else it is refused with a code and nothing changes', async () => {
    await begin({ presenceIn: { 'room/+': { maxMetaBytes: 20 } } });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    await says(ann, { ok: true });
    await stage.pass(200);
    const { presence } = ann.client.channel('room/1');
    expect(await codeOf(presence.update({ name: 'éééééé' }))).toBe('META_TOO_LARGE');
    for (const bad of ['text', 4, ['list'], true])
      expect(await codeOf(presence.update(bad as never))).toBe('INVALID_META');
    await says(ann, { name: 'éééé' });
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot', 'join ann{"ok":true}', 'update ann{"name":"éééé"}']);
    // What was refused is not said again.
    expect(await codeOf(presence.update({ name: 'éééééé' }))).toBe('META_TOO_LARGE');
    await stage.restart();
    await stage.pass(60_000);
    expect(heard.members).toBe('ann{"name":"éééé"}');
  });

  test('satisfies the schema of the policy, and is seen as that makes it', async () => {
    const meta = z.object({ seat: z.number().min(1), note: z.string().default('-') });
    await begin({ presenceIn: { 'room/+': { meta } } });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    const { presence } = ann.client.channel('room/1');
    const refused = presence.update({ seat: 0 }).catch(({ code, error }) => [code, error.message]);
    expect(await stage.finish(refused)).toEqual(['INVALID_META', expect.stringMatching(/^seat: /)]);
    await says(ann, { seat: 4 });
    await stage.pass(200);
    expect(heard.members).toBe('ann{"seat":4,"note":"-"}');
  });
});

describe('a channel with many members', () => {
  const people = (count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const tab = await stage.tab(`u${i}`);
        return { tab, leave: enter(tab) };
      }),
    );

  test('carries counts alone above its limit, and lists them again below', async () => {
    await begin({ presenceIn: { 'room/+': { maxListed: 10 } } });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const all = await people(10);
    await stage.pass(2_000);
    expect(heard.members.split(' ')).toHaveLength(10);
    heard.take();
    const [eleventh] = await people(1);
    await stage.pass(2_000);
    expect([heard.take(), heard.members]).toEqual([['counts 10 11'], '']);
    expect(await stage.finish(heardLate().members())).toEqual([]);
    eleventh?.leave();
    await stage.pass(2_000);
    // Around the limit it does not go to and fro.
    expect(heard.take()).toEqual(['counts 10 10']);
    all[0]?.leave();
    await stage.pass(5_000);
    expect(heard.take()).toEqual(['snapshot u1 u2 u3 u4 u5 u6 u7 u8 u9']);
    all[1]?.leave();
    await stage.pass(200);
    expect(heard.take()).toEqual(['leave u1']);
  });
  const heardLate = () => stage.open('late').client.channel('room/1').presence;

  test('tells counts at most once a second, and nobody who is there, where the policy says so', async () => {
    await begin({ presenceIn: { 'room/+': { countsOnly: true } } });
    const watcher = await stage.tab('w');
    const heard = heardIn(watcher, 'room/1');
    const counts: object[] = [];
    watcher.client.channel('room/1').presence.counts$.subscribe((each) => counts.push(each));
    await stage.pass(2_000);
    for (let i = 0; i < 20; i++) {
      enter(await stage.tab(`u${i}`));
      await stage.pass(100);
    }
    await stage.pass(2_000);
    expect(heard.take().length).toBeLessThan(6);
    expect(counts.at(-1)).toEqual({ users: 20, clients: 20, listed: false });
    expect(stage.house.server.presence.channel('room/1').members).toHaveLength(20);
  });

  test('is told page by page', async () => {
    await begin({ presenceIn: { 'room/+': { maxMetaBytes: 20_000 } } });
    const all = await people(9);
    for (const { tab } of all) await says(tab, { text: 'x'.repeat(10_000) });
    const watcher = await stage.tab('w');
    const heard = heardIn(watcher, 'room/1');
    const asked = questions();
    await stage.pass(1_000);
    expect(heard.members.split(' ')).toHaveLength(9);
    // Three on a page.
    expect(asked).toHaveLength(3);
  });
});

describe('a watcher', () => {
  test('that comes later, or again, is told what is', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    enter(ann);
    const first = heardIn(watcher, 'room/1');
    await stage.pass(200);
    const second = heardIn(watcher, 'room/1');
    expect(second.take()).toEqual(['snapshot ann']);
    first.off();
    second.off();
    await stage.pass(200);
    expect(stage.house.server.channel('presence/room/1').subscribers.size).toBe(0);
    await says(ann, { n: 1 });
    const third = heardIn(watcher, 'room/1');
    await stage.pass(200);
    expect(third.take()).toEqual(['snapshot ann{"n":1}']);
  });

  test('that was away recovers what it missed, and is told the difference where that is too much', async () => {
    await begin({ graceMs: 1_000 });
    const [ann, bob, watcher] = [await stage.tab('ann'), await stage.tab('bob'), await stage.tab('w')];
    const heard = heardIn(watcher, 'room/1');
    enter(ann);
    const leave = enter(bob);
    await stage.pass(200);
    heard.take();
    const asked = questions();
    stage.lose(watcher);
    await says(ann, { n: 1 });
    await says(ann, { n: 2 });
    await stage.pass(500);
    stage.find(watcher);
    await stage.pass(500);
    expect(heard.take()).toEqual(['update ann{"n":1}', 'update ann{"n":2}']);
    expect(asked).toEqual([]);
    stage.lose(watcher);
    for (let n = 0; n < 300; n++) {
      await says(ann, { n });
      await stage.pass(100);
    }
    leave();
    await stage.pass(500);
    stage.find(watcher);
    await stage.pass(500);
    expect(heard.take().sort()).toEqual(['leave bob', 'update ann{"n":299}']);
  });

  test('sees nobody go and come when the server is started anew, but those who do not come back', async () => {
    await begin();
    const [ann, bob, watcher] = [await stage.tab('ann'), await stage.tab('bob'), await stage.tab('w')];
    const heard = heardIn(watcher, 'room/1');
    for (const tab of [ann, bob]) {
      enter(tab);
      await says(tab, { seat: 1 });
    }
    await stage.pass(200);
    heard.take();
    for (const tab of [ann, bob]) tab.cut = true;
    await stage.restart();
    await stage.pass(5_000);
    expect(heard.members).toBe('ann{"seat":1} bob{"seat":1}');
    stage.find(ann);
    await stage.pass(20_000);
    expect(heard.take()).toEqual(['update ann{"seat":1}']);
    await stage.pass(10_000);
    expect(heard.take()).toEqual(['leave bob{"seat":1}']);
  });

  test('whose callback throws harms no other', async () => {
    await begin();
    const [ann, watcher] = [await stage.tab('ann'), await stage.tab('w')];
    const told: string[] = [];
    const { presence } = watcher.client.channel('room/1');
    presence.subscribe(() => {
      throw new Error('broken');
    });
    const off = presence.subscribe(({ type }) => told.push(type));
    await stage.pass(200);
    enter(ann);
    await stage.pass(200);
    off();
    await says(ann, { n: 1 });
    await stage.pass(200);
    expect(told).toEqual(['snapshot', 'join']);
    expect(stage.logs.filter(({ message }) => message === 'a callback for presence failed')).toHaveLength(3);
  });

  test('of a client that is closed is told no more, and waits in vain for nobody', async () => {
    await begin();
    const before = stage.clock.pendingTimers;
    const tab = stage.open('ann');
    const { presence } = tab.client.channel('room/1');
    let ended = false;
    presence.events$.subscribe({
      complete: () => {
        ended = true;
      },
    });
    const members = codeOf(presence.members());
    await stage.close(tab);
    expect([ended, await members]).toEqual([true, 1000]);
    await stage.pass(60_000);
    expect(stage.clock.pendingTimers).toBe(before);
  });

  test('is refused where the server cannot answer, and is told again by another one that can', async () => {
    await begin({ channels: { 'open/#': { canSubscribe: () => true } }, presenceIn: { 'open/+': {} } });
    const watcher = await stage.tab('w');
    const send = watcher.client.sendToServer.bind(watcher.client);
    let isBroken = true;
    watcher.client.sendToServer = ((action: { type: string }, options?: object) =>
      send(isBroken && action.type === 'PRESENCE_MEMBERS' ? { type: 'NOBODY' } : action, options)) as never;
    const heard = heardIn(watcher, 'open/1');
    await stage.pass(2_000);
    expect(heard.take()).toEqual(['refused NO_HANDLER']);
    isBroken = false;
    enter(await stage.tab('ann'), 'open/1');
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot ann']);
  });
});

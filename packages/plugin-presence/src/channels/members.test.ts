import { afterEach, describe, expect, test } from '@jest/globals';
import { ChannelStage, heardIn, type StageOptions, shortOf, type Tab } from '../../test/channel-stage.ts';

let stage: ChannelStage;
const begin = async (options: StageOptions = {}) => {
  stage = await ChannelStage.with(options);
};
afterEach(() => stage.end());

/** Enters the channel. */
const enter = ({ client }: Tab, name = 'room/1') => client.channel(name).subscribe(() => {});
const inRoom = (name = 'room/1') => shortOf(stage.house.server.presence.channel(name).members);

describe('who is in a channel', () => {
  test('is whoever has subscribed to it: a snapshot, then joins, updates and leaves', async () => {
    await begin();
    const [ann, bob, watcher] = [await stage.tab('ann'), await stage.tab('bob'), await stage.tab('w')];
    enter(ann);
    await stage.pass(200);
    const heard = heardIn(watcher, 'room/1');
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot ann']);
    const leave = enter(bob);
    await stage.pass(200);
    expect(heard.take()).toEqual(['join bob']);
    await stage.finish(bob.client.channel('room/1').presence.update({ typing: true }));
    await stage.pass(200);
    expect(heard.take()).toEqual(['update bob{"typing":true}']);
    expect([heard.members, inRoom()]).toEqual(['ann bob{"typing":true}', 'ann bob{"typing":true}']);
    leave();
    await stage.pass(200);
    expect(heard.take()).toEqual(['leave bob{"typing":true}']);
    expect(stage.house.server.presence.channel('room/1').counts).toEqual({
      users: 1,
      clients: 1,
      listed: true,
    });
  });

  test('a user is one member, however many clients they have there', async () => {
    await begin();
    const watcher = await stage.tab('w');
    const heard = heardIn(watcher, 'room/1');
    const tabs = [await stage.tab('ann'), await stage.tab('ann')] as const;
    const [first, second] = tabs.map((tab) => enter(tab));
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot', 'join ann+']);
    await stage.finish(tabs[1].client.channel('room/1').presence.update({ n: 2 }));
    await stage.pass(200);
    expect(heard.take()).toEqual(['update ann+{"n":2}']);
    first?.();
    await stage.pass(200);
    expect(heard.take()).toEqual(['update ann{"n":2}']);
    second?.();
    await stage.pass(200);
    expect(heard.take()).toEqual(['leave ann{"n":2}']);
  });

  test('what is said ahead of coming comes with the join', async () => {
    await begin();
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = stage.open('ann');
    void ann.client.channel('room/1').presence.update({ name: 'Ann' });
    enter(ann);
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot', 'join ann{"name":"Ann"}']);
  });

  test('what is said ahead is said once, and of eight channels', async () => {
    await begin();
    const ann = await stage.tab('ann');
    const names = Array.from({ length: 9 }, (_, i) => `room/${i}`);
    for (const name of names) await stage.finish(ann.client.channel(name).presence.update({ in: name }));
    const leaves = names.map((name) => enter(ann, name));
    await stage.pass(200);
    expect([inRoom('room/0'), inRoom('room/1'), inRoom('room/8')]).toEqual([
      'ann',
      'ann{"in":"room/1"}',
      'ann{"in":"room/8"}',
    ]);
    for (const leave of leaves) leave();
    await stage.pass(200);
    enter(ann, 'room/8');
    await stage.pass(200);
    expect(inRoom('room/8')).toBe('ann');
  });

  test('is forgotten where nobody is in it, and nobody watches any more', async () => {
    await begin();
    const watcher = await stage.tab('w');
    const heard = heardIn(watcher, 'room/1');
    const channels = () => stage.house.server.stats().plugins.presence?.channels;
    await stage.pass(200);
    expect(channels()).toBe(1);
    heard.off();
    await stage.pass(200);
    expect(channels()).toBe(0);
  });

  test('who leaves and comes back says nothing of itself', async () => {
    await begin();
    const ann = await stage.tab('ann');
    const leave = enter(ann);
    await stage.finish(ann.client.channel('room/1').presence.update({ typing: true }));
    leave();
    await stage.pass(200);
    enter(ann);
    await stage.pass(200);
    expect(inRoom()).toBe('ann');
    stage.lose(ann);
    await stage.pass(100_000);
    stage.find(ann);
    await stage.pass(1_000);
    expect(inRoom()).toBe('ann');
  });

  test('where only those are in it who say something, entering and leaving is said', async () => {
    await begin({ presenceIn: { 'room/+': { members: 'entered' } } });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    const { presence } = ann.client.channel('room/1');
    await stage.finish(presence.update({ seat: 4 }));
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot']);
    const leave = enter(ann);
    await stage.pass(200);
    expect(heard.take()).toEqual(['join ann{"seat":4}']);
    await stage.finish(presence.leave());
    await stage.pass(200);
    expect(heard.take()).toEqual(['leave ann{"seat":4}']);
    await stage.finish(presence.update({ seat: 5 }));
    await stage.pass(200);
    leave();
    await stage.pass(200);
    expect(heard.take()).toEqual(['join ann{"seat":5}', 'leave ann{"seat":5}']);
  });

  test('what comes to nothing within a batch is not told', async () => {
    await begin();
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const [ann, bob] = [await stage.tab('ann'), await stage.tab('bob')];
    const batches = () => stage.house.server.stats().plugins.presence?.batches;
    enter(ann);
    await stage.pass(150);
    const before = batches();
    const leave = enter(bob);
    await stage.quiet();
    leave();
    await stage.pass(200);
    expect(heard.take()).toEqual(['snapshot', 'join ann']);
    expect(batches()).toBe(before);
  });
});

describe('nobody flickers', () => {
  /** Somebody who has a seat, and no connection any more. */
  const lost = async (graceMs: number) => {
    await begin({ graceMs });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    await stage.finish(ann.client.channel('room/1').presence.update({ seat: 1 }));
    await stage.pass(200);
    heard.take();
    stage.lose(ann);
    return { ann, heard };
  };

  test('who loads the page anew: one update, no leave and no join', async () => {
    await begin();
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    await stage.finish(ann.client.channel('room/1').presence.update({ at: 'page' }));
    await stage.pass(200);
    heard.take();
    await stage.close(ann);
    await stage.pass(3_000);
    expect([heard.take(), inRoom()]).toEqual([[], 'ann{"at":"page"}']);
    enter(await stage.tab('ann'));
    await stage.pass(60_000);
    expect([heard.take(), inRoom()]).toEqual([['update ann'], 'ann']);
  });

  test('who closes the page has left after the shorter grace', async () => {
    await begin({ graceAfterCloseMs: 2_000 });
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    await stage.pass(200);
    await stage.close(ann);
    await stage.pass(1_800);
    expect(heard.take()).toEqual(['snapshot', 'join ann']);
    await stage.pass(600);
    expect(heard.take()).toEqual(['leave ann']);
  });

  test('whose connection is lost and comes back within the grace', async () => {
    await begin();
    const heard = heardIn(await stage.tab('w'), 'room/1');
    const ann = await stage.tab('ann');
    enter(ann);
    await stage.pass(200);
    heard.take();
    stage.lose(ann);
    await stage.pass(29_000);
    stage.find(ann);
    await stage.pass(100_000);
    expect([heard.take(), inRoom()]).toEqual([[], 'ann']);
  });

  test('who is gone without a word has left after the grace, and joins when the session is resumed yet', async () => {
    const { ann, heard } = await lost(10_000);
    await stage.pass(9_800);
    expect(heard.take()).toEqual([]);
    await stage.pass(600);
    expect(heard.take()).toEqual(['leave ann{"seat":1}']);
    stage.find(ann);
    await stage.pass(1_000);
    expect(heard.take()).toEqual(['join ann{"seat":1}']);
  });

  test('who comes in a new session, after the old one is over', async () => {
    const { ann, heard } = await lost(90_000);
    await stage.pass(80_000);
    stage.find(ann);
    await stage.pass(30_000);
    expect(heard.take()).toEqual(['update ann{"seat":1}+{"seat":1}', 'update ann{"seat":1}']);
    expect(inRoom()).toBe('ann{"seat":1}');
  });
});

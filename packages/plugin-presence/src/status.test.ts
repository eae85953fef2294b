import type { AnyAction } from '@callboard/protocol';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Seen, Stage, type Tab, watch } from '../test/stage.ts';

let stage: Stage;
let friend: Tab;
let seen: Seen;

const begin = async (options = {}) => {
  stage = await Stage.begin(options);
  friend = await stage.tab('friend');
};
/** Somebody who is online, and whom a friend watches. */
const watched = async (options = {}) => {
  await begin(options);
  const tab = await stage.tab(1);
  seen = watch(friend, 1);
  await stage.pass(200);
  expect(seen).toEqual(['1 ONLINE']);
  seen.length = 0;
  return tab;
};

/** Ends the sessions that wait. */
const endLost = () => {
  for (const client of stage.server.users.get('1')?.clients ?? []) if (!client.online) client.disconnect();
};

afterEach(async () => {
  const { errors } = stage.harness;
  await stage.end();
  expect(errors).toEqual([]);
});

describe('a user', () => {
  test('is ONLINE with a client, and OFFLINE a while after the last one was lost', async () => {
    await begin({ graceMs: 30_000 });
    seen = watch(friend, 1);
    await stage.settle();
    expect(seen).toEqual(['1 OFFLINE']);
    const tab = await stage.tab(1);
    await stage.pass(200);
    await stage.crash(tab);
    await stage.pass(29_500);
    expect([seen, stage.status(1)]).toEqual([['1 OFFLINE', '1 ONLINE'], 'ONLINE']);
    await stage.pass(1_000);
    expect([seen.at(-1), stage.status(1)]).toEqual(['1 OFFLINE', 'OFFLINE']);
  });

  test('who reloads the page does not flicker: nobody is told anything', async () => {
    const tab = await watched();
    const events: string[] = [];
    stage.server.events$.subscribe(({ type }) => events.push(type));
    for (let i = 0; i < 3; i++) {
      await stage.close(stage.tabs.find(({ client }) => client.userId === '1') ?? tab);
      await stage.pass(2_000);
      await stage.tab(1);
      await stage.pass(2_000);
    }
    expect(seen).toEqual([]);
    expect(new Set(events)).toEqual(new Set(['CLIENT_GONE', 'CLIENT_ONLINE']));
    expect(stage.server.stats().users).toBe(2);
  });

  test('who closes the last of three tabs is OFFLINE once, after the shorter grace', async () => {
    const tabs = [await watched(), await stage.tab(1), await stage.tab(1)];
    const closedAt: number[] = [];
    for (const tab of tabs) {
      await stage.pass(10_000);
      expect(seen).toEqual([]);
      closedAt.push(stage.clock.now());
      await stage.close(tab);
    }
    await stage.pass(4_500);
    expect(seen).toEqual([]);
    await stage.pass(1_000);
    expect(seen).toEqual(['1 OFFLINE']);
    await stage.pass(60_000);
    expect(seen).toEqual(['1 OFFLINE']);
    const user = (await stage.finish(stage.server.presence.get(1))).get('1');
    expect(user).toMatchObject({ status: 'OFFLINE', activeClient: null });
    expect(Math.abs((user?.lastOnlineTs as number) - (closedAt[2] as number))).toBeLessThan(200);
  });

  test.each([
    ['waits', false],
    ['has ended', true],
  ])(
    'who was lost on one device and closes another has the grace of the first, whose session %s',
    async (_, hasEnded) => {
      const phone = await watched({ graceMs: 30_000, graceAfterCloseMs: 1_000 });
      const tab = await stage.tab(1);
      await stage.crash(phone);
      if (hasEnded) endLost();
      await stage.pass(10_000);
      await stage.close(tab);
      await stage.pass(19_000);
      expect(seen).toEqual([]);
      await stage.pass(2_000);
      expect(seen).toEqual(['1 OFFLINE']);
    },
  );

  test('whose phone was lost long ago and then ended is gone as the tab says', async () => {
    const tab = await watched({ graceMs: 30_000, graceAfterCloseMs: 1_000 });
    const phone = await stage.tab(1);
    await stage.crash(phone);
    await stage.pass(1_000);
    endLost();
    await stage.pass(600_000);
    await stage.close(tab);
    await stage.pass(2_000);
    expect(seen).toEqual(['1 OFFLINE']);
  });

  test('who comes back over a lost connection in time was not away for anybody', async () => {
    const tab = await watched({ graceMs: 30_000 });
    for (let i = 0; i < 3; i++) {
      await stage.cut(tab);
      await stage.pass(20_000);
      expect(tab.client.getStatus()).toBe('ONLINE');
    }
    expect(seen).toEqual([]);
  });

  test('keeps no trace of a grace that was not needed', async () => {
    const tab = await watched({ graceMs: 10_000, graceAfterCloseMs: 1_000 });
    await stage.cut(tab);
    await stage.pass(1_000);
    expect(tab.client.getStatus()).toBe('ONLINE');
    await stage.close(tab);
    await stage.pass(1_500);
    expect(seen).toEqual(['1 OFFLINE']);
  });

  test('is on more than one client: the page idle, the phone in use', async () => {
    const tab = await watched();
    const phone = await stage.tab(1, { device: 'phone' });
    tab.presence.activity('idle');
    await stage.pass(1_000);
    expect([seen, phone.presence.isActive(), tab.presence.isActive()]).toEqual([[], true, false]);
    phone.presence.activity('idle');
    await stage.pass(1_000);
    expect(seen).toEqual(['1 AWAY']);
    tab.presence.activity('active');
    await stage.pass(1_000);
    expect([seen, phone.presence.isActive(), tab.presence.isActive()]).toEqual([
      ['1 AWAY', '1 ONLINE'],
      false,
      true,
    ]);
    for (const each of [tab, phone]) expect(each.client.getStatus()).toBe('ONLINE');
  });

  test('is AWAY when all tabs are idle, and keeps that over a lost connection and a grace', async () => {
    const tab = await watched();
    tab.presence.activity('idle');
    await stage.pass(1_000);
    expect([seen, tab.client.getStatus(), tab.client.isConnected()]).toEqual([['1 AWAY'], 'AWAY', true]);
    const { awaySinceTs } = (await stage.finish(stage.server.presence.get(1))).get('1') ?? {};
    await stage.cut(tab);
    expect(stage.status(1)).toBe('AWAY');
    await stage.pass(5_000);
    expect([seen, tab.client.getStatus()]).toEqual([['1 AWAY'], 'AWAY']);
    expect(stage.server.users.get('1')?.status).toMatchObject({ previousStatus: 'ONLINE', awaySinceTs });
  });

  test('is told of the status in time, however soon it changes after the welcome', async () => {
    await begin();
    const idle = stage.open(1);
    idle.presence.activity('idle');
    await stage.settle();
    expect([idle.client.getStatus(), stage.status(1)]).toEqual(['AWAY', 'AWAY']);
    const other = await stage.tab(1);
    await stage.settle();
    expect([idle, other].map(({ client }) => client.getStatus())).toEqual(['ONLINE', 'ONLINE']);
  });

  test('whose clock is set, or whose server slept, is not signed off by that', async () => {
    const tab = await watched({ graceMs: 30_000 });
    await stage.crash(tab);
    stage.clock.setByMs = 3_600_000;
    await stage.pass(20_000);
    expect(stage.status(1)).toBe('ONLINE');
    stage.clock.setByMs = -3_600_000;
    await stage.pass(9_500);
    expect(stage.status(1)).toBe('ONLINE');
    await stage.pass(1_000);
    expect([seen, stage.status(1)]).toEqual([['1 OFFLINE'], 'OFFLINE']);
  });

  test('is not there any more when the server has stopped, and comes as anew when it runs again', async () => {
    await watched({ graceMs: 30_000 });
    await stage.finish(stage.server.disconnect({ graceMs: 0 }));
    expect(stage.server.users.size).toBe(0);
    await stage.server.start();
    await stage.pass(30_000);
    expect([stage.status(1), seen.at(-1)]).toEqual(['ONLINE', '1 ONLINE']);
    expect(stage.server.users.get('1')?.status.lastOnlineTs).toEqual(expect.any(Number));
  });
});

test('a server that has stopped waits for nothing any more', async () => {
  const server = { channels: { 'room/+': { canSubscribe: () => true } } };
  await begin({ server, channels: { 'room/+': {} } });
  const { harness, clock } = stage;
  const [tab, other] = [await harness.connect('1'), await harness.connect('2')];
  await tab.join('presence/room/1');
  await other.join('room/1');
  await stage.pass(1_000);
  for (const n of [1, 2])
    await other.expectReply(
      other.call({ type: 'PRESENCE_META', channel: 'room/1', meta: { n } } as AnyAction),
    );
  await tab.expectReply(tab.call({ type: 'PRESENCE_CHOOSE', choice: 'invisible' }));
  await stage.close(friend);
  await stage.finish(stage.server.disconnect({ graceMs: 0 }));
  expect([clock.pendingTimers, stage.server.stats().plugins.presence?.users]).toEqual([0, 0]);
});

describe('what a user chooses', () => {
  test('is theirs to see, and others see what it is for', async () => {
    const tab = await watched();
    const other = await stage.tab(1);
    const own: string[] = [];
    other.presence.own$.subscribe(({ status, choice, doNotDisturb }) =>
      own.push(`${status} ${choice}${doNotDisturb ? ' dnd' : ''}`),
    );
    for (const choice of ['away', 'doNotDisturb', 'invisible', 'auto'] as const) {
      await stage.finish(tab.presence.set(choice));
      await stage.pass(6_000);
      expect([tab, other].map(({ presence }) => presence.own?.choice)).toEqual([choice, choice]);
    }
    expect(seen).toEqual(['1 AWAY', '1 ONLINE dnd', '1 OFFLINE', '1 ONLINE']);
    expect(own).toEqual([
      'ONLINE auto',
      'AWAY away',
      'ONLINE doNotDisturb dnd',
      'ONLINE invisible',
      'ONLINE auto',
    ]);
    expect(stage.status(1)).toBe('ONLINE');
  });

  test('holds for clients that come later; AWAY is not undone by activity', async () => {
    const tab = await watched();
    await stage.finish(tab.presence.set('away'));
    await stage.close(tab);
    await stage.pass(30_000);
    expect(seen).toEqual(['1 AWAY', '1 OFFLINE']);
    const again = await stage.tab(1);
    again.presence.activity('active');
    await stage.pass(1_000);
    expect([seen.slice(2), again.presence.own?.choice, again.client.getStatus()]).toEqual([
      ['1 AWAY'],
      'away',
      'AWAY',
    ]);
  });

  test('tells nobody who is invisible, not by coming, going, idling, nor by times', async () => {
    const tab = await watched();
    const since = stage.clock.now();
    await stage.finish(tab.presence.set('invisible'));
    await stage.pass(4_800);
    expect(seen).toEqual([]);
    await stage.pass(1_000);
    expect(seen.splice(0)).toEqual(['1 OFFLINE']);
    tab.presence.activity('idle');
    await stage.pass(10_000);
    await stage.close(tab);
    await stage.pass(60_000);
    const again = await stage.tab(1);
    await stage.pass(60_000);
    expect([seen, again.client.getStatus(), again.presence.own?.choice]).toEqual([[], 'ONLINE', 'invisible']);
    let lastOnlineTs: number | null | undefined;
    const stranger = await stage.tab('stranger');
    stranger.presence.watch(1, ({ users }) => {
      lastOnlineTs = users.get('1')?.lastOnlineTs;
    });
    await stage.settle();
    expect(Math.abs((lastOnlineTs as number) - since)).toBeLessThan(300);
    await stage.finish(again.presence.set('auto'));
    await stage.pass(1_000);
    expect(seen).toEqual(['1 ONLINE']);
  });

  test('can be set by the application, and by nobody else', async () => {
    const tab = await watched();
    await stage.finish(stage.server.presence.set(1, 'doNotDisturb'));
    await stage.pass(200);
    expect([seen, tab.presence.own?.choice]).toEqual([['1 ONLINE dnd'], 'doNotDisturb']);
    await stage.finish(stage.server.presence.set('nobody', 'invisible'));
    expect((await stage.finish(stage.server.presence.get(['nobody', 1]))).get('nobody')).toMatchObject({
      status: 'OFFLINE',
      choice: 'invisible',
    });
    await expect(stage.server.presence.set(1, 'gone' as never)).rejects.toThrow('not a choice: gone');
    await expect(stage.server.presence.set({} as never, 'auto')).rejects.toThrow('not a user id');
    const refused = tab.presence.set('gone' as never);
    await expect(stage.finish(refused)).rejects.toMatchObject({ error: { code: 'INVALID_ACTION' } });
  });
});

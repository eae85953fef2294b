import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { type Notifications, NotifyError } from '@callboard/plugin-notify';
import { type Notice, notifyClient } from '@callboard/plugin-notify/client';
import { collectingLogger, SimulatedClock, turn, until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Api, hourMs, notice, tokensOf } from '../../test/api.ts';
import { lineTo } from '../../test/line-to.ts';
import { createDemo, type Demo } from '../demo.ts';
import { EventNotices } from './event-notices.ts';

let folder: string;
let demo: Demo;
let api: Api;
let tokens: Awaited<ReturnType<typeof tokensOf>>;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallow-street-'));
  closing = [];
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

async function start() {
  demo = await createDemo({
    port: 0,
    database: folder,
    logger: silentLogger,
    passwordWork: 16,
    requestsPerSecond: 1_000,
  });
  api = new Api(await demo.start());
  tokens = await tokensOf(demo);
}
async function stop() {
  await Promise.all(closing.splice(0).map((close) => close()));
  await demo.stop();
}

/** One of their tabs, and what it was told. */
async function tabOf(userId: string) {
  const client = createClient({ ...(await lineTo(demo, userId)), plugins: [notifyClient()] });
  closing.push(() => client.close());
  const told: Notice[] = [];
  client.notify.on((each) => told.push(each));
  await client.connect();
  return {
    told,
    inbox: async () =>
      (await client.notify.list()).map(({ action, at }) => ({ headline: action.headline, at })),
  };
}

async function posted(inHours = 26, change = {}) {
  const { status, body } = await api.post(tokens.orla, notice(inHours, change));
  expect(status).toBe(201);
  return body;
}

const hours = async (n: number) => {
  for (let i = 0; i < n; i++) await api.later('hour', tokens.orla);
};
/** Everything that is due has been told. */
const quiet = async () => {
  // Steps of the scheduler go through the event loop.
  for (let turns = 0; turns < 20; turns++) {
    await turn();
    if ((demo.server.stats().plugins.notify?.busy ?? 0) > 0) turns = 0;
  }
};
const toldOf = async (id: string, run = 1) => {
  const history = await demo.server.notify.history(`event/${id}/${run}`);
  return history?.notices.map(({ state, leadMs, people }) => [leadMs / hourMs, state, people.told]);
};

describe('who is down for an event', () => {
  test('is told a day before, once, in all tabs, of which one alerts; who is not, is not', async () => {
    const { id, startsAt } = await posted();
    await api.putDown(id, tokens.teodor);
    const tabs = [await tabOf('teodor'), await tabOf('teodor')];
    const winifred = await tabOf('winifred');
    await hours(1);
    await quiet();
    for (const { told } of [...tabs, winifred]) expect(told).toEqual([]);
    await hours(1);
    await until(() => tabs.every(({ told }) => told.length === 1), 'both tabs');
    expect(tabs.map(({ told }) => told[0]?.alert).sort()).toEqual([false, true]);
    expect(tabs[0]?.told[0]).toMatchObject({
      action: { type: 'EVENT_SOON', event: id, headline: 'Read-through', place: 'Rehearsal room' },
      at: Date.parse(startsAt),
      leadMs: 24 * hourMs,
      state: 'unread',
    });
    await hours(2);
    await quiet();
    for (const { told } of tabs) expect(told).toHaveLength(1);
    expect(winifred.told).toEqual([]);
    expect(await toldOf(id)).toEqual([
      [24, 'told', 1],
      [1, 'waiting', 0],
    ]);
  });

  test('and is not there finds it on coming', async () => {
    const { id } = await posted();
    await api.putDown(id, tokens.teodor);
    await hours(3);
    await quiet();
    const tab = await tabOf('teodor');
    await until(() => tab.told.length === 1, 'the notice');
    expect(tab.told[0]).toMatchObject({ alert: true, action: { event: id } });
  });

  test('and strikes themselves off a moment before is told nothing', async () => {
    const { id } = await posted();
    for (const token of [tokens.teodor, tokens.winifred]) await api.putDown(id, token);
    const [teodor, winifred] = [await tabOf('teodor'), await tabOf('winifred')];
    await hours(1);
    await api.strikeOff(id, tokens.teodor);
    await hours(1);
    await until(() => winifred.told.length === 1, 'the other');
    await quiet();
    expect(teodor.told).toEqual([]);
    expect(await teodor.inbox()).toEqual([]);
  });

  test('within the last day hears an hour before', async () => {
    const { id } = await posted(5);
    await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await hours(3);
    await quiet();
    expect(tab.told).toEqual([]);
    await hours(1);
    await until(() => tab.told.length === 1, 'the notice');
    expect(tab.told[0]?.leadMs).toBe(hourMs);
  });
});

describe('an event that', () => {
  test('is moved is told of again, and of its old time no more', async () => {
    const { id } = await posted();
    await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await hours(2);
    await until(() => tab.told.length === 1, 'the first notice');
    const { startsAt } = notice(30);
    expect((await api.change(id, tokens.orla, 1, { startsAt })).status).toBe(200);
    await until(async () => (await tab.inbox()).length === 0, 'the old one to go');
    await hours(4);
    await until(() => tab.told.length === 2, 'the second notice');
    expect(await tab.inbox()).toEqual([{ headline: 'Read-through', at: Date.parse(startsAt) }]);
  });

  test('is moved before it was due is told of at its new time alone', async () => {
    const { id } = await posted();
    await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await api.change(id, tokens.orla, 1, { startsAt: notice(28).startsAt });
    await hours(3);
    await quiet();
    expect(tab.told).toEqual([]);
    await hours(1);
    await until(() => tab.told.length === 1, 'the notice');
  });

  test('has another headline has it in the notices that were told', async () => {
    const { id } = await posted();
    await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await hours(2);
    await until(() => tab.told.length === 1, 'the notice');
    await api.change(id, tokens.orla, 1, { headline: 'Stagger-through' });
    await until(async () => (await tab.inbox())[0]?.headline === 'Stagger-through', 'the other headline');
    await quiet();
    expect(tab.told).toHaveLength(1);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['becomes a draft', (id) => api.change(id, tokens.orla, 1, { state: 'draft' })],
    ['is taken down', (id) => api.takeDown(id, tokens.orla)],
  ])('%s is told of no more, and in no inbox', async (_, change) => {
    const [soon, later] = [await posted(), await posted(28)];
    for (const { id } of [soon, later]) await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await hours(2);
    await until(() => tab.told.length === 1, 'the first notice');
    for (const { id } of [soon, later]) await change(id);
    await until(async () => (await tab.inbox()).length === 0, 'the notice to go');
    await hours(3);
    await quiet();
    expect(tab.told).toHaveLength(1);
  });

  test('comes out of its draft again is told of again', async () => {
    const { id } = await posted(26, { state: 'draft' });
    await api.change(id, tokens.orla, 1, { state: 'private' });
    await api.putDown(id, tokens.teodor);
    await api.change(id, tokens.orla, 2, { state: 'draft' });
    await api.change(id, tokens.orla, 3, { state: 'public' });
    const tab = await tabOf('teodor');
    await hours(2);
    await until(() => tab.told.length === 1, 'the notice');
    await quiet();
    expect(await toldOf(id, 2)).toEqual([
      [24, 'cancelled', 0],
      [1, 'cancelled', 0],
    ]);
    expect(await toldOf(id, 3)).toEqual([
      [24, 'told', 1],
      [1, 'waiting', 0],
    ]);
  });
});

describe('where the server ended between the database and the notification', () => {
  test('its next start makes up for it, for whatever was changed', async () => {
    const [moved, drafted, gone] = [await posted(), await posted(), await posted()];
    for (const { id } of [moved, drafted, gone]) await api.putDown(id, tokens.teodor);
    // As the routes do, and no further.
    const { events } = demo;
    const { id: fresh } = await events.post('orla', notice(26, { headline: 'Fresh' }));
    await events.subscribe(fresh, 'teodor');
    await events.change(moved.id, 'orla', 1, { startsAt: notice(40).startsAt });
    await events.change(drafted.id, 'orla', 1, { state: 'draft' });
    await events.remove(gone.id, 'orla');
    await stop();

    await start();
    const tab = await tabOf('teodor');
    await hours(2);
    await until(() => tab.told.length === 1, 'the notice');
    await quiet();
    expect(tab.told.map(({ action }) => action.headline)).toEqual(['Fresh']);
    const behind = await demo.database.db.selectFrom('events').select('id').where('behind', '=', 1).execute();
    expect(behind).toEqual([]);
    await hours(14);
    await until(() => tab.told.length === 2, 'the one that was moved');
    expect(tab.told[1]?.action.event).toBe(moved.id);
  });

  test('nobody is told of the old time, even before that', async () => {
    const { id } = await posted();
    await api.putDown(id, tokens.teodor);
    const tab = await tabOf('teodor');
    await demo.events.change(id, 'orla', 1, { startsAt: notice(40).startsAt });
    await hours(2);
    await quiet();
    expect(await toldOf(id)).toEqual([
      [24, 'told', 0],
      [1, 'waiting', 0],
    ]);
    expect(tab.told).toEqual([]);
  });

  test('notices that fell due meanwhile come with the next start', async () => {
    const { id } = await posted(24.0001);
    await api.putDown(id, tokens.teodor);
    await stop();
    await start();
    demo.clock.set(hourMs);
    const tab = await tabOf('teodor');
    await until(() => tab.told.length === 1, 'the notice');
  });
});

describe('where notifications cannot be scheduled', () => {
  test('the event is posted all the same, and it is tried again each second until they can', async () => {
    const clock = new SimulatedClock(Date.now());
    const logger = collectingLogger();
    const scheduled: string[] = [];
    let isGone = true;
    const notifications = {
      cancel: async () => false,
      async schedule({ key }: { key: string }) {
        if (isGone) throw new NotifyError('STORE_UNAVAILABLE', 'gone');
        scheduled.push(key);
      },
    } as unknown as Notifications;
    const notices = new EventNotices({
      ...{ database: demo.database, clock, logger, leadTimesMs: [hourMs] },
      notifications: () => notifications,
    });
    const [one, other] = [await demo.events.post('orla', notice()), await demo.events.post('orla', notice())];
    await notices.catchUp();
    expect(scheduled).toEqual([]);
    expect(logger.logs.map(({ message }) => message)).toEqual(
      Array(2).fill('a notification is not as its event is'),
    );
    clock.advance(1_000);
    await notices.catchUp();
    isGone = false;
    clock.advance(1_000);
    await until(() => scheduled.length === 2, 'both');
    expect(scheduled.sort()).toEqual([`event/${one.id}/1`, `event/${other.id}/1`].sort());
    await notices.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

import { createClient, webSocket } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lineTo } from '../../test/line-to.ts';
import { createDemo, type Demo } from '../demo.ts';
import type { ShowId } from '../shared/shows.ts';
import type { BoxOfficeClient } from './client.ts';
import { HouseWatch } from './house-watch.ts';
import { cuttable, type Line } from './line.ts';
import { PromptBook } from './prompt-book.ts';
import { Reservations } from './reservations.ts';

const secret = 'a secret of this test, 32 bytes long or more';
let demo: Demo;
let port: number;
let tabs: Tab[];

beforeEach(async () => {
  tabs = [];
  await open(0);
});
afterEach(async () => {
  await Promise.all(tabs.map(({ client }) => client.close()));
  await demo.stop({ graceMs: 100 });
});

async function open(wanted: number) {
  demo = await createDemo({ port: wanted, secret, seats: 8, passwordWork: 16, logger: silentLogger });
  port = await demo.start();
}

interface Tab {
  readonly line: Line;
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly reservations: Reservations;
  /** What a screen reader is told of the user's own doing. */
  readonly said: string[];
}

async function tabOf(userId: string): Promise<Tab> {
  const line = cuttable(webSocket());
  const client: BoxOfficeClient = createClient({
    ...(await lineTo(demo, userId)),
    ...{ transport: line, backoff: { minMs: 1, maxMs: 5 } },
  });
  const book = new PromptBook();
  const said: string[] = [];
  const reservations = new Reservations(client, book, (text) => void said.push(text));
  const tab = { line, client, book, reservations, said };
  tabs.push(tab);
  return tab;
}

/** The house as a tab sees it from now on, and each number it was told was another one. */
function watch({ client, book }: Tab, show: ShowId = 'moths') {
  const changes: number[] = [];
  let closed = 0;
  const house = new HouseWatch({
    client,
    book,
    show,
    changed: ({ left }) => void changes.push(left),
    closed: () => void closed++,
  });
  return { house, changes, closed: () => closed };
}

const sees = (house: HouseWatch, left: number) =>
  until(() => house.get().house?.left === left && house.get().current, `${left} left`);
const holds = ({ reservations }: Tab, ...seats: string[]) =>
  until(() => reservations.of('moths').seats.join() === seats.join(), `seats ${seats.join() || 'none'}`);
const subscribers = () => demo.server.channel('show/moths').subscribers.size;

test('it begins with what there is, and tells of what changes alone', async () => {
  const [orla, teodor] = [await tabOf('orla'), await tabOf('teodor')];
  orla.reservations.reserve('moths');
  await holds(orla, 'A1');
  const { house, changes } = watch(teodor);
  await sees(house, 7);
  expect([changes, house.get().change]).toEqual([[], undefined]);
  orla.reservations.reserve('moths');
  await sees(house, 6);
  orla.reservations.giveBack('moths', 'A1');
  await sees(house, 7);
  expect(changes).toEqual([6, 7]);
  expect(house.get().change).toMatchObject({ by: 1 });
});

test('closed, it has left, and is told nothing any more', async () => {
  const orla = await tabOf('orla');
  const { house, changes, closed } = watch(orla);
  await sees(house, 8);
  house.close();
  house.close();
  await until(() => subscribers() === 0, 'nobody there');
  orla.reservations.reserve('moths');
  await holds(orla, 'A1');
  expect([house.get().house?.left, changes, closed()]).toEqual([8, [], 1]);
  expect(orla.book.get().filter(({ about }) => about === 'left')).toHaveLength(1);
});

test('closed and opened at once, as React does to see whether it can be done, it is there once', async () => {
  const orla = await tabOf('orla');
  watch(orla).house.close();
  const { house } = watch(orla);
  await sees(house, 8);
  expect(subscribers()).toBe(1);
  house.close();
  await until(() => orla.book.get().some(({ about }) => about === 'left'), 'the end');
  expect(orla.book.get().filter(({ kind }) => kind === 'channel')).toMatchObject([
    { about: 'left' },
    { about: 'joined' },
  ]);
});

test('without a line what it knows is not current; with one it is what became of it meanwhile', async () => {
  const [orla, teodor] = [await tabOf('orla'), await tabOf('teodor')];
  const { house, changes } = watch(orla);
  await sees(house, 8);
  orla.line.cut();
  expect(house.get()).toMatchObject({ current: false, house: { left: 8 } });
  for (let i = 0; i < 3; i++) teodor.reservations.reserve('moths');
  await holds(teodor, 'A1', 'A2', 'A3');
  orla.line.mend();
  await sees(house, 5);
  expect(changes.at(-1)).toBe(5);
});

test('it comes about without a line too, once there is one', async () => {
  const orla = await tabOf('orla');
  orla.line.cut();
  const { house } = watch(orla);
  expect(house.get()).toEqual({ current: false });
  orla.line.mend();
  await sees(house, 8);
});

test('it goes on with a server that has forgotten everything', async () => {
  const orla = await tabOf('orla');
  const { house } = watch(orla);
  orla.reservations.reserve('moths');
  await sees(house, 7);
  await holds(orla, 'A1');
  await demo.stop({ graceMs: 100 });
  await open(port);
  await sees(house, 8);
  await holds(orla);
});

test('where the server does not let it in it says so, and can ask again', async () => {
  const orla = await tabOf('orla');
  const { house } = watch(orla, 'hamlet' as ShowId);
  await until(() => house.get().failure !== undefined, 'the refusal');
  expect(house.get()).toMatchObject({ current: false, failure: { code: 'FORBIDDEN' } });
  house.again();
  expect(house.get().failure).toBeUndefined();
  await until(() => house.get().failure !== undefined, 'the next refusal');
});

test('that the client is closed meanwhile is no failure', async () => {
  const orla = await tabOf('orla');
  await orla.client.connect();
  const { house } = watch(orla);
  await orla.client.close();
  expect(house.get()).toEqual({ current: false });
});

test('reservations are those of all of the user’s tabs, and said where they were made', async () => {
  const [one, two, teodor] = [await tabOf('orla'), await tabOf('orla'), await tabOf('teodor')];
  one.reservations.reserve('moths');
  expect(one.reservations.of('moths').reserving).toBe(true);
  await holds(two, 'A1');
  await until(() => one.said.length === 1, 'the word');
  two.reservations.giveBack('moths', 'A1');
  expect(two.reservations.of('moths').returning).toEqual(['A1']);
  await holds(one);
  await until(() => two.said.length === 1, 'the word');
  expect([one.said, two.said]).toEqual([['Seat A1 is yours.'], ['Seat A1 is returned.']]);
  expect(two.reservations.of('moths')).toMatchObject({ returning: [], reserving: false });
  expect(teodor.reservations.get()).toEqual({});
});

test('a tab that comes later has the reservations too', async () => {
  const one = await tabOf('orla');
  one.reservations.reserve('moths');
  await holds(one, 'A1');
  await holds(await tabOf('orla'), 'A1');
});

test('what failed says why, until it is tried again or let be', async () => {
  const [orla, teodor] = [await tabOf('orla'), await tabOf('teodor')];
  teodor.reservations.reserve('moths');
  await holds(teodor, 'A1');
  orla.reservations.giveBack('moths', 'A1');
  await until(() => orla.reservations.of('moths').failure !== undefined, 'the refusal');
  expect(orla.reservations.of('moths')).toMatchObject({ failure: { code: 'NOT_YOURS' }, returning: [] });
  orla.reservations.forget('moths');
  expect(orla.reservations.of('moths').failure).toBeUndefined();
});

test('a reservation whose answer was lost is asked for again, and is one', async () => {
  const orla = await tabOf('orla');
  await orla.client.connect();
  orla.reservations.reserve('moths');
  orla.line.cut();
  await until(() => orla.reservations.of('moths').failure !== undefined, 'the failure');
  expect(orla.reservations.of('moths').failure).toMatchObject({ code: 'CONNECTION_LOST', open: true });
  orla.line.mend();
  orla.reservations.of('moths').retry?.();
  await until(() => orla.said.length === 1, 'the word');
  await holds(orla, 'A1');
  expect(demo.houses.of('moths').left).toBe(7);
});

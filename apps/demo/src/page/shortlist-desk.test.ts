import { createClient, webSocket } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lineTo } from '../../test/line-to.ts';
import { createDemo, type Demo } from '../demo.ts';
import { listed } from '../shared/shortlist.ts';
import type { BoxOfficeClient } from './client.ts';
import { cuttable, type Line } from './line.ts';
import { PromptBook } from './prompt-book.ts';
import { type ShortlistChange, ShortlistDesk } from './shortlist-desk.ts';

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
  demo = await createDemo({ port: wanted, secret, passwordWork: 16, logger: silentLogger });
  port = await demo.start();
}

interface Tab {
  readonly line: Line;
  readonly client: BoxOfficeClient;
  readonly book: PromptBook;
  readonly desk: ShortlistDesk;
  readonly changes: readonly ShortlistChange[];
}

/** A tab of Orla's that has asked the server what there is. */
async function openTab({ timeoutMs = 20_000 } = {}): Promise<Tab> {
  const line = cuttable(webSocket());
  const client: BoxOfficeClient = createClient({
    ...(await lineTo(demo, 'orla')),
    ...{ transport: line, timeoutMs, backoff: { minMs: 1, maxMs: 5 } },
  });
  const book = new PromptBook();
  const changes: ShortlistChange[] = [];
  const desk = new ShortlistDesk(client, book, (change) => void changes.push(change));
  const tab = { line, client, book, desk, changes };
  tabs.push(tab);
  await written(tab, 'reply', 'SHORTLIST');
  return tab;
}

/** Resolves once this is true of the store. */
function once<T>(
  store: { get: () => T; subscribe: (listener: () => void) => () => void },
  is: (value: T) => boolean,
) {
  return new Promise<void>((resolve) => {
    const look = () => {
      if (!is(store.get())) return;
      off();
      resolve();
    };
    const off = store.subscribe(look);
    look();
  });
}

const written = ({ book }: Tab, kind: string, what: string, times = 1) =>
  once(
    book,
    (entries) => entries.filter((entry) => entry.kind === kind && entry.what === what).length >= times,
  );
const lists = ({ desk }: Tab, ...shows: string[]) =>
  once(desk, ({ shortlist }) => [...listed(shortlist)].sort().join() === shows.sort().join());
const settled = ({ desk }: Tab) => once(desk, ({ unsent }) => unsent === 0);

test('what one tab lists the other has, and says what changed', async () => {
  const [one, two] = [await openTab(), await openTab()];
  one.desk.toggle('moths');
  await lists(two, 'moths');
  two.desk.toggle('moths');
  await lists(one);
  expect(two.changes).toEqual([{ show: 'moths', listed: true }]);
  expect(one.changes).toEqual([{ show: 'moths', listed: false }]);
});

test('a tab that comes later has what there is', async () => {
  const one = await openTab();
  one.desk.toggle('moths');
  one.desk.toggle('vellum');
  await settled(one);
  await lists(await openTab(), 'moths', 'vellum');
});

test('changes on both sides of a cut become one, the later of each', async () => {
  const [one, two] = [await openTab(), await openTab()];
  one.desk.toggle('moths');
  await lists(two, 'moths');
  await settled(one);
  one.line.cut();
  one.desk.toggle('vellum');
  two.desk.toggle('moths');
  two.desk.toggle('weather');
  expect(one.desk.get().unsent).toBe(1);
  one.line.mend();
  await lists(one, 'vellum', 'weather');
  await lists(two, 'vellum', 'weather');
  await settled(one);
  expect(one.desk.get().shortlist).toEqual(two.desk.get().shortlist);
});

test('a change that waited for too long goes with the next connection', async () => {
  const [one, two] = [await openTab({ timeoutMs: 30 }), await openTab()];
  one.line.cut();
  one.desk.toggle('moths');
  await written(one, 'failure', 'SHORTLIST_UPDATE');
  expect(one.desk.get().unsent).toBe(1);
  one.line.mend();
  await lists(two, 'moths');
  await settled(one);
});

test('a server that has forgotten everything is told again', async () => {
  const [one, two] = [await openTab(), await openTab()];
  one.desk.toggle('moths');
  await lists(two, 'moths');
  two.line.cut();
  two.desk.toggle('vellum');
  await demo.stop({ graceMs: 100 });
  await open(port);
  two.line.mend();
  await lists(one, 'moths', 'vellum');
  await lists(two, 'moths', 'vellum');
  await lists(await openTab(), 'moths', 'vellum');
});

test('also where nobody changes anything any more', async () => {
  const one = await openTab();
  one.desk.toggle('moths');
  await settled(one);
  await demo.stop({ graceMs: 100 });
  await open(port);
  await written(one, 'reply', 'SHORTLIST', 2);
  await settled(one);
  await lists(await openTab(), 'moths');
});

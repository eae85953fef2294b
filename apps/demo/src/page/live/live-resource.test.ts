import type { Page, Watch, WatchState } from '@callboard/plugin-refetch/client';
import { turn } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BehaviorSubject, Subject } from 'rxjs';
import type { BoxOfficeClient } from '../client.ts';
import { PromptBook } from '../prompt-book.ts';
import { LiveResource } from './live-resource.ts';

interface Thing {
  readonly text: string;
  readonly version: number;
}

const path = '/api/shows/moths';
const pass = { token: 'a-token', user: { id: 'orla', name: 'Orla', role: '' } };
const { fetch } = globalThis;

/** What the API was asked, as `GET path` and the like. */
let asked: string[];
let answer: () => Response;
let status: BehaviorSubject<{ status: string }>;
let isConnected: boolean;
let watches: { pages: Subject<Page>; states: BehaviorSubject<WatchState>; isOver: boolean }[];
let book: PromptBook;
let changes: Thing[];
let resource: LiveResource<Thing>;

beforeEach(async () => {
  asked = [];
  changes = [];
  watches = [];
  isConnected = true;
  status = new BehaviorSubject({ status: 'ONLINE' });
  book = new PromptBook();
  answer = () => Response.json({ text: 'One', version: 1 });
  globalThis.fetch = async (url, { method = '', headers = {} } = {}) => {
    const { authorization = '', 'if-match': version = '' } = headers as Record<string, string>;
    asked.push([method, String(url), authorization, version].filter((each) => each !== '').join(' '));
    return answer();
  };
});
afterEach(() => {
  resource.close();
  globalThis.fetch = fetch;
});

async function open() {
  resource = new LiveResource<Thing>({
    ...{ path, pass, book },
    client: { status$: status, isConnected: () => isConnected } as unknown as BoxOfficeClient,
    refetch: { watch: watchOf },
    changed: (thing) => void changes.push(thing),
  });
  await settled();
}
function watchOf(of: string): Watch {
  const watch = {
    pages: new Subject<Page>(),
    states: new BehaviorSubject<WatchState>({ state: 'opening' }),
    isOver: false,
  };
  watches.push(watch);
  const { pages, states } = watch;
  return {
    path: of,
    get state() {
      return states.value;
    },
    state$: states,
    subscribe: (callback: (page: Page) => void) => pages.subscribe(callback),
    unwatch: () => {
      watch.isOver = true;
    },
  } as unknown as Watch;
}
async function settled() {
  for (let i = 0; i < 10; i++) await turn();
}
const watch = () => watches.at(-1) as (typeof watches)[number];
const push = (body: unknown, reason: Page['reason'] = 'bump', code = 200) =>
  watch().pages.next({ status: code, headers: {}, body, version: undefined, reason });
const stands = (state: WatchState) => watch().states.next(state);

test('is looked at once, and watched from then on', async () => {
  await open();
  expect(asked).toEqual(['GET /api/shows/moths Bearer a-token']);
  expect(resource.get()).toEqual({ value: { text: 'One', version: 1 }, current: false });
  stands({ state: 'live' });
  push({ text: 'One', version: 1 }, 'first');
  expect(resource.get()).toEqual({ value: { text: 'One', version: 1 }, current: true });
  push({ text: 'Two', version: 2 });
  expect(resource.get()).toEqual({
    ...{ value: { text: 'Two', version: 2 }, current: true },
    changedAt: expect.any(Number),
  });
  expect(changes).toEqual([{ text: 'Two', version: 2 }]);
  expect(asked).toHaveLength(1);
  const lines = book.get().map(({ kind, what, about }) => [kind, what, about]);
  expect(lines).toEqual([
    ['page', path, '200, after a bump'],
    ['page', path, '200, the first'],
  ]);
});

test('that was closed before it had begun is not looked at', async () => {
  const opened = open();
  resource.close();
  await opened;
  expect([asked, watches]).toEqual([[], []]);
});

test('is watched, too, where the first look fails', async () => {
  answer = () => Response.error();
  await open();
  expect(resource.get()).toEqual({ current: false });
  stands({ state: 'live' });
  push({ text: 'One', version: 1 }, 'first');
  expect(resource.get()).toEqual({ value: { text: 'One', version: 1 }, current: true });
  expect(changes).toEqual([]);
});

test('is marked as not current as long as the API does not answer, or the line is down', async () => {
  await open();
  stands({ state: 'live' });
  stands({ state: 'stale', why: 'HTTP_500' });
  expect(resource.get()).toMatchObject({
    current: false,
    value: { version: 1 },
    why: 'The REST API does not answer (HTTP_500).',
  });
  stands({ state: 'live' });
  expect(resource.get()).toEqual({ current: true, value: { text: 'One', version: 1 } });
  isConnected = false;
  status.next({ status: 'OFFLINE' });
  expect(resource.get()).toMatchObject({ current: false, why: 'As it was when the line went.' });
  isConnected = true;
  status.next({ status: 'ONLINE' });
  expect(resource.get().current).toBe(true);
});

test.each([
  ['UNAUTHORIZED', 'The REST API does not take your pass any more.'],
  ['HTTP_404', 'There is no such thing any more.'],
  ['TOO_MANY_WATCHES', 'The box office does not tell any more (TOO_MANY_WATCHES).'],
])('that has ended with %s says so, and is asked for anew on request', async (code, why) => {
  await open();
  push({ error: {} }, 'bump', 404);
  stands({ state: 'ended', code });
  expect(resource.get()).toEqual({ value: { text: 'One', version: 1 }, current: false, ended: true, why });
  resource.again();
  expect(watches).toHaveLength(2);
  stands({ state: 'live' });
  push({ text: 'Three', version: 3 }, 'first');
  expect(resource.get()).toMatchObject({ value: { version: 3 }, current: true });
});

test('that one changes oneself is known at once, whichever way is quicker', async () => {
  await open();
  stands({ state: 'live' });
  answer = () => Response.json({ text: 'Mine', version: 2 });
  await resource.change({ text: 'Mine' }, 1);
  expect(asked[1]).toBe('PATCH /api/shows/moths Bearer a-token W/"1"');
  expect(resource.get().value).toEqual({ text: 'Mine', version: 2 });
  push({ text: 'Mine', version: 2 });
  expect(changes).toHaveLength(1);

  // The answer to the third comes after the page of the fourth.
  push({ text: 'Theirs', version: 4 });
  answer = () => Response.json({ text: 'Mine', version: 3 });
  await resource.change({ text: 'Mine' }, 2);
  expect(resource.get().value).toEqual({ text: 'Theirs', version: 4 });
});

test('that somebody else has changed meanwhile stays as it is', async () => {
  await open();
  const error = { code: 'STALE', message: 'It was changed meanwhile: read it again.' };
  answer = () => Response.json({ error }, { status: 412 });
  await expect(resource.change({ text: 'Mine' }, 1)).rejects.toMatchObject({ status: 412, code: 'STALE' });
  expect(resource.get().value).toEqual({ text: 'One', version: 1 });
});

test('that is closed is watched no more', async () => {
  await open();
  resource.close();
  expect(watch().isOver).toBe(true);
  expect(status.observed).toBe(false);
  stands({ state: 'ended', code: 'UNWATCHED' });
  expect(resource.get().ended).toBeUndefined();
});

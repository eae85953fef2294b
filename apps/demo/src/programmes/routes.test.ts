import { silentLogger } from '@callboard/core';
import type { TokenSource } from '@callboard/plugin-refetch/client';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Api, tokensOf } from '../../test/api.ts';
import { type Watcher, type Watching, watching as watchingAt } from '../../test/watching.ts';
import { createDemo, type Demo } from '../demo.ts';
import { cardPath, MAX_CAST_NOTE, MAX_SYNOPSIS, type Programme, programmePath } from '../shared/programme.ts';
import { shows } from '../shared/shows.ts';

let demo: Demo;
let port: number;
let api: Api;
let tokens: Awaited<ReturnType<typeof tokensOf>>;
let guest: string;
let clients: Watcher[];

beforeEach(async () => {
  clients = [];
  demo = await createDemo({ port: 0, logger: silentLogger, passwordWork: 16, requestsPerSecond: 1_000 });
  port = await demo.start();
  api = new Api(port);
  tokens = await tokensOf(demo);
  guest = await demo.passes.issue(
    (await demo.accounts.signUp('Ada Byrne', { email: 'ada@example.org', password: 'correct horse' })).account
      .id,
  );
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await demo.stop({ graceMs: 0 });
});

const read = (token?: string, headers: Readonly<Record<string, string>> = {}) =>
  api.ask<Programme>('GET', '/shows/umbrellas', { token, headers });
const change = (token: string | undefined, body: unknown, tag = 'W/"1"', show = 'umbrellas') =>
  api.ask<Programme>('PATCH', `/shows/${show}`, { token, body, headers: { 'if-match': tag } });

const stats = () => demo.server.stats().plugins.refetch ?? {};

describe('a programme', () => {
  test('is there for each show, for who has signed in, and counts how often it was looked at', async () => {
    for (const { id, title } of shows) {
      const { status, body } = await api.ask<Programme>('GET', `/shows/${id}`, { token: tokens.orla });
      expect([status, body]).toMatchObject([200, { id, title, views: 1, version: 1, mayChange: true }]);
      expect(body.synopsis.length * body.castNote.length).toBeGreaterThan(0);
    }
    expect((await read(guest)).body).toMatchObject({ views: 2, mayChange: false });
    expect(await read()).toMatchObject({ status: 401, body: { error: { code: 'NO_PASS' } } });
    expect(await read('a.bad.pass')).toMatchObject({ status: 401 });
    expect((await read(tokens.orla)).body.views).toBe(3);
  });

  test('is another version once it was changed, and not because it was looked at', async () => {
    const first = await read(tokens.orla);
    expect(first.headers.get('etag')).toBe('W/"1"');
    const castNote = 'The tenth guest:\nWinifred Osei “at last”. 🌂';
    const changed = await change(tokens.teodor, { castNote });
    expect(changed).toMatchObject({ status: 200, body: { castNote, views: 1, version: 2 } });
    expect(changed.headers.get('etag')).toBe('W/"2"');
    expect((await read(tokens.orla)).body).toMatchObject({
      castNote,
      synopsis: first.body.synopsis,
      views: 2,
      version: 2,
    });
  });

  test.each(['W/"1"', '"1"', '"7", W/"1"', '*'])('is not sent to who has it already: %s', async (tag) => {
    const same = await read(tokens.orla, { 'if-none-match': tag });
    expect([same.status, same.body, same.headers.get('etag')]).toEqual([304, undefined, 'W/"1"']);
    // They have looked all the same.
    expect((await read(tokens.orla, { 'if-none-match': 'W/"11"' })).body.views).toBe(2);
  });

  test('is changed by the company alone, and by who has read what they change', async () => {
    const castNote = 'Mine.';
    const outcomes = [
      await change(undefined, { castNote }),
      await change(guest, { castNote }),
      await change(tokens.orla, { castNote }, 'W/"1"', 'hamlet'),
      await change(tokens.orla, { castNote }, 'W/"2"'),
      await change(tokens.orla, { castNote }, '*'),
      await api.ask('PATCH', '/shows/umbrellas', { token: tokens.orla, body: { castNote } }),
    ];
    expect(outcomes.map(({ status, body }) => [status, body.error.code])).toEqual([
      [401, 'NO_PASS'],
      [403, 'NOT_YOURS'],
      [404, 'NOT_FOUND'],
      [412, 'STALE'],
      [412, 'STALE'],
      [428, 'NO_VERSION'],
    ]);
    expect((await read(tokens.orla)).body).toMatchObject({ version: 1, views: 1 });
    const missing = await api.ask('GET', '/shows/hamlet', { token: tokens.orla });
    expect([missing.status, missing.body.error.code]).toEqual([404, 'NOT_FOUND']);
  });

  test.each([
    ['nothing', {}],
    ['views', { views: 1_000 }],
    ['another title', { title: 'Eight Umbrellas' }],
    ['too long a synopsis', { synopsis: 'x'.repeat(MAX_SYNOPSIS + 1) }],
    ['too long a note', { castNote: 'x'.repeat(MAX_CAST_NOTE + 1) }],
    ['a note that is no text', { castNote: 7 }],
    ['controls', { synopsis: 'a\u0000b' }],
    ['text that runs backwards', { synopsis: 'a\u202eb' }],
  ])('is not changed to %s', async (_, body) => {
    const answer = await change(tokens.orla, body);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'INVALID']);
  });

  test('takes as much as it may be, in whatever script', async () => {
    const body = { synopsis: '剧'.repeat(MAX_SYNOPSIS), castNote: '剧'.repeat(MAX_CAST_NOTE) };
    expect(await change(tokens.orla, body)).toMatchObject({ status: 200, body });
  });
});

describe('who watches it', () => {
  async function watching(
    userId: string,
    token: string,
    path = programmePath('umbrellas'),
    shown: TokenSource = token,
  ): Promise<Watching<Programme>> {
    const watching = await watchingAt<Programme>(port, { userId, token, shown }, path);
    clients.push(watching.client);
    return watching;
  }

  test('is told of a change with a page of their own, and is counted as nobody who looks', async () => {
    const orla = await watching('orla', tokens.orla);
    const another = await watching('orla', tokens.orla);
    const teodor = await watching('teodor', tokens.teodor);
    expect(orla.last()).toMatchObject({ views: 0, version: 1 });
    const { requests = 0 } = stats();
    await change(tokens.orla, { castNote: 'Now with rain.' });
    for (const each of [orla, another, teodor]) {
      await until(() => each.pages.length === 2, 'the page');
      expect(each.last()).toMatchObject({ castNote: 'Now with rain.', views: 0, version: 2 });
      expect(each.pages[1]).toMatchObject({ status: 200, reason: 'bump', headers: { etag: 'W/"2"' } });
    }
    // One for each person, however many windows they have.
    expect(stats()).toMatchObject({ requests: requests + 2, credentials: 2, watches: 3 });
    expect((await read(guest)).body.views).toBe(1);
  });

  test('is not told of another show’s, nor where nothing was changed', async () => {
    const orla = await watching('orla', tokens.orla);
    await change(tokens.orla, { castNote: 'Moths.' }, 'W/"1"', 'moths');
    await change(tokens.orla, { castNote: 'Late.' }, 'W/"7"');
    demo.server.refetch.bump(programmePath('umbrellas'));
    await until(() => stats().unchanged === 1, 'the answer');
    expect(orla.pages).toHaveLength(1);
    expect(stats()).toMatchObject({ bumps: 2, requests: 2, pages: 1 });
  });

  test('nobody poses as them: a waymark that was written by another counts as a view', async () => {
    const forged = ['1', '1;t=1;s=1', `1;t=${Math.floor(Date.now() / 1_000)};s=${'a'.repeat(43)}`];
    for (const [i, header] of forged.entries())
      expect((await read(tokens.orla, { 'x-waymark': header })).body.views).toBe(i + 1);
    const card = await api.ask<Programme>('GET', '/people/orla', {
      token: tokens.orla,
      headers: { 'x-waymark': '1' },
    });
    expect(card.body.views).toBe(1);
  });

  test('sees of people’s cards their own alone, for the API says so', async () => {
    const orla = await watching('orla', tokens.orla, cardPath('orla'));
    expect(orla.last()).toMatchObject({ id: 'orla', views: 0, version: 1 });
    const curious = await watching('teodor', tokens.teodor, cardPath('orla'));
    expect([curious.watch.page?.status, curious.watch.state]).toEqual([
      403,
      { state: 'ended', code: 'HTTP_403' },
    ]);
    await api.ask('PATCH', '/people/orla', {
      token: tokens.orla,
      body: { about: 'Says “go”.' },
      headers: { 'if-match': 'W/"1"' },
    });
    await until(() => orla.pages.length === 2, 'the page');
    expect(orla.last()).toMatchObject({ about: 'Says “go”.', views: 0, version: 2 });
    expect(curious.pages).toHaveLength(1);
  });

  test('is asked for another token where the API does not take theirs, and told no more where none comes', async () => {
    const path = programmePath('umbrellas');
    const given = ['a.bad.pass', tokens.orla];
    const orla = await watching('orla', tokens.orla, path, () => given.shift());
    expect([orla.watch.page?.status, orla.watch.state.state, given]).toEqual([200, 'live', []]);
    await change(tokens.orla, { castNote: 'Renewed.' });
    await until(() => orla.pages.length === 2, 'the page');
    const bad = await watching('teodor', tokens.teodor, path, () => 'a.bad.pass');
    expect([bad.pages, bad.watch.state]).toEqual([[], { state: 'ended', code: 'UNAUTHORIZED' }]);
  });

  test('watches nothing but shows and people', async () => {
    await watching('orla', tokens.orla);
    for (const path of ['/api/company', '/api/shows', '/api/events', '/docs', '/api/shows/../company']) {
      const watch = (clients[0] as Watcher).refetch.watch(path);
      await expect(watch.acknowledged()).rejects.toMatchObject({
        code: expect.stringMatching(/^(FORBIDDEN|INVALID_PATH)$/),
      });
    }
    expect(stats().requests).toBe(1);
  });
});

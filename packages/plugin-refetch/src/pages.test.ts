import { afterEach, describe, expect, test } from '@jest/globals';
import { send } from '../test/api.ts';
import { Stage, type StageOptions, type Watched } from '../test/stage.ts';

describe('a page', () => {
  let stage: Stage;
  const bodies = ({ pages }: Watched) => pages.map(({ body }) => body);
  const begin = async (options?: StageOptions) => {
    stage = await Stage.open(options);
    stage.api.pages.set('/users/1', { name: 'Ann' });
    return stage.tab('bob');
  };
  const conditions = () =>
    stage.api.asked.map(({ headers }) => headers['if-none-match'] ?? headers['if-modified-since']);
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
  });

  test('that is the same again is not pushed', async () => {
    const watched = await (await begin()).watch('/users/1');
    await stage.bump('/users/1');
    expect([stage.api.asked.length, watched.pages.length]).toEqual([2, 1]);
    expect(stage.stats).toMatchObject({ pages: 1, unchanged: 1 });
  });

  test('with an ETag is asked for conditionally, and 304 pushes nothing', async () => {
    const bob = await begin();
    let etag = '"1"';
    stage.api.answer = ({ headers }, response) =>
      headers['if-none-match'] === etag
        ? send(response, 304, undefined)
        : send(response, 200, { etag }, { etag });
    const watched = await bob.watch('/users/1');
    await stage.bump('/users/1');
    etag = 'W/"2"';
    await stage.bump('/users/1');
    await stage.bump('/users/1');
    expect(conditions()).toEqual([undefined, '"1"', '"1"', 'W/"2"']);
    expect(bodies(watched)).toEqual([{ etag: '"1"' }, { etag: 'W/"2"' }]);
    // Who has no page yet is given one all the same.
    const late = await bob.watch('/users/1');
    expect(conditions().at(-1)).toBe(undefined);
    expect(bodies(late)).toEqual([{ etag: 'W/"2"' }]);
    expect(watched.pages).toHaveLength(2);
  });

  test('is fetched in full for who came while nobody could tell', async () => {
    const bob = await begin();
    const etag = '"1"';
    stage.api.answer = ({ headers }, response) =>
      headers['if-none-match'] === etag ? send(response, 304, undefined) : send(response, 200, 1, { etag });
    const { answer } = stage.api;
    const early = await bob.watch('/users/1');
    stage.api.answer = (_, response) => send(response, 503, {});
    await stage.bump('/users/1');
    const late = await bob.watch('/users/1');
    expect(late.states).toEqual(['opening', 'live', 'HTTP_503']);
    stage.api.answer = answer;
    await stage.pass(60_000);
    expect([bodies(early), bodies(late)]).toEqual([[1], [1]]);
  });

  test('that somebody asks for while it is compared is fetched for them in full', async () => {
    const bob = await begin();
    const etag = '"1"';
    stage.api.answer = (_, response) => send(response, 200, 1, { etag });
    await bob.watch('/users/1');
    const held: (() => void)[] = [];
    stage.api.answer = ({ headers }, response) => {
      stage.api.hold(response);
      const isSame = headers['if-none-match'] === etag;
      held.push(() => (isSame ? send(response, 304, undefined) : send(response, 200, 1, { etag })));
    };
    stage.refetch.bump('/users/1');
    await stage.pass(30);
    const late = await bob.watch('/users/1');
    held[0]?.();
    await stage.quiet();
    held[1]?.();
    await stage.quiet();
    expect([conditions(), bodies(late)]).toEqual([[undefined, etag, undefined], [1]]);
  });

  test('that is asked for between a bump and the end of its window is fetched once', async () => {
    const bob = await begin();
    await bob.watch('/users/1', { first: false });
    stage.refetch.bump('/users/1');
    const late = await bob.watch('/users/1');
    await stage.pass(100);
    expect([stage.api.asked.length, bodies(late)]).toEqual([1, [{ name: 'Ann' }]]);
  });

  test('that only those who ask have not yet is told to nobody else', async () => {
    const bob = await begin();
    await bob.watch('/users/1');
    await bob.watch('/users/1');
    expect(stage.node.server.stats().publications.published).toBe(0);
  });

  test('with a Last-Modified is, where nothing can have changed within that second', async () => {
    const bob = await begin();
    let date = 'Thu, 01 Jan 2026 00:00:30 GMT';
    const modified = 'Thu, 01 Jan 2026 00:00:00 GMT';
    stage.api.answer = ({ headers }, response) =>
      headers['if-modified-since'] === modified
        ? send(response, 304, undefined)
        : send(response, 200, { date }, { date, 'last-modified': modified });
    const watched = await bob.watch('/users/1');
    date = 'Thu, 01 Jan 2026 00:01:00 GMT';
    await stage.bump('/users/1');
    await stage.bump('/users/1');
    expect(conditions()).toEqual([undefined, undefined, modified]);
    expect(watched.pages).toHaveLength(2);
  });

  test('that is not modified although nobody asked is a fault', async () => {
    const bob = await begin();
    stage.api.answer = (_, response) => send(response, 304, undefined);
    expect((await bob.watch('/users/1')).states).toEqual(['opening', 'live', 'BROKEN']);
  });

  test.each<[string, string | Buffer, unknown]>([
    ['application/json; charset=utf-8', '{"a":[1,"ä"]}', { a: [1, 'ä'] }],
    ['application/problem+json', '"x"', 'x'],
    ['application/json', 'no JSON', 'no JSON'],
    ['text/html', '<p>ä', '<p>ä'],
    ['text/plain', '\ufeffbom', '\ufeffbom'],
    ['text/plain; charset=iso-8859-1', Buffer.from([0xe4]), new Uint8Array([0xe4])],
    ['image/png', Buffer.from([0x89, 0x50, 0xff, 0]), new Uint8Array([0x89, 0x50, 0xff, 0])],
    ['', '', ''],
  ])('of %s with %j is %j', async (type, body, seen) => {
    const bob = await begin();
    stage.api.answer = (_, response) => {
      response.writeHead(200, type === '' ? {} : { 'content-type': type });
      response.end(body);
    };
    expect(bodies(await bob.watch('/users/1'))).toEqual([seen]);
  });

  test('shows the headers that are let through, and sends those that are', async () => {
    const bob = await begin({
      requestHeaders: ['X-Tenant'],
      responseHeaders: ['x-secret', 'etag'],
      waymark: { name: 'X-Quiet', value: 'yes' },
      authorization: (token) => ['x-api-key', token],
    });
    const headers = {
      'x-tenant': '7',
      'X-Quiet': 'forged',
      'x-waymark': 'forged',
      host: 'evil',
      accept: 'x/y',
    };
    const { pages } = await bob.watch('/users/1', { token: 'key', headers });
    const [asked] = stage.api.asked;
    expect(asked?.headers).toEqual({
      host: stage.api.origin.slice(7),
      connection: 'keep-alive',
      'x-tenant': '7',
      'x-api-key': 'key',
      'x-quiet': 'yes',
    });
    expect(pages[0]?.headers).toEqual({ 'x-secret': 'internal' });
  });

  test('with other headers is another one', async () => {
    const bob = await begin();
    stage.api.answer = ({ headers }, response) => send(response, 200, headers['accept-language']);
    const [de, en] = [
      await bob.watch('/users/1', { headers: { 'accept-language': 'de' } }),
      await bob.watch('/users/1', { headers: { 'Accept-Language': 'en' } }),
    ];
    expect([bodies(de), bodies(en)]).toEqual([['de'], ['en']]);
  });

  test.each([
    ['/users/2', 200],
    ['2', 200],
    ['http://evil.example/users/2', 302],
    ['//evil.example/users/2', 302],
    ['https:/users/2', 302],
    ['/admin', 302],
    ['/users/%2e%2e/admin', 302],
    ['http://bob:x@127.0.0.1/users/2', 302],
    ['', 302],
  ])('that leads to %j is %i', async (location, status) => {
    const bob = await begin();
    stage.api.pages.set('/users/2', { moved: true });
    stage.api.pages.set('/admin', { secret: true });
    stage.api.answer = (asked, response) => {
      if (asked.path === '/users/1') send(response, 302, {}, location === '' ? {} : { location });
      else stage.api.reply(asked, response);
    };
    const { pages, states } = await bob.watch('/users/1', { token: 't' });
    expect(pages.map((page) => page.status)).toEqual([status]);
    expect(stage.api.asked.map(({ path, token }) => [path, token])).toEqual([
      ['/users/1', 't'],
      ...(status === 200 ? [['/users/2', 't']] : []),
    ]);
    expect(states.at(-1)).toBe(status === 200 ? 'live' : 'HTTP_302');
  });

  test('that leads in a circle is the last one of it', async () => {
    const bob = await begin({ maxRedirects: 2 });
    stage.api.answer = (_, response) => send(response, 307, {}, { location: '/users/1' });
    expect((await bob.watch('/users/1')).states.at(-1)).toBe('HTTP_307');
    expect(stage.api.asked).toHaveLength(3);
  });

  test.each([
    ['5', 5_000],
    ['Thu, 01 Jan 2026 00:00:20 GMT', 20_000],
    ['99999', 600_000],
    ['soon', 500],
  ])('is asked for again after Retry-After: %s', async (after, ms) => {
    const bob = await begin();
    stage.api.answer = (_, response) => send(response, 429, {}, { 'retry-after': after });
    const watched = await bob.watch('/users/1');
    stage.api.answer = undefined;
    await stage.pass(ms - 20);
    // A bump does not shorten it.
    stage.refetch.bump('/users/1');
    await stage.pass(19);
    const before = watched.pages.length;
    await stage.pass(1);
    expect([before, watched.pages.length]).toEqual([0, 1]);
  });

  test('waits no longer than its upstream is away', async () => {
    const bob = await begin();
    const one = await bob.watch('/users/1', { token: 'a' });
    await stage.api.kill();
    stage.refetch.bump('/users/1');
    // By now it waits half a minute between two attempts.
    await stage.pass(40_000);
    await stage.api.start();
    await stage.pass(6_000);
    expect(one.states.at(-1)).toBe('UNREACHABLE');
    await bob.watch('/users/1', { token: 'b' });
    expect(one.states.at(-1)).toBe('live');
  });

  test('of one upstream that fails is tried again ever more seldom', async () => {
    const bob = await begin({ circuitFailures: 1_000 });
    stage.api.answer = (_, response) => send(response, 503, {});
    await bob.watch('/users/1');
    const times: number[] = [];
    for (let s = 0; s < 300; s++) {
      const before = stage.api.asked.length;
      await stage.pass(1_000);
      if (stage.api.asked.length > before) times.push(s);
    }
    // Doubled from 0.5 s to 30 s: without jitter half of what it may be.
    expect(times.length).toBeGreaterThan(9);
    expect(times.length).toBeLessThan(18);
    expect(times.slice(-2).reduce((a, b) => b - a)).toBe(30);
  });

  test('is fetched by so many requests at a time, users in turn, each by half of them', async () => {
    const bob = await begin({ concurrency: 3, maxWatches: 1_000 });
    const alice = await stage.tab('alice');
    for (let i = 0; i < 20; i++) await bob.watch('/users/1', { token: `b${i}`, first: false });
    for (const token of ['a0', 'a1']) await alice.watch('/users/1', { token, first: false });
    let most = 0;
    let mostOfBob = 0;
    const running: string[] = [];
    stage.api.answer = (asked, response) => {
      running.push(asked.token as string);
      most = Math.max(most, running.length);
      mostOfBob = Math.max(mostOfBob, running.filter((token) => token.startsWith('b')).length);
      const wait = (turns: number): unknown => {
        if (turns > 0) return setImmediate(wait, turns - 1);
        running.splice(running.indexOf(asked.token as string), 1);
        return stage.api.reply(asked, response);
      };
      wait(10);
    };
    await stage.bump('/users/1');
    const order = stage.api.asked.map(({ token }) => token);
    expect([order.length, most, mostOfBob]).toEqual([22, 3, 2]);
    // What runs at the same time comes by as many connections, in any order.
    expect(order.indexOf('a1')).toBeLessThan(6);
  });
});

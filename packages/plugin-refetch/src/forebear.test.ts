import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Answer, send } from '../test/api.ts';
import { Stage, type Tab, type Watched } from '../test/stage.ts';

describe('the refetch bridge', () => {
  let stage: Stage;
  let bob: Tab;
  const bodies = ({ pages }: Watched) => pages.map(({ body }) => body);
  beforeEach(async () => {
    stage = await Stage.open({ timeoutMs: 5_000, maxBodyBytes: 1_000 });
    stage.api.pages.set('/users/1', { name: 'Ann' });
    bob = await stage.tab('bob');
  });
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
  });

  test('1. Bob watches, a bump: exactly one GET with Bob’s token and the header; he gets status, headers, body', async () => {
    const { watch, pages } = await bob.watch('/users/1', { token: 'bob-1', first: false });
    await watch.acknowledged();
    expect(stage.api.asked).toEqual([]);
    await stage.bump('/users/1');
    const host = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(stage.api.asked).toMatchObject([
      { path: '/users/1', token: 'bob-1', headers: { 'x-waymark': '1', host } },
    ]);
    expect(pages).toEqual([
      {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: { name: 'Ann' },
        version: undefined,
        reason: 'bump',
      },
    ]);
  });

  test('2. Alice and Bob with different tokens get their own pages only', async () => {
    stage.api.answer = ({ token }, response) => send(response, 200, { for: token });
    const alice = await stage.tab('alice');
    const [his, hers] = [
      await bob.watch('/users/1', { token: 'b' }),
      await alice.watch('/users/1', { token: 'a' }),
    ];
    stage.api.answer = ({ token }, response) => send(response, 200, { for: token, again: true });
    expect(await stage.bump('/users/1')).toBe(1);
    // By two connections at the same time: in any order.
    expect(stage.api.asked.map(({ token }) => token).sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(bodies(his)).toEqual([{ for: 'b' }, { for: 'b', again: true }]);
    expect(bodies(hers)).toEqual([{ for: 'a' }, { for: 'a', again: true }]);
  });

  test('2. who has the same token has the same request', async () => {
    const tabs = [bob, await stage.tab('bob'), await stage.tab('alice')];
    const watched = [];
    for (const tab of tabs) watched.push(await tab.watch('/users/1', { token: 'shared', first: false }));
    await stage.bump('/users/1');
    expect(stage.api.asked).toHaveLength(1);
    for (const each of watched) expect(bodies(each)).toEqual([{ name: 'Ann' }]);
    expect(stage.stats).toMatchObject({ watches: 3, credentials: 1, requests: 1 });
  });

  test('3. a bump of another path: nothing', async () => {
    const watched = await bob.watch('/users/1', { first: false });
    for (const path of ['/users/2', '/users/1/posts', '/users', '/users/11', '/posts/*', '/users/*/posts'])
      expect(await stage.bump(path)).toBe(0);
    expect([stage.api.asked, watched.pages]).toEqual([[], []]);
  });

  test('4. 401: asks for another token, once, and ends where none comes', async () => {
    stage.api.tokens = new Set(['old']);
    const asked: string[] = [];
    const tokens = ['old', 'new', 'worse'];
    const token = () => {
      const next = tokens.shift();
      asked.push(`${next}`);
      return next;
    };
    const fickle = await bob.watch('/users/1', { token });
    const rigid = await bob.watch('/users/1', { token: 'old' });
    stage.api.tokens = new Set(['new']);
    stage.api.pages.set('/users/1', { name: 'Eve' });
    await stage.bump('/users/1');
    expect(asked).toEqual(['old', 'new']);
    expect(bodies(fickle)).toEqual([{ name: 'Ann' }, { name: 'Eve' }]);
    expect(rigid.states).toEqual(['opening', 'live', 'UNAUTHORIZED']);
    stage.api.tokens = new Set(['other']);
    await stage.bump('/users/1');
    expect(asked).toEqual(['old', 'new', 'worse']);
    // The API took none of the two: nobody is asked a third time.
    expect(fickle.states).toEqual(['opening', 'live', 'UNAUTHORIZED']);
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
  });

  test.each([403, 404, 410])('4. %i is pushed, and is the end', async (status) => {
    const watched = await bob.watch('/users/1');
    stage.api.answer = (_, response) => send(response, status, { error: 'no more' });
    await stage.bump('/users/1');
    expect(watched.pages.at(-1)).toMatchObject({ status, body: { error: 'no more' } });
    expect(watched.states.at(-1)).toBe(`HTTP_${status}`);
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
    const count = stage.api.asked.length;
    await stage.bump('/users/1');
    expect(stage.api.asked).toHaveLength(count);
    // The same is so where it is the first page.
    const late = await bob.watch('/users/1');
    expect([late.pages.at(-1)?.status, late.states.at(-1)]).toEqual([status, `HTTP_${status}`]);
  });

  const troubles: [string, string, Answer | undefined][] = [
    ['500', 'HTTP_500', (_, response) => send(response, 500, {})],
    ['429', 'HTTP_429', (_, response) => send(response, 429, {})],
    ['a time-out', 'TIMEOUT', (_, response) => stage.api.hold(response)],
    ['a refused connection', 'UNREACHABLE', undefined],
    ['a connection that is cut', 'UNREACHABLE', (_, response) => response.destroy()],
    [
      'a body that is cut',
      'UNREACHABLE',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{');
        setImmediate(() => response.destroy());
      },
    ],
    [
      'a slow body',
      'TIMEOUT',
      (_, response) => {
        stage.api.hold(response);
        response.writeHead(200);
        response.write('{"name":');
      },
    ],
  ];
  test.each(troubles)('4. %s: stale, tried again, and in the end as it is', async (_, why, answer) => {
    const watched = await bob.watch('/users/1');
    stage.api.pages.set('/users/1', { name: 'Eve' });
    stage.api.answer = answer;
    if (answer === undefined) await stage.api.kill();
    stage.refetch.bump('/users/1');
    await stage.pass(6_000);
    expect(watched.states).toEqual(['opening', 'live', why]);
    expect(bodies(watched)).toEqual([{ name: 'Ann' }]);
    stage.api.answer = undefined;
    if (answer === undefined) await stage.api.start();
    await stage.pass(60_000);
    expect(watched.states).toEqual(['opening', 'live', why, 'live']);
    expect(bodies(watched)).toEqual([{ name: 'Ann' }, { name: 'Eve' }]);
    expect(watched.pages.at(-1)?.reason).toBe('bump');
  });

  test('4. a body that is too large: stale until the next bump', async () => {
    const watched = await bob.watch('/users/1');
    stage.api.pages.set('/users/1', { name: 'x'.repeat(1_000) });
    await stage.bump('/users/1');
    await stage.pass(300_000);
    expect(watched.states.at(-1)).toBe('TOO_LARGE');
    expect(stage.api.asked).toHaveLength(2);
    stage.api.pages.set('/users/1', { name: 'Eve' });
    await stage.bump('/users/1');
    expect(bodies(watched)).toEqual([{ name: 'Ann' }, { name: 'Eve' }]);
    expect(watched.states.at(-1)).toBe('live');
  });

  test('5. a hundred bumps in a burst: one fetch, and the final page is the final state', async () => {
    const watched = await bob.watch('/users/1', { first: false });
    for (let i = 0; i < 100; i++) {
      stage.api.pages.set('/users/1', { edit: i });
      stage.refetch.bump('/users/1');
    }
    await stage.pass(1_000);
    expect(stage.api.asked).toHaveLength(1);
    expect(bodies(watched)).toEqual([{ edit: 99 }]);
  });

  test('5. a bump during a fetch: the page that was being fetched comes first, the final state last', async () => {
    const watched = await bob.watch('/users/1');
    const held: (() => void)[] = [];
    stage.api.answer = (asked, response) => {
      const { edit } = stage.api.pages.get('/users/1') as { edit: number };
      stage.api.hold(response);
      held.push(() => send(response, 200, { edit, path: asked.path }));
    };
    for (const edit of [1, 2, 3]) {
      stage.api.pages.set('/users/1', { edit });
      stage.refetch.bump('/users/1');
      await stage.pass(30);
    }
    expect(held).toHaveLength(1);
    stage.api.answer = undefined;
    held[0]?.();
    await stage.pass(1_000);
    expect(bodies(watched)).toEqual([{ name: 'Ann' }, { edit: 1, path: '/users/1' }, { edit: 3 }]);
    expect(stage.api.asked).toHaveLength(3);
  });

  test('6. unwatch, then a bump: no request', async () => {
    const watched = await bob.watch('/users/1', { token: 't' });
    const other = await bob.watch('/users/1', { token: 'other' });
    watched.watch.unwatch();
    await stage.quiet();
    stage.api.pages.set('/users/1', { name: 'Eve' });
    await stage.bump('/users/1');
    expect(stage.api.asked.map(({ token }) => token)).toEqual(['t', 'other', 'other']);
    expect([watched.pages.length, other.pages.length]).toEqual([1, 2]);
    expect(watched.states.at(-1)).toBe('UNWATCHED');
    expect(stage.stats).toMatchObject({ watches: 1, credentials: 1 });
  });

  test('6. a disconnect beyond the resume window, then a bump: no request, and no watch', async () => {
    await bob.watch('/users/1', { token: 't' });
    bob.online = false;
    bob.client.drop();
    await stage.pass(59_000);
    expect(stage.stats).toMatchObject({ watches: 1, credentials: 1 });
    await stage.pass(2_000);
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
    await stage.bump('/users/1');
    expect(stage.api.asked).toHaveLength(1);
  });

  test('7. the header keeps an API’s view counter still; an ordinary GET counts', async () => {
    await bob.watch('/users/1');
    await stage.bump('/users/1');
    expect([stage.api.asked.length, stage.api.views.get('/users/1')]).toEqual([2, undefined]);
    await (await fetch(`${stage.api.origin}/users/1`)).text();
    expect(stage.api.views.get('/users/1')).toBe(1);
  });

  test('8. the upstream killed and restarted: all converge, and are not asked by all at once', async () => {
    const watched: Watched[] = [];
    for (let i = 0; i < 20; i++) watched.push(await bob.watch('/users/1', { token: `t${i}` }));
    await stage.api.kill();
    stage.api.pages.set('/users/1', { name: 'Eve' });
    stage.refetch.bump('/users/1');
    await stage.pass(20_000);
    expect(new Set(watched.map(({ watch }) => watch.state.state))).toEqual(new Set(['stale']));
    expect(stage.stats.upstreamUp).toBe(0);
    // Five failures opened it, with those that ran already; then one is tried each time.
    expect(stage.stats.faults).toBeLessThan(30);
    await stage.api.start();
    await stage.pass(10_000);
    for (const each of watched) {
      expect(each.states).toEqual(['opening', 'live', 'UNREACHABLE', 'live']);
      expect(bodies(each)).toEqual([{ name: 'Ann' }, { name: 'Eve' }]);
    }
    expect(stage.stats.upstreamUp).toBe(1);
  });
});

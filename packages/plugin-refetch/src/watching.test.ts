import { ReplyError } from '@callboard/core';
import { turn } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { send } from '../test/api.ts';
import { Stage, type StageOptions, type Tab, type Watched } from '../test/stage.ts';

describe('a watch', () => {
  let stage: Stage;
  let bob: Tab;
  const bodies = ({ pages }: Watched) => pages.map(({ body }) => body);
  const begin = async (options?: StageOptions) => {
    await stage?.end();
    stage = await Stage.open(options);
    stage.api.pages.set('/users/1', 1);
    bob = await stage.tab('bob');
  };
  const lose = () => {
    bob.online = false;
    bob.client.drop();
  };
  const edit = async (body: unknown) => {
    stage.api.pages.set('/users/1', body);
    await stage.bump('/users/1');
  };
  beforeEach(() => begin());
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
    stage = undefined as never;
  });

  test('begins with the page as it is, and is acknowledged', async () => {
    const { watch, pages, states } = await bob.watch('/users/1');
    await watch.acknowledged();
    expect(pages).toMatchObject([{ body: 1, reason: 'first' }]);
    expect([watch.path, watch.page, watch.state]).toEqual(['/users/1', pages[0], { state: 'live' }]);
    expect(states).toEqual(['opening', 'live']);
    const late: unknown[] = [];
    watch.subscribe(({ body }) => late.push(body))();
    expect(late).toEqual([1]);
  });

  test('has no gap at its beginning, whenever a bump comes', async () => {
    for (const first of [true, false]) {
      for (let turns = 0; turns < 30; turns++) {
        stage.api.pages.set('/users/1', `before ${turns}`);
        const watch = bob.client.refetch.watch('/users/1', { first, token: `t${turns}` });
        const seen: unknown[] = [];
        watch.subscribe(({ body }) => seen.push(body));
        let acknowledged = false;
        watch.acknowledged().then(() => {
          acknowledged = true;
        });
        for (let i = 0; i < turns; i++) await turn();
        const isCertain = acknowledged || first;
        await edit(`after ${turns}`);
        await stage.quiet();
        if (isCertain) expect(seen.at(-1)).toBe(`after ${turns}`);
        expect(seen.filter((body) => !String(body).endsWith(` ${turns}`))).toEqual([]);
        expect(seen.length).toBeLessThan(3);
        watch.unwatch();
      }
    }
  });

  test('that begins before there is a connection begins with it', async () => {
    lose();
    await stage.pass(100);
    const watched = await bob.watch('/users/1');
    expect(watched.states).toEqual(['opening']);
    bob.online = true;
    await stage.pass(60_000);
    expect(bodies(watched)).toEqual([1]);
  });

  test('goes on over a lost connection: what was missed comes, and nothing is fetched for it', async () => {
    const watched = await bob.watch('/users/1');
    lose();
    await edit(2);
    bob.online = true;
    await stage.pass(30_000);
    expect([bodies(watched), stage.api.asked.length]).toEqual([[1, 2], 2]);
    expect(watched.pages[1]?.reason).toBe('bump');
  });

  test('where more was missed than is kept, the last is what counts', async () => {
    const watched = await bob.watch('/users/1');
    lose();
    for (const body of [2, 3, 4]) await edit(body);
    bob.online = true;
    await stage.pass(30_000);
    expect([bodies(watched), stage.api.asked.length]).toEqual([[1, 4], 4]);
    lose();
    for (const body of [5, 6]) await edit(body);
    await stage.pass(58_000);
    // By now the last page is not kept any more either.
    await stage.refetch.revalidate();
    bob.online = true;
    await stage.pass(30_000);
    expect(bodies(watched)).toEqual([1, 4, 6]);
  });

  test('knows the page also where only what came after it is kept', async () => {
    const watched = await bob.watch('/users/1');
    lose();
    await edit(2);
    stage.api.answer = (_, response) => response.destroy();
    await stage.bump('/users/1');
    stage.api.answer = undefined;
    await stage.pass(10_000);
    bob.online = true;
    await stage.pass(30_000);
    expect([bodies(watched), watched.watch.state.state]).toEqual([[1, 2], 'live']);
  });

  test('passes over an answer that comes after what is newer than it', async () => {
    stage.api.answer = (asked, response) => {
      // The reply is on its way when the connection breaks.
      bob.road.wire?.freeze();
      stage.api.reply(asked, response);
    };
    const watched = await bob.watch('/users/1');
    expect(watched.pages).toEqual([]);
    stage.api.answer = undefined;
    lose();
    await edit(2);
    bob.online = true;
    await stage.pass(30_000);
    expect([bodies(watched), stage.api.asked.length]).toEqual([[2], 2]);
  });

  test('is taken up again where the server does not know it any more', async () => {
    const watched = await bob.watch('/users/1');
    await stage.finish(bob.client.sendToServer({ type: 'REFETCH_UNWATCH', watch: 1 }));
    expect(stage.stats.watches).toBe(0);
    await stage.pass(2_100);
    await edit(2);
    expect([bodies(watched), stage.stats.watches]).toEqual([[1, 2], 1]);
  });

  test('asks for another token once, by whatever way it is told', async () => {
    stage.api.tokens = new Set(['good']);
    const given: string[] = [];
    const source = ['bad', 'good', 'worse'];
    const token = () => {
      given.push(source[0] as string);
      return source.shift();
    };
    const watched = await bob.watch('/users/1', { token });
    expect([given, bodies(watched)]).toEqual([['bad', 'good'], [1]]);
  });

  test('asks for another token once where more was missed, too', async () => {
    stage.api.tokens = new Set(['good']);
    const given: string[] = [];
    const token = () => {
      given.push('good');
      if (given.length === 1) return 'good';
      return new Promise<string>((resolve) => stage.clock.setTimeout(() => resolve('better'), 500));
    };
    const watched = await bob.watch('/users/1', { token });
    lose();
    await edit(2);
    stage.api.tokens = new Set(['better']);
    await edit(3);
    bob.online = true;
    await stage.pass(30_000);
    expect([given.length, bodies(watched)]).toEqual([2, [1, 3]]);
  });

  test.each(['beyond the resume window', 'to a new server'])(
    'is taken up again %s, conditionally',
    async (how) => {
      let etag = '"1"';
      stage.api.answer = ({ headers }, response) =>
        headers['if-none-match'] === etag
          ? send(response, 304, undefined)
          : send(response, 200, etag, { etag });
      const watched = await bob.watch('/users/1', { token: 't' });
      for (const next of ['"1"', '"2"']) {
        lose();
        if (how === 'to a new server') {
          await stage.finish(stage.node.server.disconnect({ graceMs: 0 }));
          await stage.serve();
        } else await stage.pass(70_000);
        etag = next;
        expect(stage.stats.watches).toBe(0);
        bob.online = true;
        await stage.pass(60_000);
        expect(stage.stats).toMatchObject({ watches: 1, credentials: 1 });
      }
      expect(watched.pages).toMatchObject([
        { body: '"1"', reason: 'first' },
        { body: '"2"', reason: 'revalidated' },
      ]);
      expect(stage.api.asked.map(({ headers }) => headers['if-none-match'])).toEqual([
        undefined,
        '"1"',
        '"1"',
      ]);
      expect(watched.watch.state.state).toBe('live');
      etag = '"3"';
      await stage.bump('/users/1');
      expect(bodies(watched)).toEqual(['"1"', '"2"', '"3"']);
      expect(bob.logs.map(({ message }) => message)).not.toContain('a channel was refused');
    },
  );

  test('without a first page has what changed while its session was lost, or its token was refused', async () => {
    const source = ['one', 'two'];
    stage.api.tokens = new Set(source);
    const watched = await bob.watch('/users/1', { first: false, token: () => source.shift() ?? 'two' });
    stage.api.tokens = new Set(['two']);
    await edit(2);
    expect(bodies(watched)).toEqual([2]);
    const other = await bob.watch('/users/1', { first: false, token: 'two' });
    expect(bodies(other)).toEqual([]);
    lose();
    await stage.finish(stage.node.server.disconnect({ graceMs: 0 }));
    stage.api.pages.set('/users/1', 3);
    await stage.serve();
    bob.online = true;
    await stage.pass(60_000);
    expect([bodies(watched), bodies(other)]).toEqual([[2, 3], [3]]);
  });

  test('is one of several of the same: each ends by itself', async () => {
    const [one, two] = [await bob.watch('/users/1'), await bob.watch('/users/1')];
    one.watch.unwatch();
    one.watch.unwatch();
    await edit(2);
    expect([bodies(one), bodies(two)]).toEqual([[1], [1, 2]]);
    two.watch.unwatch();
    await stage.quiet();
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
    const again = await bob.watch('/users/1');
    await edit(3);
    expect(bodies(again)).toEqual([2, 3]);
  });

  test('ends on the server, too, where it ends without a connection', async () => {
    for (const ms of [0, 50_000]) {
      const { watch } = await bob.watch('/users/1', { token: 't' });
      lose();
      await stage.pass(ms);
      watch.unwatch();
      bob.online = true;
      await stage.pass(30_000);
      expect([ms, stage.stats.watches, stage.stats.credentials]).toEqual([ms, 0, 0]);
    }
  });

  test('ends in the middle of a request, which is given up', async () => {
    stage.api.answer = (_, response) => stage.api.hold(response);
    const { watch } = await bob.watch('/users/1');
    expect(stage.api.held).toBe(1);
    watch.unwatch();
    await stage.pass(10);
    expect([stage.api.held, stage.stats.running, stage.stats.faults]).toEqual([0, 0, 0]);
  });

  test('ends with its client', async () => {
    const watched = await bob.watch('/users/1');
    await stage.finish(bob.client.close());
    await stage.quiet();
    expect(watched.states.at(-1)).toBe('CLOSED');
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
    await expect(watched.watch.acknowledged()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('is not ended by a callback that throws', async () => {
    const watched = await bob.watch('/users/1');
    watched.watch.subscribe(() => {
      throw new Error('broken');
    });
    await edit(2);
    expect(bodies(watched)).toEqual([1, 2]);
    expect(bob.logs.map(({ message }) => message)).toEqual(['an observer failed']);
  });

  test.each([
    ['/users/../admin', 'INVALID_PATH'],
    ['http://evil.example/users/1', 'INVALID_PATH'],
    ['/admin', 'FORBIDDEN'],
    ['/users/1/posts', 'FORBIDDEN'],
  ])('of %s is refused: %s', async (path, code) => {
    const watched = await bob.watch(path);
    expect(watched.states).toEqual(['opening', code]);
    await expect(watched.watch.acknowledged()).rejects.toMatchObject({ code });
    expect(stage.api.asked).toEqual([]);
  });

  test('is refused by the application', async () => {
    await begin({
      canWatch: async ({ client, path }) => {
        if (path === '/users/7') throw new ReplyError('NOT_YOURS');
        return path === `/users/${client.user.id}?x=1`;
      },
    });
    stage.api.pages.set('/users/bob?x=1', 'mine');
    expect(bodies(await bob.watch('/users/bob?x=1'))).toEqual(['mine']);
    expect((await bob.watch('/users/bob')).states.at(-1)).toBe('FORBIDDEN');
    const refused = await bob.watch('/users/7');
    expect(refused.states).toEqual(['opening', 'NOT_YOURS']);
    expect(stage.api.asked).toHaveLength(1);
  });

  test('without a rule is refused', async () => {
    await begin({ paths: [] });
    expect((await bob.watch('/users/1')).states.at(-1)).toBe('FORBIDDEN');
  });

  test('is one of so many that a client may have', async () => {
    await begin({ maxWatches: 3 });
    for (let i = 0; i < 3; i++) await bob.watch('/users/1', { token: `t${i}` });
    const many = await bob.watch('/users/1');
    expect(many.states.at(-1)).toBe('TOO_MANY_WATCHES');
    const other = await stage.tab('bob');
    expect((await other.watch('/users/1')).states.at(-1)).toBe('live');
  });

  test('with a token that expires is asked for it anew in time', async () => {
    const tokens = [1, 2, 3].map((i) => jwt({ exp: stage.clock.now() / 1_000 + 600 * i }));
    const source = [...tokens];
    const watched = await bob.watch('/users/1', { token: () => source.shift() });
    const rigid = await bob.watch('/users/1', { token: tokens[0] as string });
    await stage.pass(610_000);
    await edit(2);
    expect(new Set(stage.api.asked.slice(-1).map(({ token }) => token))).toEqual(new Set([tokens[1]]));
    expect(bodies(watched)).toEqual([1, 2]);
    // It has no other one, and is not to be asked again and again.
    expect(rigid.states.at(-1)).toBe('UNAUTHORIZED');
  });

  test('tells its token again where it was kept long enough', async () => {
    await begin({ tokenTtlMs: 100_000 });
    const watched = await bob.watch('/users/1', { token: 't' });
    await stage.pass(350_000);
    await edit(2);
    expect([bodies(watched), stage.stats.watches]).toEqual([[1, 2], 1]);
    expect(watched.states).toEqual(['opening', 'live']);
  });

  test('whose client brings no other token ends', async () => {
    await begin({
      tokenTtlMs: 100_000,
      tokenWaitMs: 20_000,
      server: { limits: { resumeWindowMs: 1_000_000 } },
    });
    const watched = await bob.watch('/users/1', { token: 't' });
    lose();
    await stage.pass(119_000);
    expect(stage.stats).toMatchObject({ watches: 1, credentials: 0 });
    await stage.pass(2_000);
    expect(stage.stats).toMatchObject({ watches: 0, credentials: 0 });
    bob.online = true;
    await stage.pass(60_000);
    expect(watched.states.at(-1)).toBe('UNAUTHORIZED');
  });

  test('is revalidated where bumps may have been missed', async () => {
    const watched = await bob.watch('/users/1');
    stage.api.pages.set('/users/1', 2);
    expect(stage.refetch.revalidate()).toBe(1);
    await stage.pass(100);
    expect(watched.pages[1]).toMatchObject({ body: 2, reason: 'revalidated' });
  });

  test('leaves no token in logs, stats and names', async () => {
    const token = 'a-very-secret-token';
    await bob.watch('/users/1', { token, headers: { accept: token } });
    stage.api.answer = (_, response) => response.destroy();
    await stage.bump('/users/1');
    await stage.pass(100_000);
    const names = [...(stage.node.server.users.get('bob')?.clients ?? [])].map(({ id }) => id);
    const told = JSON.stringify([stage.node.logs, stage.node.server.stats(), bob.logs, names]);
    expect(stage.node.logs.map(({ message }) => message)).toContain('the upstream does not answer');
    expect(told).not.toContain(token);
  });
});

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.signature`;
}

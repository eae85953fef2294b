import type { Gateway, GatewayHost, OwnPublication } from '@callboard/core';
import { type TestClient, turn } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Stage } from '../test/stage.ts';
import type { Watching, WirePage } from './contract.ts';

/** A client that speaks the wire's language itself, and does as it likes. */
describe('a client of its own mind', () => {
  let stage: Stage;
  let mallory: TestClient;
  const ask = async (action: { readonly type: string }) => {
    const reply = mallory.expectReply(mallory.call(action));
    await stage.quiet();
    return reply;
  };
  const refused = async (action: { readonly type: string }, code: string) => {
    const error = mallory.expectError(mallory.call(action), code);
    await stage.quiet();
    await error;
  };
  let lastId = 0;
  const watch = async (token: string) => {
    const id = ++lastId;
    const asked = { type: 'REFETCH_WATCH', watch: id, path: '/users/1', token };
    return { watch: id, ...((await ask(asked)) as Watching) };
  };
  beforeEach(async () => {
    stage = await Stage.open();
    stage.api.pages.set('/users/1', 1);
    mallory = await stage.raw('mallory');
  });
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
  });

  test('reads no page that it does not watch, by any channel or filter', async () => {
    const bob = await stage.tab('bob');
    await bob.watch('/users/1', { token: 'bob' });
    const { channel } = await watch('mallory');
    const names = [...(stage.node.server.users.get('bob')?.clients ?? [])].map(({ id }) => id);
    expect(names).toHaveLength(1);
    await stage.bump('/users/1');
    for (const name of ['refetch/page/x', `${channel}x`, 'refetch/page/+', 'refetch/#', '#', '+/+/+']) {
      const error = mallory.request({ op: 'subscribe', channels: [name] });
      await stage.quiet();
      await mallory.expectError(error, 'FORBIDDEN');
    }
    await mallory.join(channel);
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    await mallory.expectPublication({ channel });
    await stage.quiet();
    const publications = mallory.frames.filter(({ op }) => op === 'publication');
    expect(publications).toHaveLength(1);
  });

  test('publishes no page, and none of the server’s words', async () => {
    const bob = await stage.tab('bob');
    const { pages } = await bob.watch('/users/1', { token: 'shared' });
    const { channel } = await watch('shared');
    const error = mallory.publish(channel, {
      kind: 'page',
      seq: 99,
      tag: 'x',
      status: 200,
      headers: {},
      body: 'x',
    });
    await stage.quiet();
    await mallory.expectError(error, 'FORBIDDEN');
    expect(pages).toHaveLength(1);
  });

  test('that reads slowly is sent the newest page, and not all of them', async () => {
    const { channel } = await watch('shared');
    await mallory.join(channel);
    mallory.wire.freeze?.();
    for (let edit = 1; edit <= 20; edit++) {
      stage.api.pages.set('/users/1', { edit, filler: 'x'.repeat(20_000) });
      await stage.bump('/users/1');
    }
    mallory.wire.thaw?.();
    await stage.pass(100);
    const sent = mallory.frames.flatMap((frame) =>
      frame.op === 'publication' ? [frame.data as WirePage] : [],
    );
    expect(sent.length).toBeLessThan(8);
    expect(JSON.parse(sent.at(-1)?.body ?? '')).toMatchObject({ edit: 20 });
    expect(mallory.frames.filter(({ op }) => op === 'gap')).toMatchObject([
      { stream: channel, reason: 'conflated' },
    ]);
  });

  test('behind a broker that the server joins gets no page, and brings none', async () => {
    let host: GatewayHost | undefined;
    const start = (given: GatewayHost) => {
      host = given;
    };
    await stage.end();
    const bridge: Gateway = { name: 'bridge', foreign: true, start, stop() {} };
    stage = await Stage.open({ canBump: () => false, server: { transports: [bridge] } });
    stage.api.pages.set('/users/1', 1);
    const channels = host?.channels as GatewayHost['channels'];
    expect(channels.patterns).toEqual(['refetch/bump']);
    const heard: string[] = [];
    const listener = ({ channel }: OwnPublication) => void heard.push(channel);
    channels.listen(listener);
    const bob = await stage.tab('bob');
    const { pages } = await bob.watch('/users/1');
    stage.api.pages.set('/users/1', 2);
    // Who may do what at a broker the broker decides.
    await channels.publish({ channel: 'refetch/bump', payload: Buffer.from('/users/1') }, listener);
    await stage.pass(30);
    expect([pages.map(({ body }) => body), heard]).toEqual([[1, 2], []]);
  });

  test('has no say in the watches of others', async () => {
    const bob = await stage.tab('bob');
    const watched = await bob.watch('/users/1', { token: 'bob' });
    for (let id = 0; id < 5; id++) {
      await refused({ type: 'REFETCH_PAGE', watch: id } as never, 'UNKNOWN_WATCH');
      await refused({ type: 'REFETCH_TOKEN', watch: id, token: 'x' } as never, 'UNKNOWN_WATCH');
      await ask({ type: 'REFETCH_UNWATCH', watch: id } as never);
    }
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    expect(watched.pages.map(({ body }) => body)).toEqual([1, 2]);
  });

  test('that goes on reading what it does not watch any more is sent no more of it', async () => {
    const bob = await stage.tab('bob');
    const watched = await bob.watch('/users/1', { token: 'shared' });
    const { watch: id, channel } = await watch('shared');
    await mallory.join(channel);
    await ask({ type: 'REFETCH_UNWATCH', watch: id } as never);
    expect(await mallory.expectUnsubscribed()).toMatchObject({ channels: [channel], code: 'FORBIDDEN' });
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    expect(watched.pages).toHaveLength(2);
    expect(mallory.frames.filter(({ op }) => op === 'publication')).toEqual([]);
  });

  test('that stays in the channel of a watch that the API ended is sent nothing of the next', async () => {
    const { channel } = await watch('shared');
    await mallory.join(channel);
    stage.api.pages.delete('/users/1');
    await stage.bump('/users/1');
    await mallory.expectPublication({ channel });
    stage.api.pages.set('/users/1', 2);
    const bob = await stage.tab('bob');
    await bob.watch('/users/1', { token: 'shared' });
    expect(await mallory.expectUnsubscribed()).toMatchObject({ channels: [channel] });
  });

  test('cannot make others believe that nothing changed, by validators of its own', async () => {
    stage.api.answer = ({ headers }, response) => {
      const etag = `"${stage.api.pages.get('/users/1')}"`;
      response.writeHead(headers['if-none-match'] === etag ? 304 : 200, { etag });
      response.end(headers['if-none-match'] === etag ? undefined : etag);
    };
    // It knows what the next one will be.
    const { watch: id } = await watch('shared');
    await ask({ type: 'REFETCH_PAGE', watch: id, tag: 'x', etag: '"1"' } as never);
    const bob = await stage.tab('bob');
    const watched = await bob.watch('/users/1', { token: 'shared' });
    await ask({ type: 'REFETCH_PAGE', watch: id, tag: 'x', etag: '"2"' } as never);
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    expect(watched.pages.map(({ body }) => body)).toEqual(['"1"', '"2"']);
    // Nor while a bump waits.
    stage.api.pages.set('/users/1', 3);
    stage.refetch.bump('/users/1');
    await ask({ type: 'REFETCH_PAGE', watch: id, tag: 'x', etag: '"3"' } as never);
    await stage.pass(100);
    expect(watched.pages.map(({ body }) => body)).toEqual(['"1"', '"2"', '"3"']);
  });

  test('brings no token after token', async () => {
    stage.api.tokens = new Set();
    const { watch: id } = await watch('bad');
    expect(await ask({ type: 'REFETCH_PAGE', watch: id } as never)).toMatchObject({
      kind: 'token',
      why: 'refused',
    });
    await ask({ type: 'REFETCH_TOKEN', watch: id, token: 'worse' } as never);
    expect(await ask({ type: 'REFETCH_PAGE', watch: id } as never)).toMatchObject({
      kind: 'token',
      why: 'refused',
    });
    await refused({ type: 'REFETCH_TOKEN', watch: id, token: 'worst' } as never, 'UNAUTHORIZED');
    await refused({ type: 'REFETCH_PAGE', watch: id } as never, 'UNKNOWN_WATCH');
  });

  test('brings the token that it has: its watch goes on', async () => {
    const { watch: id, channel, seq } = await watch('same');
    await ask({ type: 'REFETCH_PAGE', watch: id } as never);
    expect(await ask({ type: 'REFETCH_TOKEN', watch: id, token: 'same' } as never)).toMatchObject({
      channel,
    });
    expect(await ask({ type: 'REFETCH_PAGE', watch: id, seq } as never)).toMatchObject({ body: '1' });
    await mallory.join(channel);
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    await mallory.expectPublication({ channel });
  });

  test('brings no other token in time: that ends no watch of those who came with this one since', async () => {
    stage.api.tokens = new Set();
    const { watch: id } = await watch('shared');
    await ask({ type: 'REFETCH_PAGE', watch: id } as never);
    await stage.pass(30_000);
    // The API takes it after all.
    stage.api.tokens = undefined;
    const bob = await stage.tab('bob');
    const watched = await bob.watch('/users/1', { token: 'shared' });
    await stage.pass(40_000);
    expect(stage.stats).toMatchObject({ watches: 1, credentials: 1 });
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    expect([watched.pages.map(({ body }) => body), watched.states]).toEqual([
      [1, 2],
      ['opening', 'live'],
    ]);
  });

  test('says what is none, and is told so; nothing is asked of the API', async () => {
    for (const bad of [
      { type: 'REFETCH_WATCH', watch: 1 },
      { type: 'REFETCH_WATCH', path: '/users/1' },
      { type: 'REFETCH_WATCH', watch: 1, path: 7 },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', token: '' },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', token: 'a b' },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', token: 'a\r\nHost: evil' },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', token: 'x'.repeat(8_193) },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', headers: ['accept'] },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', headers: { accept: 7 } },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', headers: { accept: 'a\r\nHost: evil' } },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', headers: { 'a b': 'c' } },
      { type: 'REFETCH_WATCH', watch: 1, path: '/users/1', headers: { accept: 'x'.repeat(8_192) } },
      { type: 'REFETCH_PAGE' },
      { type: 'REFETCH_PAGE', watch: '1' },
      { type: 'REFETCH_PAGE', watch: 1, etag: 'a\nb' },
      { type: 'REFETCH_TOKEN', watch: 1 },
      { type: 'REFETCH_UNWATCH', watch: -1 },
    ])
      await refused(bad, 'INVALID_ACTION');
    await refused({ type: 'REFETCH_WATCH', watch: 1, path: '//evil' } as never, 'INVALID_PATH');
    expect([stage.api.asked, stage.stats.watches]).toEqual([[], 0]);
  });

  test('whatever it says: the server lives, and the API sees no other path', async () => {
    const type = fc.constantFrom('REFETCH_WATCH', 'REFETCH_PAGE', 'REFETCH_TOKEN', 'REFETCH_UNWATCH');
    const path = fc.oneof(fc.constantFrom('/users/1', '/users/../x', '//x', '/users/%2e'), fc.string());
    const value = fc.jsonValue().filter((each) => !JSON.stringify(each).includes('__proto__'));
    const field = fc.oneof(value, fc.nat(9), fc.constant({ host: 'evil', accept: 'x/y' }));
    const words = fc.record(
      {
        type,
        path,
        watch: field,
        token: fc.oneof(fc.string(), field),
        headers: field,
        tag: field,
        etag: field,
      },
      { requiredKeys: ['type'] },
    );
    await fc.assert(
      fc.asyncProperty(words, async (action) => {
        mallory.call(action);
        await turn();
      }),
      { numRuns: 300 },
    );
    await stage.quiet();
    expect(mallory.closed).toBe(undefined);
    const allowed = /^\/users\/[^/]+$/;
    expect(stage.api.asked.filter((asked) => !allowed.test(asked.path.split('?', 1)[0] ?? ''))).toEqual([]);
    for (const { headers } of stage.api.asked) expect(headers.host).toBe(stage.api.origin.slice(7));
  });
});

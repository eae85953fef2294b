import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { until } from '@callboard/testkit';
import { afterEach, describe, expect, test } from '@jest/globals';
import { send } from '../test/api.ts';
import { Stage, type StageOptions, type Watched } from '../test/stage.ts';

/** An API that does as it likes: what is told of it is stale or sound, and nobody else has to wait for it. */
describe('an upstream', () => {
  let stage: Stage;
  /** What is to be in its log. */
  let errors: string[] = [];
  const bodies = ({ pages }: Watched) => pages.map(({ body }) => body);
  const begin = async (options?: StageOptions) => {
    stage = await Stage.open({ timeoutMs: 5_000, maxBodyBytes: 1_000, circuitFailures: 1_000, ...options });
    stage.api.pages.set('/users/1', 1);
    return stage.tab('bob');
  };
  afterEach(async () => {
    await stage.end();
    expect([...new Set(stage.node.errors.map(({ message }) => message))]).toEqual(errors.splice(0));
  });

  /** Writes bytes for as long as anybody takes them. */
  const endlessly = (response: ServerResponse, head: string, more: string) => {
    response.socket?.write(head);
    const go = () => {
      if (response.destroyed || response.socket === null) return;
      if (response.socket.writableLength < 100_000) response.socket.write(more);
      setImmediate(go);
    };
    go();
  };
  /** Writes some bytes, and then a byte now and then. */
  const slowly = (response: ServerResponse, head: string) => {
    stage.api.hold(response);
    response.socket?.write(head);
    const go = () => {
      if (response.destroyed) return;
      response.socket?.write('x');
      stage.clock.setTimeout(go, 1_000);
    };
    go();
  };
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
  test.each<[string, string, (response: ServerResponse) => void]>([
    [
      'headers without end',
      'UNREACHABLE',
      (response) => endlessly(response, 'HTTP/1.1 200 OK\r\n', 'x-a: b\r\n'.repeat(100)),
    ],
    [
      'a header without end',
      'UNREACHABLE',
      (response) => endlessly(response, 'HTTP/1.1 200 OK\r\nx-a: ', 'b'.repeat(1_000)),
    ],
    ['headers that come slowly', 'TIMEOUT', (response) => slowly(response, 'HTTP/1.1 200 OK\r\nx-a: ')],
    [
      'hints without end',
      'TIMEOUT',
      (response) => {
        stage.api.hold(response);
        endlessly(response, hint, hint);
      },
    ],
    [
      'a body without end',
      'TOO_LARGE',
      (response) => endlessly(response, chunked, '5\r\nhello\r\n'.repeat(10)),
    ],
    [
      'another protocol',
      'UNREACHABLE',
      (response) => void response.socket?.end('220 smtp.example ESMTP\r\n'),
    ],
    [
      'an upgrade that nobody asked for',
      'UNREACHABLE',
      (response) =>
        void response.socket?.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
        ),
    ],
    [
      'two lengths',
      'UNREACHABLE',
      (response) =>
        void response.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12'),
    ],
  ])('with %s is given up: %s', async (_, why, answer) => {
    const bob = await begin();
    let connections = 0;
    stage.api.answer = (asked, response) => {
      connections++;
      response.socket?.once('close', () => connections--);
      if (asked.path === '/users/1') answer(response);
      else stage.api.reply(asked, response);
    };
    const watched = await bob.watch('/users/1');
    await stage.pass(5_000);
    expect([watched.states, watched.pages]).toEqual([['opening', 'live', why], []]);
    watched.watch.unwatch();
    await until(() => connections === 0, 'the end of its connections');
    expect(stage.stats.running).toBe(0);
  });

  test('that says 503 and never comes to the end keeps no place', async () => {
    const bob = await begin({ concurrency: 2 });
    const head = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10000\r\n\r\n';
    stage.api.pages.set('/users/2', 2);
    stage.api.answer = (asked, response) =>
      asked.path === '/users/1' ? slowly(response, head) : stage.api.reply(asked, response);
    const watched = [];
    for (let i = 0; i < 4; i++) watched.push(await bob.watch('/users/1', { token: `t${i}` }));
    await stage.pass(30_000);
    expect(stage.api.of('/users/1').length).toBeGreaterThan(4);
    for (const { states } of watched) expect(states).toEqual(['opening', 'live', 'HTTP_503']);
    const other = await (await stage.tab('alice')).watch('/users/2');
    await stage.pass(10_000);
    expect(bodies(other)).toEqual([2]);
    expect(stage.api.held).toBeLessThanOrEqual(2);
  });

  test('with pages that are slow keeps half of the places free for other users', async () => {
    const bob = await begin({ concurrency: 4 });
    stage.api.answer = (asked, response) =>
      asked.token === 'slow' ? stage.api.hold(response) : stage.api.reply(asked, response);
    for (let i = 0; i < 8; i++) void bob.client.refetch.watch(`/users/1?${i}`, { token: 'slow' });
    await stage.quiet();
    expect([stage.stats.running, stage.stats.waiting]).toEqual([2, 6]);
    const alice = await (await stage.tab('alice')).watch('/users/1', { token: 'a' });
    expect([bodies(alice), stage.stats.running]).toEqual([[1], 2]);
  });

  test('with pages that are slow does not hold up what others watch, too', async () => {
    const bob = await begin({ concurrency: 4 });
    stage.api.answer = (asked, response) =>
      asked.token === 'slow' ? stage.api.hold(response) : stage.api.reply(asked, response);
    const his = await bob.watch('/users/1');
    const hers = await (await stage.tab('alice')).watch('/users/1');
    for (let i = 0; i < 8; i++) void bob.client.refetch.watch(`/users/1?${i}`, { token: 'slow' });
    await stage.quiet();
    stage.api.pages.set('/users/1', 2);
    stage.refetch.bump('/users/1');
    await stage.pass(30);
    expect([bodies(his), bodies(hers)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('with a page that JSON makes six times as long ends nobody’s connection', async () => {
    const bob = await begin({ maxBodyBytes: 262_144 });
    const watched = [];
    for (const character of ['"', '\u0001', 'ä']) {
      const body = Buffer.from(character.repeat(262_144)).subarray(0, 262_144);
      stage.api.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(body);
      };
      watched.push(await bob.watch(`/users/1?${watched.length}`));
      await stage.pass(10_000);
    }
    expect(watched.map(({ states }) => states.at(-1))).toEqual(['live', 'TOO_LARGE', 'live']);
    expect(watched.map(({ pages }) => pages.length)).toEqual([1, 0, 1]);
    expect(stage.node.server.stats().connections).toEqual({ accepted: 1, resumed: 0 });
  });

  test('with a compressed page is not unpacked', async () => {
    const bob = await begin();
    const bomb = gzipSync(Buffer.alloc(500_000));
    stage.api.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end(bomb);
    };
    expect(bomb.length).toBeLessThan(1_000);
    expect(bodies(await bob.watch('/users/1'))).toEqual([new Uint8Array(bomb)]);
  });

  test('with headers that come twice is told of in one, and its validators are no use', async () => {
    const bob = await begin({ responseHeaders: ['x-a'] });
    stage.api.answer = (_, response) => {
      response.setHeader('etag', ['"1"', '"2"']);
      response.setHeader('x-a', ['1', '2']);
      response.end(`${stage.api.pages.get('/users/1')}`);
    };
    const watched = await bob.watch('/users/1');
    bob.client.drop();
    await stage.pass(70_000);
    stage.api.pages.set('/users/1', 2);
    await stage.bump('/users/1');
    expect(watched.pages.map(({ headers, body }) => [headers, body])).toEqual([
      [{ 'x-a': '1, 2' }, '1'],
      [{ 'x-a': '1, 2' }, '2'],
    ]);
    expect(watched.watch.state.state).toBe('live');
    expect(stage.api.asked.map(({ headers }) => headers['if-none-match'])).not.toContainEqual(
      expect.anything(),
    );
  });

  test('that redirects: an ETag of one resource says nothing of another', async () => {
    const bob = await begin();
    const etag = '"1"';
    let target: string | undefined = '/users/2';
    stage.api.answer = ({ path, headers }, response) => {
      if (path === '/users/1' && target !== undefined) return send(response, 302, {}, { location: target });
      if (headers['if-none-match'] === etag) return send(response, 304, undefined);
      return send(response, 200, path, { etag });
    };
    const watched = await bob.watch('/users/1');
    for (const next of ['/users/3', undefined, '/users/2']) {
      target = next;
      await stage.bump('/users/1');
    }
    expect(bodies(watched)).toEqual(['/users/2', '/users/3', '/users/1', '/users/2']);
    expect(stage.api.asked.map(({ path, headers }) => [path, headers['if-none-match']])).toEqual([
      ...[
        ['/users/1', undefined],
        ['/users/2', undefined],
      ],
      ...[
        ['/users/1', undefined],
        ['/users/3', undefined],
      ],
      ['/users/1', undefined],
      ...[
        ['/users/1', etag],
        ['/users/2', undefined],
      ],
    ]);
  });

  test.each<[string, () => readonly [string, string]]>([
    [
      'throws',
      () => {
        throw new Error('no secret-token');
      },
    ],
    ['is none', () => ['x-key', 'a\r\nhost: evil']],
    ['has no value', () => ['x-key', undefined as never]],
  ])('is not to blame where what a token is shown as %s', async (_, authorization) => {
    const bob = await begin({ authorization, circuitFailures: 1 });
    const watched = await bob.watch('/users/1', { token: 'secret-token' });
    expect(watched.states).toEqual(['opening', 'live', 'BROKEN']);
    expect([stage.api.asked, stage.stats.upstreamUp]).toEqual([[], 1]);
    errors = ['authorization gave no header'];
    expect(JSON.stringify(stage.node.logs)).not.toContain('secret-token');
  });
});

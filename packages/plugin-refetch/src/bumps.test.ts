import { once } from 'node:events';
import { connect } from 'node:net';
import { mqttTransport } from '@callboard/transport-mqtt';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Stage, type StageOptions, type Watched } from '../test/stage.ts';

const key = 'a key of 16 characters';

describe('a bump', () => {
  let stage: Stage;
  const watch = async (options: StageOptions, ...paths: string[]): Promise<Watched[]> => {
    stage = await Stage.open(options);
    const bob = await stage.tab('bob');
    const watched: Watched[] = [];
    for (const path of paths) {
      stage.api.pages.set(path, 0);
      watched.push(await bob.watch(path, { first: false }));
    }
    return watched;
  };
  /** Sorted, as several come by several connections at the same time. */
  const asked = () =>
    stage.api.asked
      .splice(0)
      .map(({ path }) => path)
      .sort();
  afterEach(async () => {
    await stage.end();
    expect(stage.node.errors).toEqual([]);
  });

  test.each<[string | string[], string[]]>([
    ['/users/1', ['/users/1', '/users/1?a=1']],
    ['/users/1?a=1', ['/users/1?a=1']],
    ['/us%65rs/1', ['/users/1', '/users/1?a=1']],
    ['/users/*', ['/users/1', '/users/1?a=1', '/users/2']],
    ['/public/**', ['/public/a/b']],
    ['/*/*', ['/users/1', '/users/1?a=1', '/users/2']],
    ['/**', ['/public/a/b', '/users/1', '/users/1?a=1', '/users/2']],
    [
      ['/users/1?a=1', '/users/2', '/users/2', '/users/9'],
      ['/users/1?a=1', '/users/2'],
    ],
    ['/users/3', []],
  ])('of %j means %j', async (paths, meant) => {
    await watch({}, '/users/1', '/users/1?a=1', '/users/2', '/public/a/b');
    await stage.bump(paths);
    expect(asked()).toEqual(meant);
  });

  test('with a version counts where it is above those before, in whatever order they come', async () => {
    const [watched] = await watch({}, '/users/1');
    const bump = async (version: number | undefined, body: number) => {
      stage.api.pages.set('/users/1', body);
      return stage.bump('/users/1', version === undefined ? {} : { version });
    };
    expect(await bump(7, 1)).toBe(1);
    expect(await bump(6, 2)).toBe(0);
    expect(await bump(7, 3)).toBe(0);
    expect(asked()).toHaveLength(1);
    expect(await bump(8, 4)).toBe(1);
    expect(await bump(undefined, 5)).toBe(1);
    expect(watched?.pages.map(({ body, version }) => [body, version])).toEqual([
      [1, 7],
      [4, 8],
      [5, 8],
    ]);
  });

  test('may wait for a transaction to be over', async () => {
    await watch({}, '/users/1');
    expect(stage.refetch.bump('/users/1', { delayMs: 500 })).toBe(0);
    await stage.pass(499);
    expect(asked()).toEqual([]);
    await stage.pass(30);
    expect(asked()).toEqual(['/users/1']);
    stage.refetch.bump('/users/1', { delayMs: 500 });
    await stage.finish(stage.node.server.disconnect({ graceMs: 0 }));
    await stage.pass(1_000);
    expect(asked()).toEqual([]);
  });

  test('that waits is one of so many paths, until it is made', async () => {
    await watch({}, '/users/1');
    const paths = Array.from({ length: 1_000 }, () => '/users/1');
    for (let i = 0; i < 10; i++) stage.refetch.bump(paths, { delayMs: 100 });
    expect(() => stage.refetch.bump('/users/1', { delayMs: 100 })).toThrow(RangeError);
    expect(stage.refetch.bump('/users/1')).toBe(1);
    await stage.pass(100);
    expect(stage.refetch.bump(paths, { delayMs: 100 })).toBe(0);
  });

  test.each<[unknown, unknown?]>([
    ['users/1'],
    ['http://evil.example/'],
    ['/users/../x'],
    ['/users/a*'],
    [[]],
    [[7]],
    [Array.from({ length: 1_001 }, () => '/users/1')],
    [undefined],
    ['/users/1', { version: -1 }],
    ['/users/1', { version: 1.5 }],
    ['/users/1', { delayMs: -1 }],
    ['/users/1', { delayMs: Number.NaN }],
    ['/users/1', { delayMs: 86_400_001 }],
    [['/users/1', '//x']],
  ])('of %j %j is none', async (...[paths, options]) => {
    await watch({}, '/users/1');
    expect(() => stage.refetch.bump(paths as string, options as object)).toThrow(TypeError);
    await stage.pass(100);
    expect(asked()).toEqual([]);
  });

  describe('by HTTP', () => {
    const post = async (body: unknown, { as = key, method = 'POST' } = {}) => {
      const url = `http://127.0.0.1:${stage.node.server.port}/refetch/bump`;
      const headers: Record<string, string> = as === '' ? {} : { authorization: `Bearer ${as}` };
      const sent = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const response = await fetch(url, { method, headers, ...(sent !== undefined && { body: sent }) });
      const answer = [response.status, await response.json()];
      await stage.pass(30);
      return answer;
    };
    const open = (options: StageOptions = {}) =>
      watch({ bumpKey: key, ...options, server: { port: 0, host: '127.0.0.1' } }, '/users/1', '/users/2');

    test('is one with the key', async () => {
      await open({ bumpKey: ['another key, that is new', key] });
      expect(await post({ v: 1, bump: '/users/1' })).toEqual([202, { watched: 1 }]);
      expect(await post({ bump: ['/users/*'], version: 3 })).toEqual([202, { watched: 2 }]);
      expect(await post({ bump: '/users/1', version: 3 })).toEqual([202, { watched: 0 }]);
      expect(await post('/users/2\n', { as: 'another key, that is new' })).toEqual([202, { watched: 1 }]);
      expect(await post({ bump: '/users/1', delayMs: 10 })).toEqual([202, { watched: 0 }]);
      await stage.pass(10);
      expect(asked()).toEqual(['/users/1', '/users/1', '/users/1', '/users/2', '/users/2']);
    });

    test('is none without', async () => {
      await open();
      for (const as of ['', 'wrong', `${key}s`, key.slice(1), key.toUpperCase()])
        expect(await post({ bump: '/users/1' }, { as })).toEqual([401, {}]);
      expect((await post(undefined, { method: 'GET' }))[0]).toBe(405);
      expect(asked()).toEqual([]);
    });

    test('is none that is none, and counted', async () => {
      await open();
      const none = ['', '{', '{}', '[]', 'null', '7', '"x"', { bump: 7 }, { bump: '/users/1', version: 'x' }];
      for (const body of none) expect([body, (await post(body))[0]]).toEqual([body, 400]);
      expect((await post(`/${'x'.repeat(70_000)}`))[0]).toBe(413);
      expect([asked(), stage.stats.malformed]).toEqual([[], none.length]);
    });

    test('is one of so many in a second', async () => {
      await open({ maxBumpsPerSecond: 2 });
      const statuses = [];
      for (let i = 0; i < 3; i++) {
        const response = await fetch(`http://127.0.0.1:${stage.node.server.port}/refetch/bump`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: '/users/1',
        });
        statuses.push([response.status, response.headers.get('retry-after')]);
      }
      expect(statuses).toEqual([
        [202, null],
        [202, null],
        [429, '1'],
      ]);
      await stage.pass(1_000);
      expect((await post('/users/1'))[0]).toBe(202);
    });

    test('is not there where there is no key', async () => {
      await watch({ server: { port: 0, host: '127.0.0.1' } }, '/users/1');
      const response = await fetch(`http://127.0.0.1:${stage.node.server.port}/refetch/bump`, {
        method: 'POST',
      });
      expect(response.status).toBe(404);
    });

    test('whatever comes in: the server lives, and no request goes out', async () => {
      await open();
      await fc.assert(
        fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (body) => {
          const [status] = await post(body);
          expect(status).toBe(400);
        }),
        { numRuns: 50 },
      );
      expect(asked()).toEqual([]);
    });
  });

  describe('by a channel', () => {
    const canBump: StageOptions['canBump'] = ({ user }) => user.id === 'backend';

    test('is one of those who may, and of nobody else', async () => {
      await watch({ canBump }, '/users/1');
      const backend = await stage.tab('backend');
      const channel = backend.client.channel('refetch/bump');
      for (const data of ['/users/1', { bump: ['/users/1'] }, '{"bump":"/users/1"}', ['/users/*']]) {
        await stage.finish(channel.publish(data));
        await stage.pass(30);
      }
      expect(asked()).toEqual(['/users/1', '/users/1', '/users/1', '/users/1']);
      const bob = stage.tabs[0];
      const refused = bob?.client.channel('refetch/bump').publish('/users/1');
      await expect(stage.finish(refused as Promise<unknown>)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      const spying = bob?.client.channel('refetch/bump');
      spying?.subscribe(() => {});
      await expect(stage.finish(spying?.joined() as Promise<unknown>)).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      expect(asked()).toEqual([]);
    });

    test('that is none is counted', async () => {
      await watch({ canBump }, '/users/1');
      const backend = await stage.tab('backend');
      const none = ['x', 7, null, {}, { bump: [] }, { bump: '//x' }, '{', [null]];
      for (const data of none) await stage.finish(backend.client.channel('refetch/bump').publish(data));
      expect([asked(), stage.stats.malformed]).toEqual([[], none.length]);
    });

    test('is one of so many in a second', async () => {
      await watch({ canBump, maxBumpsPerSecond: 1 }, '/users/1');
      const channel = (await stage.tab('backend')).client.channel('refetch/bump');
      const published = [1, 2, 3].map(() => channel.publish('/users/1'));
      await expect(stage.finish(Promise.all(published))).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    });
  });

  test('by MQTT is one, too: a packet of a device, by its bytes', async () => {
    const mqtt = mqttTransport({ port: 0 });
    await watch({ canBump: ({ user }) => user.id === 'device', server: { transports: [mqtt] } }, '/users/1');
    const socket = connect(Number(mqtt.port), '127.0.0.1');
    const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
    const packet = (type: number, ...parts: Buffer[]) => {
      const body = Buffer.concat(parts);
      return Buffer.concat([Buffer.from([type, body.length]), body]);
    };
    // MQTT 3.1.1: CONNECT with a clean session and a user name, then PUBLISH with QoS 1.
    const level = Buffer.from([4, 0b1000_0010, 0, 60]);
    socket.write(packet(0x10, text('MQTT'), level, text('d1'), text('device')));
    const [connack] = await once(socket, 'data');
    expect([...connack]).toEqual([0x20, 2, 0, 0]);
    socket.write(packet(0x32, text('refetch/bump'), Buffer.from([0, 1]), Buffer.from('/users/1')));
    const [puback] = await once(socket, 'data');
    expect([...puback]).toEqual([0x40, 2, 0, 1]);
    await stage.pass(30);
    expect(asked()).toEqual(['/users/1']);
    socket.destroy();
  });
});

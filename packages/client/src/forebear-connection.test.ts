import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VerifyClient } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import { deferred, endPointOf, failure, raw, Stage, state, until } from '../test/support.ts';
import { type Client, createClient } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

const connectAs = (userId: unknown) => ({ op: 'connect', version: 1, userId });
const anError = (code: string) => JSON.stringify({ error: { code } });

/** It has given up: says why, sends nothing any more, and tries nothing by itself. */
async function gaveUp(client: Client, ending: { code: number; name?: string; reason?: string }) {
  await until(() => state(client).value === 'closed', 'the client to give up');
  expect(state(client).ending).toMatchObject(ending);
  expect([client.getStatus(), client.isConnected()]).toEqual(['OFFLINE', false]);
  const { code, effect } = await failure(client.sendToServer({ type: 'HELLO' }));
  expect([code, effect]).toEqual(['NOT_CONNECTED', 'none']);
  const timers = stage.clock.pendingTimers;
  stage.clock.advance(60_000);
  expect([state(client).value, stage.clock.pendingTimers]).toEqual(['closed', timers]);
}

/** It is about to come back. */
async function waits(client: Client, ending: { code: number; name?: string }) {
  await until(() => state(client).value === 'reconnecting', 'the end of the attempt');
  expect(state(client).ending).toMatchObject(ending);
  expect(client.getStatus()).toBe('OFFLINE');
}

describe('6. A client without a user id', () => {
  const none: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a fraction', 1.5],
    ['two lines', 'a\nb'],
    ['256 characters', 'x'.repeat(256)],
    ['an object', { id: 44 }],
  ];

  test.each(none)('%s is refused before verifyClient is asked', async (_, userId) => {
    const asked: string[] = [];
    const server = await stage.serve({
      verifyClient: (credentials) => {
        asked.push(credentials.userId);
        return true;
      },
    });
    expect(await raw(server, connectAs(userId))).toMatchObject({
      frame: { op: 'disconnect', code: 3501, reconnect: false },
      code: 3501,
    });
    expect(asked).toEqual([]);
    expect(await raw(server, connectAs(44))).toMatchObject({ frame: { op: 'connected', userId: '44' } });
    expect(asked).toEqual(['44']);
  });

  test.each(none)('%s is a TypeError to the library, which does not even try', (_, userId) => {
    const create = () => createClient({ endPoint: 'ws://127.0.0.1:1', userId: userId as never });
    expect(create).toThrow(TypeError);
    expect(create).toThrow('userId');
  });
});

describe('6. A verifier', () => {
  test('that says no: UNAUTHORIZED, and the client gives up', async () => {
    const verifyClient: VerifyClient = ({ token }) => token === 'good';
    const server = await stage.serve({ verifyClient });
    await gaveUp(stage.client(server, 44, { token: 'bad' }), { code: 3500, name: 'UNAUTHORIZED' });
    expect(server.users.size).toBe(0);
    expect((await stage.online(server, 44, { token: 'good' })).isConnected()).toBe(true);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ])('that %s: VERIFY_FAILED, and the client comes back', async (_, fail: () => never | Promise<never>) => {
    let broken = true;
    const server = await stage.serve({ verifyClient: () => (broken ? fail() : true) });
    const client = stage.client(server, 44);
    await waits(client, { code: 3006, name: 'VERIFY_FAILED' });
    broken = false;
    await stage.back(client);
    expect(server.users.has('44')).toBe(true);
  });

  test('that is too slow: VERIFY_TIMEOUT after 10 s, and the client comes back', async () => {
    const answer = deferred<boolean>();
    let asked = 0;
    const verifyClient = () => (asked++ === 0 ? answer.promise : true);
    const server = await stage.serve({ verifyClient });
    const client = stage.client(server, 44);
    await until(() => asked === 1, 'the verifier');
    stage.clock.advance(9_999);
    expect(server.stats()).toMatchObject({ clients: { connecting: 1 }, disconnects: {} });
    stage.clock.advance(1);
    expect(server.stats()).toMatchObject({
      clients: { connecting: 0 },
      disconnects: { VERIFY_TIMEOUT: 1 },
    });
    await waits(client, { code: 3005, name: 'VERIFY_TIMEOUT' });
    answer.resolve(true);
    await stage.back(client);
    expect(asked).toBe(2);
    expect(server.stats().connections.accepted).toBe(2);
  });
});

describe('7. An upgrade that is refused', () => {
  test('a page of another origin: 403', async () => {
    const server = await stage.serve({ origins: ['https://app.example'], verifyClient: () => true });
    const from = (origin: string) => raw(server, connectAs(44), { origin });
    const refused = { status: 403, body: anError('ORIGIN_REFUSED') };
    expect(await from('https://attacker.example')).toEqual(refused);
    expect(await from('http://app.example')).toEqual(refused);
    expect(await from('https://app.example')).toMatchObject({ frame: { op: 'connected' } });
  });

  test('a plain connection where TLS is demanded: 403, and the client gives up', async () => {
    const server = await stage.serve({ requireSecure: true });
    expect(await raw(server, connectAs(44))).toEqual({ status: 403, body: anError('TLS_REQUIRED') });
    await gaveUp(stage.client(server, 44), { code: 1002, reason: 'HTTP 403' });
    expect(server.stats().connections.accepted).toBe(0);
  });

  test('one too many: 429, and the client comes back when there is room', async () => {
    const server = await stage.serve({ limits: { maxConnectionsPerAddress: 1 } });
    const first = await stage.online(server, 1);
    expect(await raw(server, connectAs(2))).toEqual({
      status: 429,
      body: anError('TOO_MANY_CONNECTIONS'),
    });
    const second = stage.client(server, 2);
    await waits(second, { code: 1006 });
    await first.close();
    await stage.back(second);
    expect([...server.users.keys()]).toEqual(['2']);
  });

  test('a server about to stop: 503, and the client comes back to the next one', async () => {
    const work = deferred();
    let began = false;
    const slow = () => {
      began = true;
      return work.promise;
    };
    const server = await stage.serve({ handlers: { SLOW: slow } });
    const { port } = server;
    const first = await stage.online(server, 1);
    const send = first.sendToServer({ type: 'SLOW' });
    await until(() => began, 'the handler');
    const stopped = server.disconnect();
    expect(await raw(server, connectAs(2))).toEqual({ status: 503, body: anError('UNAVAILABLE') });
    const second = stage.client(server, 2);
    await waits(second, { code: 1006 });
    work.resolve();
    await send;
    await stage.finish(stopped);
    const next = await stage.serve({ port });
    await stage.back(second);
    expect(next.users.has('2')).toBe(true);
  });

  test.each([
    [200, 'gives up'],
    [302, 'gives up'],
    [400, 'gives up'],
    [401, 'gives up'],
    [403, 'gives up'],
    [404, 'gives up'],
    [429, 'comes back'],
    [500, 'comes back'],
    [502, 'comes back'],
    [503, 'comes back'],
  ])('after %i a client %s', async (status, then) => {
    const proxy = createServer((_request, response) => response.writeHead(404).end());
    let attempts = 0;
    proxy.on('upgrade', (_request, socket) => {
      attempts++;
      socket.on('error', () => {});
      socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    stage.after(() => proxy.close());
    const client = stage.client(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`, 44);
    if (then === 'gives up') {
      await gaveUp(client, { code: 1002, reason: `HTTP ${status}` });
      expect(attempts).toBe(1);
    } else {
      await waits(client, { code: 1006 });
      stage.clock.advance(state(client).waitMs);
      await until(() => attempts === 2, 'the next attempt');
    }
  });
});

describe('9. The status of a client', () => {
  /** A client, and all that it tells of its status by itself, with what it says when asked in that moment. */
  function followed(endPoint: string) {
    const client = stage.client(endPoint, 44);
    const told: Record<'onStatusChange' | 'subscribe' | 'status$', unknown[]> = {
      onStatusChange: [],
      subscribe: [],
      status$: [],
    };
    client.onStatusChange(({ type, userId, status, previousStatus }) => {
      expect([type, userId]).toEqual(['STATUS_CHANGE', '44']);
      told.onStatusChange.push([previousStatus, status, client.getStatus(), client.isConnected()]);
    });
    client.subscribe('STATUS_CHANGE', ({ status, previousStatus }) =>
      told.subscribe.push([previousStatus, status, client.getStatus(), client.isConnected()]),
    );
    client.status$.subscribe((status) =>
      told.status$.push([status, client.getStatus(), client.isConnected()]),
    );
    /** All have told these statuses, one after the other. */
    const expectTold = (...statuses: string[]) => {
      const connected = (status?: string) => status === 'ONLINE' || status === 'AWAY';
      const changes = statuses.slice(1).map((status, i) => [statuses[i], status, status, connected(status)]);
      expect(told).toEqual({
        onStatusChange: changes,
        subscribe: changes,
        status$: statuses.map((status) => [status, status, connected(status)]),
      });
    };
    return { client, expectTold };
  }

  test('is CONNECTING, ONLINE, OFFLINE when the link is lost, and ONLINE again after a reconnect', async () => {
    const server = await stage.serve();
    const cable = await stage.cable(server);
    const { client, expectTold } = followed(cable.endPoint);
    expectTold('CONNECTING');
    await until(() => client.isConnected(), 'the connection');
    expectTold('CONNECTING', 'ONLINE');
    cable.cut();
    await stage.lost(client);
    expectTold('CONNECTING', 'ONLINE', 'OFFLINE');
    await stage.back(client);
    await client.sendToUser({ type: 'AFTERWARDS' }, 44);
    expectTold('CONNECTING', 'ONLINE', 'OFFLINE', 'ONLINE');
  });

  test('is OFFLINE when the first connection fails, through all further attempts, until one succeeds', async () => {
    const gone = await stage.serve();
    const { port } = gone;
    const endPoint = endPointOf(gone);
    await gone.disconnect();
    const { client, expectTold } = followed(endPoint);
    expectTold('CONNECTING');
    await waits(client, { code: 1006 });
    expectTold('CONNECTING', 'OFFLINE');
    stage.clock.advance(state(client).waitMs);
    expect(state(client).value).toBe('connecting');
    await waits(client, { code: 1006 });
    expectTold('CONNECTING', 'OFFLINE');
    await stage.serve({ port });
    await stage.back(client);
    expectTold('CONNECTING', 'OFFLINE', 'ONLINE');
  });

  test('is OFFLINE once it is closed', async () => {
    const { client, expectTold } = followed(endPointOf(await stage.serve()));
    await until(() => client.isConnected(), 'the connection');
    await client.close();
    expectTold('CONNECTING', 'ONLINE', 'OFFLINE');
  });
});

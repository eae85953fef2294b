import type { Server } from '@callboard/core';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpProxy } from '../test/http-proxy.ts';
import { deferred, failure, heard, Stage, state, until } from '../test/support.ts';
import { http } from './http.ts';
import type { ClientOptions } from './index.ts';

/** Clients and servers as they are, over HTTP as it is. */

let stage: Stage;
let server: Server;
let proxy: HttpProxy;
/** Calls that reached the handler. */
let calls: unknown[];
let gate: ReturnType<typeof deferred<unknown>>;
beforeEach(async () => {
  stage = new Stage();
  calls = [];
  gate = deferred<unknown>();
  server = await stage.serve({
    transports: [webSocketTransport(), httpTransport()],
    handlers: {
      ECHO: ({ action }) => {
        calls.push(action.n);
        return action.n;
      },
      WAIT: () => gate.promise,
    },
  });
  proxy = await HttpProxy.open(stage, server);
});
afterEach(() => stage.end());

describe.each(['stream', 'poll'] as const)('over HTTP, with a %s', (mode) => {
  const over = (options: Partial<ClientOptions> = {}) => ({
    transport: http({ mode, timers: stage.clock }),
    ...options,
  });

  test('a client calls, broadcasts, sends and is told of events', async () => {
    const tab = await stage.online(proxy.endPoint, 44, over());
    const other = await stage.online(server, 44);
    const friend = await stage.online(proxy.endPoint, 12, over());
    const [atTab, atOther, atFriend] = [tab, other, friend].map((each) => heard(each, 'NOTE'));
    const status = heard(tab, 'CLIENT_ONLINE');
    expect(await tab.sendToServer({ type: 'ECHO', n: 1 })).toBe(1);
    await tab.broadcast({ type: 'NOTE', n: 2 });
    await server.sendToUser(44, { type: 'NOTE', n: 3 });
    await until(() => atOther?.length === 2 && atTab?.length === 1, 'the notes');
    await server.sendToUser([12, 44], { type: 'NOTE', n: 4 });
    await until(() => atFriend?.length === 1, 'the note');
    expect(atOther).toMatchObject([{ n: 2 }, { n: 3 }, { n: 4 }]);
    await stage.online(server, 44);
    await until(() => status.length === 1, 'the event');
    await stage.delivered(server, [tab, other, friend]);
    expect([atTab?.length, proxy.count('UPGRADE')]).toEqual([2, 0]);
  });

  test('carries much at once, in order', async () => {
    const client = await stage.online(proxy.endPoint, 44, over());
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    const text = 'ä'.repeat(1_000);
    const replies = await Promise.all(numbers.map((n) => client.sendToServer({ type: 'ECHO', n, text })));
    expect([replies, calls]).toEqual([numbers, numbers]);
    expect(proxy.count('POST')).toBeLessThan(20);
  });

  test('has one GET and one POST in flight', async () => {
    const client = await stage.online(proxy.endPoint, 44, over());
    const before = proxy.count('POST');
    const replies = [1, 2, 3, 4, 5].map((n) => client.sendToServer({ type: 'ECHO', n }));
    await Promise.all(replies);
    expect(proxy.count('POST')).toBe(before + 1);
    if (mode === 'stream') expect(proxy.count('GET')).toBe(1);
  });

  test.each(['lost', 'answer lost'] as const)(
    'a POST is %s: nothing is, and nothing happens twice',
    async (mishap) => {
      const client = await stage.online(proxy.endPoint, 44, over());
      for (let n = 1; n <= 6; n += 2) {
        proxy.mishaps.push(mishap, mishap);
        const replies = Promise.all([n, n + 1].map((each) => client.sendToServer({ type: 'ECHO', n: each })));
        await until(() => {
          stage.clock.advance(10);
          return proxy.mishaps.length === 0;
        }, 'the mishaps');
        expect(await stage.finish(replies)).toEqual([n, n + 1]);
      }
      expect([calls, client.isConnected(), server.stats().connections.accepted]).toEqual([
        [1, 2, 3, 4, 5, 6],
        true,
        1,
      ]);
    },
  );

  test('a client whose link is cut comes back to its session, and each thing happens once', async () => {
    const tab = await stage.online(proxy.endPoint, 44, over({ resend: true }));
    const other = await stage.online(server, 44);
    const notes = heard(tab, 'NOTE');
    const { id } = tab;
    const reply = tab.sendToServer({ type: 'WAIT' });
    await tab.sendToServer({ type: 'ECHO', n: 1 });
    tab.drop();
    await stage.lost(tab);
    for (let n = 1; n <= 3; n++) await other.broadcast({ type: 'NOTE', n });
    await stage.back(tab);
    gate.resolve('at last');
    expect(await reply).toBe('at last');
    await other.broadcast({ type: 'NOTE', n: 4 });
    await until(() => notes.length >= 4, 'the notes');
    await stage.delivered(server, [tab]);
    expect([tab.id, notes, calls]).toEqual([
      id,
      [1, 2, 3, 4].map((n) => expect.objectContaining({ n })),
      [1],
    ]);
  });

  test('the network fails for a moment', async () => {
    const tab = await stage.online(proxy.endPoint, 44, over({ resend: true }));
    const other = await stage.online(server, 44);
    const notes = heard(tab, 'NOTE');
    const { id } = tab;
    for (let n = 1; n <= 5; n++) {
      proxy.cut();
      await other.broadcast({ type: 'NOTE', n });
      const reply = tab.sendToServer({ type: 'ECHO', n });
      await until(() => {
        const { value } = state(tab);
        stage.clock.advance(value === 'reconnecting' ? 250 : 10);
        return notes.length >= n && tab.isConnected();
      }, `note ${n}`);
      expect(await stage.finish(reply)).toBe(n);
    }
    expect([tab.id, notes.length, calls]).toEqual([id, 5, [1, 2, 3, 4, 5]]);
    // A poll that breaks off is repeated; a stream that does is the end of a connection.
    if (mode === 'poll') expect(server.stats().connections.accepted).toBe(2);
  });

  test('a client that closes is gone at once', async () => {
    const client = await stage.online(proxy.endPoint, 44, over());
    expect(server.users.size).toBe(1);
    const send = failure(client.sendToServer({ type: 'WAIT' }));
    await client.close();
    await send;
    await until(() => server.users.size === 0, 'the end of the session');
    expect(stage.logs.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a server that stops says so', async () => {
    const client = await stage.online(proxy.endPoint, 44, over());
    await stage.finish(server.disconnect({ graceMs: 1 }));
    await stage.lost(client);
    expect(state(client)).toMatchObject({ value: 'reconnecting', ending: { code: 3000 } });
    await server.start();
    proxy = await HttpProxy.open(stage, server);
  });

  test('a client that is not wanted stays away', async () => {
    const strict = await stage.serve({
      transports: [httpTransport()],
      verifyClient: ({ token }) => token === 'right',
    });
    const client = stage.client(strict, 44, over({ token: 'wrong' }));
    await until(() => state(client).value === 'closed', 'the end');
    expect(state(client).ending).toMatchObject({ code: 3500, name: 'UNAUTHORIZED' });
    const allowed = await stage.online(strict, 44, over({ token: 'right' }));
    expect(allowed.isConnected()).toBe(true);
  });

  test('a server that has no such transport is none', async () => {
    const old = await stage.serve();
    const client = stage.client(old, 44, over());
    await until(() => state(client).value === 'closed', 'the end');
    expect(state(client).ending).toMatchObject({ code: 1002, reason: 'HTTP 404' });
  });
});

test('a stream that is held back gives way to polls', async () => {
  proxy.buffers = true;
  const transport = http({ timers: stage.clock });
  const client = stage.client(proxy.endPoint, 44, { transport });
  await until(() => proxy.count('GET') === 1, 'the stream');
  stage.clock.advance(3_000);
  await until(() => client.isConnected(), 'the connection');
  expect(await client.sendToServer({ type: 'ECHO', n: 1 })).toBe(1);
  expect(server.stats().connections.accepted).toBe(1);
  // It is not asked again at once.
  client.drop();
  await stage.back(client);
  expect(await client.sendToServer({ type: 'ECHO', n: 2 })).toBe(2);
  expect(proxy.count('GET')).toBe(1);
});

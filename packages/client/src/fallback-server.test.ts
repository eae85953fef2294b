import type { Server } from '@callboard/core';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HttpProxy } from '../test/http-proxy.ts';
import { heard, Stage, state, until } from '../test/support.ts';
import { fallback } from './fallback.ts';
import type { Client } from './index.ts';

/** A client as it comes, behind proxies as some networks have them. */

let stage: Stage;
let server: Server;
let proxy: HttpProxy;
beforeEach(async () => {
  stage = new Stage();
  server = await stage.serve({
    transports: [webSocketTransport(), httpTransport()],
    handlers: { TRANSPORT: ({ client }) => client.transport },
  });
  proxy = await HttpProxy.open(stage, server);
});
afterEach(() => stage.end());

const open = () =>
  stage.client(proxy.endPoint, 44, { transport: fallback({ timers: stage.clock }), resend: true });
const online = (client: Client) => until(() => client.isConnected(), 'the connection');
const transportOf = (client: Client) => client.sendToServer({ type: 'TRANSPORT' });

test('WebSocket goes through: nothing else is asked for', async () => {
  const client = open();
  await online(client);
  expect(await transportOf(client)).toBe('websocket');
  expect(proxy.seen).toEqual(['UPGRADE']);
});

test.each([400, 403, 404, 426, 501, 502])('an upgrade is refused with %i: HTTP it is', async (status) => {
  proxy.refuses = status;
  const client = open();
  await online(client);
  expect(await transportOf(client)).toBe('http');
  expect([proxy.count('UPGRADE'), proxy.count('POLL')]).toEqual([1, 0]);
});

test('upgrades are refused and streams held back: polls it is', async () => {
  proxy.refuses = 403;
  proxy.buffers = true;
  const client = open();
  await until(() => proxy.count('GET') === 1, 'the stream');
  stage.clock.advance(3_000);
  await online(client);
  expect(await transportOf(client)).toBe('http');
  expect(proxy.count('POLL')).toBeGreaterThan(0);
});

test('a connection that is lost comes back over HTTP for five minutes, and then over WebSocket, to the same session', async () => {
  proxy.refuses = 403;
  const client = open();
  const notes = heard(client, 'NOTE');
  await online(client);
  const { id } = client;
  const comesBack = async (n: number) => {
    client.drop();
    await stage.lost(client);
    await server.sendToUser(44, { type: 'NOTE', n });
    await stage.back(client);
    return transportOf(client);
  };
  expect(await comesBack(1)).toBe('http');
  proxy.refuses = 0;
  expect(await comesBack(2)).toBe('http');
  // Five minutes, for a client that is pinged and answers.
  for (let passed = 0; passed < 300_000; passed += 5_000) {
    stage.clock.advance(5_000);
    await transportOf(client);
  }
  expect([proxy.count('UPGRADE'), client.isConnected()]).toEqual([1, true]);
  expect(await comesBack(3)).toBe('websocket');
  await until(() => notes.length >= 3, 'the notes');
  expect([client.id, notes, proxy.count('UPGRADE')]).toEqual([
    id,
    [1, 2, 3].map((n) => expect.objectContaining({ n })),
    2,
  ]);
});

test('the server itself refuses: so it stays', async () => {
  const strict = await stage.serve({
    transports: [webSocketTransport(), httpTransport()],
    verifyClient: () => true,
    requireSecure: true,
  });
  const client = stage.client(strict, 44, { transport: fallback({ timers: stage.clock }) });
  await until(() => state(client).value === 'closed', 'the end');
  expect(state(client).ending).toMatchObject({ code: 1002, reason: 'TLS_REQUIRED' });
});

test('a server without HTTP: what WebSocket said counts', async () => {
  const plain = await stage.serve();
  proxy = await HttpProxy.open(stage, plain);
  proxy.refuses = 502;
  const client = open();
  await until(() => state(client).value === 'reconnecting', 'the refusal');
  expect(state(client).ending).toMatchObject({ code: 1006 });
  proxy.refuses = 0;
  await until(() => {
    stage.clock.advance(100);
    return client.isConnected();
  }, 'the connection');
  expect(proxy.seen.at(-1)).toBe('UPGRADE');
});

import type { Server, Client as ServerClient } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { failure, LiveClock, Stage, state, until } from '../test/support.ts';
import type { Gap } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

async function get(server: Server, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: response.status, body: await response.text() };
}

describe('10. A user with two tabs', () => {
  async function twoTabs() {
    const server = await stage.serve();
    const cable = await stage.cable(server);
    const first = await stage.online(server, 44);
    // Its own time stands still, so it does not come back by itself.
    const last = await stage.online(cable, 44, { timers: new LiveClock() });
    const user = server.users.get('44');
    if (user === undefined) throw new Error('there is no user 44');
    const left: unknown[] = [];
    server.events$.subscribe(({ type }) => type === 'USER_LEFT' && left.push(type));
    const actor = () => user.actor.getSnapshot().value;
    await first.close();
    await until(() => user.clients.size === 1, 'the end of the first tab');
    expect([server.users.get('44'), user.status.status, actor(), left]).toEqual([
      user,
      'ONLINE',
      'online',
      [],
    ]);
    return { server, user, cable, last, left, actor };
  }

  test('stays when one of them closes, and is gone at once when the last one does', async () => {
    const { server, user, last, left, actor } = await twoTabs();
    await last.close();
    await until(() => left.length > 0, 'the end of the user');
    expect([server.users.has('44'), user.clients.size, actor()]).toEqual([false, 0, 'gone']);
    expect(left).toEqual(['USER_LEFT']);
  });

  test('whose last link is lost is gone when the resume window ends', async () => {
    const { server, user, cable, left, actor } = await twoTabs();
    cable.cut();
    await until(() => user.status.status === 'OFFLINE', 'the loss of the last tab');
    stage.clock.advance(59_999);
    expect([server.users.get('44'), user.clients.size, actor(), left]).toEqual([user, 1, 'offline', []]);
    stage.clock.advance(1);
    expect([server.users.has('44'), user.clients.size, actor()]).toEqual([false, 0, 'gone']);
    expect(left).toEqual(['USER_LEFT']);
  });

  test('whose last link is lost stays, where it comes back in time', async () => {
    const { server, user, last, left, actor } = await twoTabs();
    last.drop();
    await until(() => user.status.status === 'OFFLINE', 'the loss of the last tab');
    stage.clock.advance(59_999);
    void last.connect();
    await until(() => last.isConnected(), 'the return of the last tab');
    stage.clock.advance(1);
    expect([server.users.get('44'), user.clients.size, actor(), left]).toEqual([user, 1, 'online', []]);
  });
});

describe('11. The server', () => {
  test('says the same by GET /stats and by stats()', async () => {
    const server = await stage.serve({ handlers: { HELLO: () => 'hello' } });
    const [one] = [await stage.online(server, 44), await stage.online(server, 44)];
    const lost = await stage.online(server, 12, { timers: new LiveClock() });
    await one.sendToServer({ type: 'HELLO' });
    await failure(one.sendToServer({ type: 'NOBODY_KNOWS' }));
    lost.drop();
    await until(() => server.stats().clients.resumable === 1, 'the loss of a client');
    stage.clock.advance(1_234);
    const { status, body } = await get(server, '/stats');
    const { memory: _, ...stats } = server.stats();
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ ...stats, memory: expect.any(Object) });
    expect(stats).toMatchObject({
      status: 'running',
      uptimeMs: 1_234,
      users: 2,
      clients: { online: 2, resumable: 1, connecting: 0 },
      connections: { accepted: 3, resumed: 0 },
      requests: { running: 0, failed: 1 },
      errors: { NO_HANDLER: 1 },
    });
  });

  test('that disconnects tells every client to come back; each finds the next one, with a gap', async () => {
    const server = await stage.serve();
    const { port } = server;
    const clients = [
      await stage.online(server, 44),
      await stage.online(server, 44),
      await stage.online(server, 12),
    ];
    const ids = clients.map(({ id }) => id);
    const gaps = clients.map((client) => {
      const seen: Gap[] = [];
      client.gaps$.subscribe((gap) => seen.push(gap));
      return seen;
    });
    await server.disconnect();
    for (const client of clients) {
      await stage.lost(client);
      expect(state(client)).toMatchObject({
        value: 'reconnecting',
        ending: { code: 3000, name: 'SERVER_SHUTDOWN', afterMs: expect.any(Number) },
      });
      expect(state(client).waitMs).toBe(state(client).ending?.afterMs);
    }
    const next = await stage.serve({ port });
    await stage.back(...clients);
    await stage.delivered(next, clients);
    expect(new Set([...ids, ...clients.map(({ id }) => id)]).size).toBe(6);
    expect(gaps).toEqual(
      clients.map(() => [
        { stream: '$inbox', from: expect.any(Object), to: expect.any(Object), reason: 'session' },
      ]),
    );
    expect(next.stats()).toMatchObject({ users: 2, clients: { online: 3 }, connections: { resumed: 0 } });
  });

  test.each<[string, (client: ServerClient) => void, object]>([
    ['4500', (client) => client.disconnect(4500, 'the house is closed'), { code: 4500, name: '4500' }],
    ['no code', (client) => client.disconnect(), { code: 3507, name: 'KICKED' }],
  ])('that ends one client with %s has it give up, until it is told to connect', async (_, end, ending) => {
    const server = await stage.serve();
    const [client, other] = [await stage.online(server, 44), await stage.online(server, 12)];
    for (const each of server.users.get('44')?.clients ?? []) end(each);
    await stage.lost(client);
    expect(state(client)).toMatchObject({ value: 'closed', ending });
    expect([server.users.has('44'), other.isConnected()]).toEqual([false, true]);
    void client.connect();
    await until(() => client.isConnected(), 'the return of the client');
  });

  test('that ends one client with 4001 has it come back as a new one', async () => {
    const server = await stage.serve();
    const client = await stage.online(server, 44);
    const { id } = client;
    for (const each of server.users.get('44')?.clients ?? []) each.disconnect(4001);
    await stage.lost(client);
    expect(state(client)).toMatchObject({ value: 'reconnecting', ending: { code: 4001 } });
    await stage.back(client);
    expect(client.id).not.toBe(id);
  });
});

describe('12. expressUse', () => {
  test('serves connect-style middleware, with its errors handled', async () => {
    const fails = () => {
      throw new Error('the prompter is ill');
    };
    const server = await stage.serve({
      handlers: { HELLO: () => 'hello' },
      exposeErrors: false,
      expressUse: {
        '/x': (request, response, next) =>
          request.url === '/pass' ? next() : void response.end(`x${request.url}`),
        '/throws': fails,
        '/rejects': async () => fails(),
        '/gives-up': (_request, _response, next) => next(new Error('the prompter is ill')),
      },
    });
    expect(await get(server, '/x')).toEqual({ status: 200, body: 'x/' });
    expect(await get(server, '/x/y?z=1')).toEqual({ status: 200, body: 'x/y?z=1' });
    expect((await get(server, '/x/pass')).status).toBe(404);
    expect((await get(server, '/xy')).status).toBe(404);
    for (const path of ['/throws', '/rejects', '/gives-up']) {
      const { status, body } = await get(server, path);
      expect([path, status, body.includes('prompter')]).toEqual([path, 500, false]);
      const logged = () =>
        stage.logs.some(({ message, fields }) => message === 'an HTTP route failed' && fields.path === path);
      await until(logged, `a line in the log on ${path}`);
    }
    const client = await stage.online(server, 44);
    await expect(client.sendToServer({ type: 'HELLO' })).resolves.toBe('hello');
  });

  test('mounts a whole Express app', async () => {
    const app = express();
    app.get('/seats/:row', (request, response) => void response.json({ row: request.params.row }));
    app.get('/broken', () => {
      throw new Error('the prompter is ill');
    });
    const server = await stage.serve({ exposeErrors: false, expressUse: { '/api': app } });
    expect(await get(server, '/api/seats/7')).toEqual({ status: 200, body: '{"row":"7"}' });
    expect((await get(server, '/api/nothing')).status).toBe(404);
    const { status, body } = await get(server, '/api/broken');
    expect([status, body.includes('prompter')]).toEqual([500, false]);
    expect((await stage.online(server, 44)).isConnected()).toBe(true);
  });
});

import { definePlugin } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import { failure, heard, Stage, until } from '../test/support.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

describe('8. Subscribers', () => {
  /** A client, and a bell that it hears. */
  async function audience() {
    const server = await stage.serve();
    const client = await stage.online(server, 44);
    const ring = async () => {
      await server.sendToUser(44, { type: 'BELL' });
      await stage.delivered(server, [client]);
    };
    return { client, ring };
  }

  test('may unsubscribe in their callback, and are not called again', async () => {
    const { client, ring } = await audience();
    const calls: string[] = [];
    client.subscribe('BELL', () => calls.push('before'));
    const off = client.subscribe('BELL', () => {
      calls.push('once');
      off();
    });
    client.subscribe('BELL', () => calls.push('after'));
    await ring();
    await ring();
    expect(calls).toEqual(['before', 'once', 'after', 'before', 'after']);
  });

  test('may unsubscribe twice, and that ends no other subscription of the same callback', async () => {
    const { client, ring } = await audience();
    let calls = 0;
    const callback = () => calls++;
    const [first] = [client.subscribe('BELL', callback), client.subscribe('BELL', callback)];
    await ring();
    expect(calls).toBe(2);
    first();
    first();
    await ring();
    expect(calls).toBe(3);
  });

  test('that are unsubscribed by another one during a delivery are not called in it', async () => {
    const { client, ring } = await audience();
    const calls: string[] = [];
    client.subscribe('BELL', () => {
      calls.push('first');
      off();
      client.subscribe('BELL', () => calls.push('newcomer'));
    });
    const off = client.subscribe('BELL', () => calls.push('never'));
    await ring();
    expect(calls).toEqual(['first']);
    await ring();
    expect(calls).toEqual(['first', 'first', 'newcomer']);
  });

  test('that throw harm no other, and are logged', async () => {
    const { client, ring } = await audience();
    const stumbles = new Error('stumbles');
    client.subscribe('BELL', () => {
      throw stumbles;
    });
    const seen = heard(client, 'BELL');
    client.messages$.subscribe(() => {
      throw stumbles;
    });
    await ring();
    await ring();
    expect(seen).toHaveLength(2);
    expect(client.isConnected()).toBe(true);
    expect(stage.logs.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'an observer failed', fields: { cause: stumbles } },
      { message: 'a subscriber failed', fields: { type: 'BELL', cause: stumbles } },
      { message: 'a subscriber failed', fields: { type: 'BELL', cause: stumbles } },
    ]);
  });
});

describe('13. Native events', () => {
  /** Its event is for everybody, or for one user. */
  const applause = definePlugin({
    name: 'applause',
    setup: ({ event, server }) => {
      const emit = event<{ type: 'CLAPPED'; hands: number }>('CLAPPED');
      return (hands: number, userId?: string) =>
        emit(
          { type: 'CLAPPED', hands },
          userId === undefined ? { everybody: true } : { user: server.users.get(userId) },
        );
    },
  });

  test('reach the user’s subscribers and the server’s handler, and nobody else', async () => {
    const handled: unknown[] = [];
    const server = await stage.serve({
      handler: ({ action: { type }, user, client }) => {
        handled.push([type, user?.id, client?.id]);
      },
    });
    const [tab, stranger] = [await stage.online(server, 44), await stage.online(server, 12)];
    const types = ['CLIENT_ONLINE', 'CLIENT_GONE', 'SERVER_DRAINING'] as const;
    const seen = types.map((type) => heard(tab, type));
    const strangers = types.map((type) => heard(stranger, type));
    for (const client of [tab, stranger]) await client.sendToServer({ type: 'SUBSCRIBED_BY_NOW' });
    handled.length = 0;

    const other = await stage.online(server, 44);
    const who = { userId: '44', clientId: other.id, at: stage.clock.now() };
    await other.close();
    await until(() => seen[1]?.length === 1, 'the end of the other tab');
    await server.disconnect();
    await stage.lost(tab);
    await stage.lost(stranger);
    const draining = { type: 'SERVER_DRAINING', at: who.at };
    expect(seen).toEqual([
      [{ type: 'CLIENT_ONLINE', ...who }],
      [{ type: 'CLIENT_GONE', reason: '1000', ...who }],
      [draining],
    ]);
    expect(strangers).toEqual([[], [], [draining]]);
    expect(handled.slice(0, 3)).toEqual([
      ['CLIENT_ONLINE', '44', other.id],
      ['CLIENT_GONE', '44', other.id],
      ['SERVER_DRAINING', undefined, undefined],
    ]);
  });

  test('are sent as long as somebody subscribes, and no longer', async () => {
    const server = await stage.serve();
    const tab = await stage.online(server, 44);
    const sent: string[] = [];
    tab.events$.subscribe(({ type }) => sent.push(type));
    const ends = [1, 2].map(() => tab.subscribe('CLIENT_ONLINE', () => {}));
    const anotherTab = async () => {
      await tab.sendToUser({ type: 'SUBSCRIBED_BY_NOW' }, 44);
      await stage.online(server, 44);
      await stage.delivered(server, [tab]);
      return sent.splice(0);
    };
    expect(await anotherTab()).toEqual(['CLIENT_ONLINE']);
    ends[0]?.();
    expect(await anotherTab()).toEqual(['CLIENT_ONLINE']);
    ends[1]?.();
    expect(await anotherTab()).toEqual([]);
  });

  test('are not for a client to forge', async () => {
    const handled: string[] = [];
    const server = await stage.serve({
      plugins: [applause],
      handler: ({ action }) => {
        handled.push(action.type);
      },
    });
    const [forger, victim] = [await stage.online(server, 44), await stage.online(server, 44)];
    const types = ['STATUS_CHANGE', 'SERVER_DRAINING', 'CLAPPED'];
    const seen = types.map((type) => heard(victim, type));
    handled.length = 0;
    for (const type of types) {
      const forged = { type, status: 'OFFLINE', userId: '44' };
      for (const send of [
        forger.broadcast(forged),
        forger.sendToUser(forged, 44),
        forger.sendToServer(forged),
      ])
        expect(await failure(send)).toMatchObject({ error: { code: 'RESERVED_TYPE' }, effect: 'none' });
    }
    await stage.delivered(server, [victim]);
    expect([seen, handled, victim.getStatus()]).toEqual([[[], [], []], [], 'ONLINE']);
  });

  test('of a plugin reach who subscribes: the server announces them, also the next server', async () => {
    const server = await stage.serve({ plugins: [applause] });
    const { port } = server;
    const early = stage.client(server, 44);
    const clients = [early, await stage.online(server, 12)];
    const seen = clients.map((client) => heard(client, 'CLAPPED'));
    await until(() => early.isConnected(), 'the connection');
    for (const client of clients) await client.sendToUser({ type: 'SUBSCRIBED_BY_NOW' }, client.userId);
    server.applause(2);
    server.applause(4, '44');
    await stage.delivered(server, clients);
    const [two, four] = [2, 4].map((hands) => ({ type: 'CLAPPED', hands }));
    expect(seen).toEqual([[two, four], [two]]);

    await server.disconnect();
    const next = await stage.serve({ port, plugins: [applause] });
    await stage.back(...clients);
    for (const client of clients) await client.sendToUser({ type: 'SUBSCRIBED_BY_NOW' }, client.userId);
    next.applause(6);
    await stage.delivered(next, clients);
    const six = { type: 'CLAPPED', hands: 6 };
    expect(seen).toEqual([
      [two, four, six],
      [two, six],
    ]);
  });

  test('that a server does not have are not asked of it', async () => {
    const server = await stage.serve();
    const client = await stage.online(server, 44);
    const seen = heard(client, 'CLAPPED');
    await server.sendToUser(44, { type: 'CLAPPED', hands: 8 });
    await stage.delivered(server, [client]);
    expect(seen).toEqual([{ type: 'CLAPPED', hands: 8 }]);
    expect(server.stats().errors).toEqual({});
  });

  test('are not all: who subscribes to the type that it sends to the server sees the replies', async () => {
    const server = await stage.serve({
      handlers: {
        FREE_SEATS: ({ action }) => {
          if (action.row === 13) throw new Error('there is no such row');
          return { row: action.row, free: [1, 2, 9] };
        },
      },
    });
    const [client, other] = [await stage.online(server, 44), await stage.online(server, 44)];
    const seen: unknown[] = [];
    client.subscribe('FREE_SEATS', (payload, { kind, action }) => seen.push([kind, action, payload]));
    const others = heard(other, 'FREE_SEATS');
    const question = { type: 'FREE_SEATS', row: 7 };
    const reply = await client.sendToServer(question);
    await failure(client.sendToServer({ type: 'FREE_SEATS', row: 13 }));
    await stage.delivered(server, [client, other]);
    expect(reply).toEqual({ row: 7, free: [1, 2, 9] });
    expect(seen).toEqual([['reply', question, reply]]);
    expect(others).toEqual([]);
  });
});

import { nativeEvents } from '@callboard/protocol';
import { createHarness, type MemoryClient } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { definePlugin } from './index.ts';

const ofUsers = [...nativeEvents.user, ...nativeEvents.client];
const typesOf = (client: MemoryClient) =>
  client.frames.flatMap((frame) => (frame.op === 'event' ? [frame.event.type] : []));

describe('native events', () => {
  test('tell a user’s life in order, with what belongs to it', async () => {
    const { server, clock, connect } = await createHarness();
    const seen: object[] = [];
    server.events$.subscribe((event) => seen.push(event));
    const at = clock.now();
    const tab = await connect(1);
    const who = { userId: '1', clientId: tab.clientId };
    const online = { userId: '1', status: 'ONLINE', previousStatus: 'OFFLINE', onlineSinceTs: at };
    expect(seen).toEqual([
      { type: 'USER_JOINED', userId: '1', at },
      { type: 'CLIENT_ONLINE', ...who, at },
      { type: 'STATUS_CHANGE', ...online, lastOnlineTs: null, awaySinceTs: null, at },
    ]);

    seen.length = 0;
    await clock.advanceAsync(1_000);
    tab.cut();
    expect(seen).toMatchObject([
      { type: 'CLIENT_LOST', ...who, reason: '1006', at: at + 1_000 },
      { type: 'STATUS_CHANGE', status: 'OFFLINE', previousStatus: 'ONLINE', lastOnlineTs: at + 1_000 },
    ]);

    seen.length = 0;
    await clock.advanceAsync(1_000);
    await tab.resume();
    expect(seen).toMatchObject([
      { type: 'CLIENT_RESUMED', ...who, at: at + 2_000 },
      { type: 'STATUS_CHANGE', status: 'ONLINE', onlineSinceTs: at + 2_000, lastOnlineTs: at + 1_000 },
    ]);

    seen.length = 0;
    tab.raw('{"op":"activity","state":"idle"}');
    expect(seen).toMatchObject([{ type: 'CLIENT_ACTIVITY', ...who, state: 'idle' }]);

    seen.length = 0;
    tab.close();
    expect(seen).toMatchObject([
      { type: 'CLIENT_GONE', ...who, reason: '1000' },
      { type: 'STATUS_CHANGE', status: 'OFFLINE' },
      { type: 'USER_LEFT', userId: '1' },
    ]);
  });

  test('say that a lost client is gone when its window ends', async () => {
    const { server, clock, connect } = await createHarness();
    const tab = await connect(1);
    tab.cut();
    const seen: object[] = [];
    server.events$.subscribe((event) => seen.push(event));
    await clock.advanceAsync(60_000);
    expect(seen).toMatchObject([
      { type: 'CLIENT_GONE', clientId: tab.clientId, reason: '1006' },
      { type: 'USER_LEFT', userId: '1' },
    ]);
  });

  test('of further clients do not touch the user’s status', async () => {
    const { server, connect } = await createHarness();
    const first = await connect(1);
    const seen: string[] = [];
    server.events$.subscribe(({ type }) => seen.push(type));
    const second = await connect(1);
    first.cut();
    await first.resume();
    second.close();
    expect(seen).toEqual(['CLIENT_ONLINE', 'CLIENT_LOST', 'CLIENT_RESUMED', 'CLIENT_GONE']);
    expect(server.users.get('1')?.status.status).toBe('ONLINE');
  });

  test('reach the user’s own clients that subscribed, and nobody else’s', async () => {
    const { connect } = await createHarness();
    const [tab, deaf, stranger] = [await connect(1), await connect(1), await connect(2)];
    await tab.subscribe(ofUsers);
    await stranger.subscribe(ofUsers);
    const other = await connect(1);
    other.raw('{"op":"activity","state":"active"}');
    other.cut();
    await other.resume();
    other.close();
    await tab.expectEvent('CLIENT_ONLINE', { clientId: other.clientId });
    for (const type of ['CLIENT_ACTIVITY', 'CLIENT_LOST', 'CLIENT_RESUMED', 'CLIENT_GONE'])
      await tab.expectEvent(type, { userId: '1', clientId: other.clientId });
    for (const client of [tab, deaf, stranger]) await client.expectNothing();
  });

  test('of a user’s return reach the client that comes, after its welcome', async () => {
    const { connect } = await createHarness();
    const tab = await connect(1);
    await tab.subscribe(['CLIENT_RESUMED', 'STATUS_CHANGE']);
    tab.cut();
    await tab.resume();
    expect(tab.frames.slice(-3).map(({ op }) => op)).toEqual(['connected', 'event', 'event']);
    expect(typesOf(tab)).toEqual(['CLIENT_RESUMED', 'STATUS_CHANGE']);
  });

  test('come no more once they are unsubscribed', async () => {
    const { connect } = await createHarness();
    const tab = await connect(1);
    await tab.subscribe(['CLIENT_ONLINE', 'CLIENT_GONE']);
    await tab.expectReply(tab.request({ op: 'unsubscribe', events: ['CLIENT_ONLINE', 'NEVER_HEARD_OF'] }));
    (await connect(1)).close();
    await tab.expectEvent('CLIENT_GONE');
    await tab.expectNothing();
  });

  test('that there are not are UNKNOWN_EVENT, and then none of the list is subscribed to', async () => {
    const { connect } = await createHarness();
    const tab = await connect(1);
    const mid = tab.request({ op: 'subscribe', events: ['CLIENT_ONLINE', 'CLIENT_BORN', 'toString'] });
    expect((await tab.expectError(mid, 'UNKNOWN_EVENT')).message).toContain('CLIENT_BORN');
    await connect(1);
    await tab.expectNothing();
  });

  test('cannot be forged', async () => {
    const seen: string[] = [];
    const { connect } = await createHarness({
      canSend: () => true,
      handler: ({ action }) => void seen.push(action.type),
    });
    const [tab, other] = [await connect(1), await connect(1)];
    seen.length = 0;
    for (const type of Object.values(nativeEvents).flat()) {
      await tab.expectError(tab.call({ type }), 'RESERVED_TYPE');
      await tab.expectError(tab.broadcast({ type }), 'RESERVED_TYPE');
      await tab.expectError(tab.send({ type }, [1, 2]), 'RESERVED_TYPE');
    }
    await other.expectNothing();
    expect(seen).toEqual([]);
  });
});

describe('what an application observes', () => {
  test('the active client: the one that came last, or last did something', async () => {
    const { server, connect } = await createHarness({ handlers: { A: () => 1 } });
    const [tab, phone] = [await connect(1), await connect(1)];
    const active = () => server.users.get('1')?.activeClient?.id;
    expect(active()).toBe(phone.clientId);
    tab.raw('{"op":"activity","state":"idle"}');
    expect(active()).toBe(phone.clientId);
    tab.raw('{"op":"activity","state":"active"}');
    expect(active()).toBe(tab.clientId);
    phone.call({ type: 'A' });
    expect(active()).toBe(phone.clientId);
    phone.close();
    expect(active()).not.toBe(phone.clientId);
  });

  test('whether a client is used, as it said last: with its first frame, or later', async () => {
    const { server, client } = await createHarness();
    const tab = client('1');
    const said = () => [...(server.users.get('1')?.clients ?? [])].map(({ activity }) => activity);
    const before: unknown[] = [];
    server.events$.subscribe(({ type }) => type === 'CLIENT_ONLINE' && before.push(...said()));
    await tab.connect({ activity: 'idle' });
    await client('1').connect();
    expect([before, said()]).toEqual([
      ['idle', 'idle', undefined],
      ['idle', undefined],
    ]);
    tab.raw('{"op":"activity","state":"active"}');
    expect(said()).toEqual(['active', undefined]);
    tab.cut();
    await tab.resume();
    expect(said()).toEqual(['active', undefined]);
    tab.cut();
    await tab.resume({ activity: 'idle' });
    expect(said()).toEqual(['idle', undefined]);
  });

  test('users and clients as they come, complete', async () => {
    const { server, connect } = await createHarness();
    const seen: unknown[] = [];
    server.users$.subscribe(({ id, clients, actor, status }) =>
      seen.push([id, clients.size, actor.getSnapshot().value, status.status]),
    );
    server.clients$.subscribe(({ id, online, actor, user }) =>
      seen.push([id, online, actor.getSnapshot().value, user.status.status]),
    );
    const tab = await connect(1);
    expect(seen).toEqual([
      ['1', 1, 'online', 'ONLINE'],
      [tab.clientId, true, 'online', 'ONLINE'],
    ]);
    await connect(1);
    expect(seen).toHaveLength(3);
  });

  test('actions that passed the pipeline', async () => {
    const { server, connect } = await createHarness({ handlers: { A: () => 1 } });
    const seen: object[] = [];
    const subscription = server.actions$.subscribe(({ client, user, ...rest }) =>
      seen.push({ ...rest, by: client.id, of: user.id }),
    );
    const tab = await connect(1);
    tab.call({ type: 'A', n: 1 });
    tab.broadcast({ type: 'B' });
    tab.send({ type: 'C' }, 1);
    tab.call({ type: 'STATUS_CHANGE' });
    const who = { by: tab.clientId, of: '1' };
    expect(seen).toEqual([
      { kind: 'call', action: { type: 'A', n: 1 }, ...who },
      { kind: 'broadcast', action: { type: 'B' }, ...who },
      { kind: 'send', action: { type: 'C' }, to: ['1'], ...who },
    ]);
    subscription.unsubscribe();
    tab.call({ type: 'A' });
    expect(seen).toHaveLength(3);
  });

  test('messages of a user that are for no client in particular, and those of each client', async () => {
    const { server, connect } = await createHarness({
      handlers: { SELF: ({ sendToClient }) => sendToClient({ type: 'SELF' }) },
    });
    const [tab, other] = [await connect(1), await connect(1)];
    const user = server.users.get('1');
    const seen: Record<string, string[]> = { user: [], [tab.clientId]: [], [other.clientId]: [] };
    user?.messages$.subscribe(({ action }) => seen.user?.push(action.type));
    for (const client of user?.clients ?? [])
      client.messages$.subscribe(({ action }) => seen[client.id]?.push(action.type));
    await server.sendToUser(1, { type: 'ALL' });
    await tab.expectReply(tab.broadcast({ type: 'OTHERS' }));
    await tab.expectReply(tab.call({ type: 'SELF' }));
    expect(seen[tab.clientId]).toEqual(['ALL', 'SELF']);
    expect(seen[other.clientId]).toEqual(['ALL', 'OTHERS']);
    expect(seen.user).toEqual(['ALL', 'OTHERS']);
  });
});

test('an event that is emitted while another one is told comes after it, for everybody', async () => {
  const { server, connect } = await createHarness({
    plugins: [
      definePlugin({
        name: 'echo',
        setup({ event, server: { events$ } }) {
          const echoed = event<{ type: 'ECHOED'; of: string }>('ECHOED');
          events$.subscribe(({ type }) => type === 'CLIENT_ONLINE' && echoed({ type: 'ECHOED', of: type }));
        },
      }),
    ],
  });
  const seen: string[] = [];
  server.events$.subscribe(({ type }) => seen.push(type));
  await connect(1);
  expect(seen).toEqual(['USER_JOINED', 'CLIENT_ONLINE', 'STATUS_CHANGE', 'ECHOED']);
});

test('an event of a plugin’s that cannot be encoded harms nobody', async () => {
  let emit: (event: { type: 'BAD'; big: bigint }, scope: { everybody: true }) => void = () => {};
  const harness = await createHarness({
    plugins: [
      definePlugin({
        name: 'bad',
        setup({ event }) {
          emit = event<{ type: 'BAD'; big: bigint }>('BAD');
        },
      }),
    ],
  });
  const tab = await harness.connect(1);
  await tab.subscribe('BAD');
  emit({ type: 'BAD', big: 1n }, { everybody: true });
  await tab.expectNothing();
  expect(harness.errors).toMatchObject([{ message: 'an event was not told' }]);
});

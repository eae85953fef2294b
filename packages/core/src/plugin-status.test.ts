import { createHarness, type MemoryClient } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { type Client, definePlugin, type Emit, type UserStatus } from './index.ts';

interface Whisper {
  readonly type: 'WHISPER';
  readonly n: number;
}

/** Says of some users that they are there when they are not, until it is told otherwise. */
function lingering() {
  const said = new Map<string, UserStatus>();
  const rechecked: string[] = [];
  let recheck = (_client: Client): unknown => undefined;
  let revise!: (userId: string) => void;
  let whisper!: Emit<Whisper>;
  const plugin = definePlugin({
    name: 'lingering',
    setup({ status, rights, event }) {
      revise = status((now, { userId }) => said.get(userId) ?? now);
      rights(async (client) => {
        rechecked.push(client.id);
        await recheck(client);
      });
      whisper = event<Whisper>('WHISPER');
      return {
        say(userId: string, more: Partial<UserStatus> | undefined) {
          if (more === undefined) said.delete(userId);
          else said.set(userId, { ...away, ...more });
          revise(userId);
        },
        whisper,
        rechecked,
        onRecheck(task: typeof recheck) {
          recheck = task;
        },
      };
    },
  });
  return plugin;
}

const away: UserStatus = {
  status: 'AWAY',
  previousStatus: 'ONLINE',
  onlineSinceTs: 1,
  lastOnlineTs: null,
  awaySinceTs: 2,
};

const begin = async () => {
  const handled: string[] = [];
  const harness = await createHarness({
    plugins: [lingering()],
    handler: ({ action }) => void handled.push(action.type),
    verifyClient: ({ token = '' }) => ({ claims: { token } }),
  });
  return { ...harness, handled, presence: harness.server.lingering };
};

const typesOf = (client: MemoryClient) =>
  client.frames.flatMap((frame) => (frame.op === 'event' ? [frame.event.type] : []));

describe('a status that a plugin gives', () => {
  test('is made anew when it says so', async () => {
    const { server, connect, presence } = await begin();
    const tab = await connect(1);
    await tab.subscribe('STATUS_CHANGE');
    presence.say('1', {});
    await tab.expectEvent('STATUS_CHANGE', { status: 'AWAY', awaySinceTs: 2 });
    presence.say('1', { lastOnlineTs: 7 });
    await tab.expectNothing();
    expect(server.users.get('1')?.status).toEqual({ ...away, lastOnlineTs: 7 });
    presence.say('nobody', {});
    expect(server.users.has('nobody')).toBe(false);
  });

  test('keeps a user who has no client any more, until it is OFFLINE', async () => {
    const { server, connect, clock, presence, handled } = await begin();
    const tab = await connect(1);
    presence.say('1', { status: 'ONLINE' });
    tab.close();
    await clock.settle();
    expect(server.users.get('1')).toMatchObject({ clients: new Set(), status: { status: 'ONLINE' } });
    expect(handled).not.toContain('USER_LEFT');
    presence.say('1', { status: 'OFFLINE', lastOnlineTs: 9 });
    expect(server.users.size).toBe(0);
    expect(handled.slice(-2)).toEqual(['STATUS_CHANGE', 'USER_LEFT']);
  });

  test('has one and the same user come back within that time: nothing is told, and the inbox goes on', async () => {
    const { server, connect, clock, until, presence, handled } = await begin();
    const tab = await connect(1);
    presence.say('1', { status: 'ONLINE' });
    const user = server.users.get('1');
    tab.close();
    await clock.settle();
    handled.length = 0;
    const again = await connect(1);
    expect(again.frames[0]).toMatchObject({ op: 'connected', status: 'ONLINE' });
    expect(handled).toEqual(['CLIENT_ONLINE']);
    expect(server.users.get('1')).toBe(user);
    await until(server.sendToUser(1, { type: 'HELLO' }));
    await again.expectMessage({ type: 'HELLO' });
  });

  test('is not asked about a user whom it does not keep', async () => {
    const { server, connect, clock } = await begin();
    (await connect(1)).close();
    await clock.settle();
    expect(server.users.size).toBe(0);
  });

  test('that changed between the welcome and the subscription is told then', async () => {
    const { connect, presence } = await begin();
    const tab = await connect(1);
    presence.say('1', {});
    await tab.subscribe('STATUS_CHANGE');
    await tab.expectEvent('STATUS_CHANGE', { status: 'AWAY' });
    await tab.subscribe('STATUS_CHANGE');
    await tab.expectNothing();
  });
});

describe('an event that a plugin tells to clients by name', () => {
  test('reaches these that have a connection, subscribed or not, and nobody else', async () => {
    const { server, connect, clock, presence, handled } = await begin();
    const [one, other, lost, stranger] = [
      await connect(1),
      await connect(1),
      await connect(1),
      await connect(2),
    ];
    const clients = [...(server.users.get('1')?.clients ?? [])];
    lost.cut();
    await clock.settle();
    presence.whisper.to(
      clients.filter(({ id }) => id !== other.clientId),
      { type: 'WHISPER', n: 1 },
    );
    await one.expectEvent('WHISPER', { n: 1 });
    for (const deaf of [other, stranger]) await deaf.expectNothing();
    await lost.resume();
    expect(typesOf(lost)).toEqual([]);
    expect(handled).not.toContain('WHISPER');
  });

  test('throws where it is no JSON, and sends nothing', async () => {
    const { server, connect, presence } = await begin();
    const tab = await connect(1);
    const clients = server.users.get('1')?.clients ?? [];
    expect(() => presence.whisper.to(clients, { type: 'WHISPER', n: 1n as never })).toThrow('BigInt');
    await tab.expectNothing();
  });
});

describe('rights that a plugin grants', () => {
  test('are asked for anew with a new token, after a resume with other claims, and on demand', async () => {
    const { server, connect, until, clock, presence } = await begin();
    const tab = await connect(1, { token: 'a' });
    const { rechecked } = presence;
    await tab.expectReply(tab.request({ op: 'refresh', token: 'b' }));
    await clock.settle();
    expect(rechecked).toEqual([tab.clientId]);
    tab.cut();
    await tab.resume({ token: 'b' });
    expect(rechecked).toHaveLength(1);
    tab.cut();
    await tab.resume({ token: 'c' });
    expect(rechecked).toHaveLength(2);
    await until(server.recheckRights(1));
    expect(rechecked).toHaveLength(3);
  });

  test('are waited for, but not for ever, and one that throws is logged', async () => {
    const { server, connect, until, clock, presence, logs } = await begin();
    await connect(1);
    presence.onRecheck(() => new Promise(() => {}));
    const from = clock.now();
    await until(server.recheckRights(1));
    expect(clock.now() - from).toBeGreaterThanOrEqual(30_000);
    presence.onRecheck(() => {
      throw new Error('broken');
    });
    await until(server.recheckRights(1));
    expect(logs.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual(
      Array(2).fill('a plugin failed to recheck rights'),
    );
  });
});

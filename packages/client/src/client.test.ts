import { defineContract } from '@callboard/protocol';
import { collectingLogger, createHarness, type HarnessOptions, MemoryRoad } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { failure } from '../test/support.ts';
import { type Client, type ClientOptions, createClient } from './index.ts';

/** A server, and clients of it, in simulated time. */
async function stageWith(options: HarnessOptions = {}) {
  const harness = await createHarness({
    handlers: { ECHO: ({ action }) => action.n, NEVER: () => new Promise(() => {}) },
    ...options,
  });
  const { clock } = harness;
  const logger = collectingLogger();
  const client = (given: Partial<ClientOptions> = {}) => {
    const road = new MemoryRoad(harness);
    const base = { endPoint: 'ws://server', userId: 44, timers: clock, random: () => 0.5, logger };
    return { road, client: createClient({ ...base, transport: road, ...given }) };
  };
  const online = async (given: Partial<ClientOptions> = {}) => {
    const made = client(given);
    await clock.advanceAsync(0);
    await clock.settle();
    expect(made.client.getStatus()).toBe('ONLINE');
    return made;
  };
  return { ...harness, logger, client, online };
}
const statusesOf = (client: Client) => {
  const seen: string[] = [];
  client.status$.subscribe((status) => seen.push(status));
  return seen;
};

describe('a client of a server', () => {
  test('sends, is answered, and is told', async () => {
    const { online, clock, logger } = await stageWith();
    const [{ client: one }, { client: two }] = [await online(), await online()];
    const seen: unknown[] = [];
    two.subscribe('NEWS', (action, { kind }) => seen.push([kind, action]));
    one.subscribe('ECHO', (result, { kind }) => seen.push([kind, result]));
    const sends = [
      one.sendToServer<number>({ type: 'ECHO', n: 7 }),
      one.broadcast({ type: 'NEWS', n: 1 }),
      one.sendToUser({ type: 'NEWS', n: 2 }, [44, '44']),
    ];
    await clock.settle();
    expect(await Promise.all(sends)).toEqual([7, undefined, undefined]);
    expect(seen).toEqual([
      ['reply', 7],
      ['message', { type: 'NEWS', n: 1 }],
      ['message', { type: 'NEWS', n: 2 }],
    ]);
    expect([one.id === two.id, logger.logs]).toEqual([false, []]);
  });

  test('says of each connection whether the session goes on', async () => {
    const { client: make, clock, server } = await stageWith();
    const { client } = make();
    const seen: unknown[] = [];
    client.connected$.subscribe(({ clientId, resumed }) =>
      seen.push([clientId === client.id, resumed, client.getStatus()]),
    );
    const settled = () => clock.advanceAsync(500);
    await settled();
    client.drop();
    await settled();
    for (const each of server.users.get('44')?.clients ?? []) each.disconnect(4001);
    await settled();
    expect(seen).toEqual([
      [true, false, 'ONLINE'],
      [true, true, 'ONLINE'],
      [true, false, 'ONLINE'],
    ]);
  });

  test('stays for hours, by pings alone', async () => {
    const { online, clock, server } = await stageWith();
    const { client } = await online();
    const statuses = statusesOf(client);
    await clock.advanceAsync(4 * 3_600_000);
    expect([statuses, server.stats().connections.accepted]).toEqual([['ONLINE'], 1]);
  });

  test('notices a link that is dead both ways, comes back, and has missed nothing', async () => {
    const { online, clock } = await stageWith();
    const [{ client, road }, { client: other }] = [await online(), await online()];
    const statuses = statusesOf(client);
    const seen: unknown[] = [];
    client.subscribe('NEWS', ({ n }, { recovered }) => seen.push([n, recovered]));
    road.wire?.freeze();
    void other.broadcast({ type: 'NEWS', n: 1 });
    await clock.advanceAsync(33_000);
    await clock.advanceAsync(500);
    expect(statuses).toEqual(['ONLINE', 'OFFLINE', 'ONLINE']);
    void other.broadcast({ type: 'NEWS', n: 2 });
    await clock.settle();
    expect(seen).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  test('is spread out by a server that stops, and finds the next one', async () => {
    const { online, clock, server } = await stageWith();
    const { client } = await online();
    const statuses = statusesOf(client);
    const call = failure(client.sendToServer({ type: 'NEVER' }));
    const stopped = server.disconnect({ graceMs: 1_000 });
    await clock.advanceAsync(2_000);
    await stopped;
    expect(await call).toMatchObject({ code: 'CONNECTION_LOST', effect: 'perhaps' });
    await clock.advanceAsync(60_000);
    expect(client.actor.getSnapshot().context.failures).toBeGreaterThan(2);
    await server.start();
    await clock.advanceAsync(20_000);
    expect(statuses).toEqual(['ONLINE', 'OFFLINE', 'ONLINE']);
    const again = failure((await call).retry());
    expect(await again).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  test('renews its token before that expires, over and over', async () => {
    let given = 0;
    const { online, clock } = await stageWith({
      verifyClient: ({ token }) => token !== undefined && { expiresAtMs: clock.now() + 60_000 },
    });
    const { client } = await online({ token: () => `token-${++given}` });
    const statuses = statusesOf(client);
    await clock.advanceAsync(480_000);
    expect([statuses, given]).toEqual([['ONLINE'], 11]);
  });

  test('comes back with a new token when the last one has expired', async () => {
    let given = 0;
    const { online, clock } = await stageWith({
      verifyClient: ({ token }) => token !== undefined && { expiresAtMs: clock.now() + 60_000 },
    });
    // A clock that is an hour slow: to this client its token has an hour left.
    const timers = {
      now: () => clock.now() - 3_600_000,
      setTimeout: (task: () => void, ms: number) => clock.setTimeout(task, ms),
      clearTimeout: (timer: unknown) => clock.clearTimeout(timer),
    };
    const { client } = await online({ timers, token: () => `token-${++given}` });
    const { id } = client;
    await clock.advanceAsync(61_000);
    expect([client.getStatus(), given, client.id === id]).toEqual(['ONLINE', 2, true]);
  });

  test('is refused for good', async () => {
    const { client: make, clock } = await stageWith({ verifyClient: () => false });
    const { client } = make();
    const [statuses, connected] = [statusesOf(client), client.connect()];
    await clock.settle();
    await expect(connected).rejects.toMatchObject({ code: 3500 });
    await clock.advanceAsync(3_600_000);
    expect([statuses, client.actor.getSnapshot().value]).toEqual([['CONNECTING', 'OFFLINE'], 'closed']);
    expect(await failure(client.sendToServer({ type: 'ECHO' }))).toMatchObject({ code: 'NOT_CONNECTED' });
  });
});

describe('whatever a server bears', () => {
  test.each([
    [40, { maxFramesPerSecond: 1 }],
    [40, { maxFramesPerSecond: 3 }],
    [400, { maxFramesPerSecond: 50, maxPendingRequests: 1 }],
    [100, { maxBytesPerSecond: 1_000 }],
    [100, { maxBytesPerSecond: 700, maxFrameBytes: 400 }],
    [3_000, {}],
  ])('a burst of %i is late, and none of it refused: %j', async (count, limits) => {
    const { online, until, server } = await stageWith({ limits });
    const { client } = await online({ token: 'a token of some length'.repeat(10), maxQueued: 10_000 });
    const statuses = statusesOf(client);
    const calls = Array.from({ length: count }, (_, n) =>
      client.sendToServer<number>({ type: 'ECHO', n, text: 'x'.repeat(n % 90) }, { timeoutMs: 250_000 }),
    );
    expect(await until(Promise.all(calls))).toEqual(calls.map((_, n) => n));
    expect([statuses, server.stats().connections.accepted]).toEqual([['ONLINE'], 1]);
  });
});

test('a contract’s actions are sent as they are written, and come as they are read', async () => {
  const contract = defineContract({
    actions: { ADD: v.object({ item: v.string(), count: v.optional(v.number(), 1) }) },
  });
  const { online, clock } = await stageWith({ contract } as HarnessOptions);
  const [{ client: one }, { client: two }] = [await online(), await online()];
  const seen: unknown[] = [];
  two.subscribe('ADD', (action) => seen.push(action));
  void one.broadcast({ type: 'ADD', item: 'x' });
  const refused = failure(one.broadcast({ type: 'ADD', item: 7 }));
  await clock.settle();
  expect(seen).toEqual([{ type: 'ADD', item: 'x', count: 1 }]);
  expect(await refused).toMatchObject({ code: 'INVALID_ACTION', effect: 'none' });
});

import {
  createHarness,
  type Harness,
  type HarnessOptions,
  MemoryRoad,
  SimulatedClock,
} from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { type Channel, createClient, type Gap, type Publication, SendError } from './index.ts';

const open = { canSubscribe: () => true, canPublish: () => true };
const channels = {
  'product/+': open,
  'kept/+': { ...open, history: { size: 3 } },
  'last/+': { ...open, retain: true },
};

async function theatre(options: HarnessOptions = {}) {
  const harness = await createHarness({ channels, ...options, clock: new SimulatedClock() });
  return { ...harness, visit: (userId = 1) => visit(harness, userId) };
}

async function visit(harness: Pick<Harness, 'clock' | 'transport'>, userId = 1) {
  const road = new MemoryRoad(harness);
  const warnings: string[] = [];
  const client = createClient({
    endPoint: 'ws://memory',
    userId,
    timers: harness.clock,
    transport: road,
    logger: { debug() {}, info() {}, warn: (message) => warnings.push(message), error: console.error },
  });
  await harness.clock.settle();
  return { client, road, warnings };
}

/** What a channel brings: data, and gaps. */
function hear(channel: Channel) {
  const heard: unknown[] = [];
  channel.gaps$.subscribe(({ reason }: Gap) => heard.push(`gap: ${reason}`));
  const off = channel.subscribe(({ data, retained }: Publication) =>
    heard.push(retained ? { retained: data } : data),
  );
  return { heard, off };
}

const codeOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return error instanceof SendError ? error.code : error;
};

describe('viewers of product 1, of product 2 and of none', () => {
  test('a change of 1 reaches the viewers of 1 alone, and carries the count', async () => {
    const { server, clock, visit: come } = await theatre();
    const visitors = [await come(1), await come(2), await come(3)];
    const [one, two, none] = visitors.map(({ client }) => client);
    const first = hear(one?.channel('product/1') as Channel);
    const second = hear(two?.channel('product/2') as Channel);
    await clock.settle();
    await server.publish('product/1', { type: 'INVENTORY', stock: 41 });
    await clock.settle();
    expect(first.heard).toEqual([{ type: 'INVENTORY', stock: 41 }]);
    expect(second.heard).toEqual([]);
    expect(none?.channel('product/1')).toBe(none?.channel('product/1'));
    expect([1, 2].map((id) => server.channel(`product/${id}`).subscribers.size)).toEqual([1, 1]);
  });

  test('who joins late gets the current count; leaving and switching stop the old product', async () => {
    const { server, clock, visit: come } = await theatre();
    await server.publish('last/1', 7);
    const { client } = await come();
    const [old, other] = [client.channel('last/1'), client.channel('last/2')];
    const [before, after] = [hear(old), hear(other)];
    await clock.settle();
    const left = old.leave();
    await server.publish('last/1', 'on its way');
    await clock.settle();
    await left;
    for (const name of ['last/1', 'last/2']) await server.publish(name, 6);
    await clock.settle();
    expect(before.heard).toEqual([{ retained: 7 }]);
    expect(after.heard).toEqual([6]);
    after.off();
    await clock.settle();
    expect([1, 2].map((id) => server.channel(`last/${id}`).subscribers.size)).toEqual([0, 0]);
    const again = hear(old);
    await clock.settle();
    expect(again.heard).toEqual([{ retained: 6 }]);
  });

  test('who comes back converges, in the same session and in a new one', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client, road } = await come();
    const kept = hear(client.channel('kept/1'));
    const bare = hear(client.channel('product/1'));
    const last = hear(client.channel('last/1'));
    const publish = async (data: unknown) => {
      for (const name of ['kept/1', 'product/1', 'last/1']) await server.publish(name, data);
      await clock.settle();
    };
    await clock.settle();
    await publish(1);
    road.wire?.cut();
    await publish(2);
    await publish(3);
    await clock.advanceAsync(1_000);
    await publish(4);
    expect(kept.heard).toEqual([1, 2, 3, 4]);
    expect(bare.heard).toEqual([1, 'gap: evicted', 4]);
    expect(last.heard).toEqual([1, 'gap: evicted', { retained: 3 }, 4]);

    // Its session ends, and with it its subscriptions, but nothing of what it knows.
    server.channel('kept/1').publications$.subscribe();
    for (const { clients } of server.users.values()) for (const each of clients) each.disconnect(4000);
    await publish(5);
    await clock.advanceAsync(1_000);
    await publish(6);
    expect(kept.heard).toEqual([1, 2, 3, 4, 5, 6]);
    expect(bare.heard.slice(3)).toEqual(['gap: epoch', 6]);
    expect(last.heard.slice(4)).toEqual(['gap: evicted', { retained: 5 }, 6]);
    expect(server.channel('kept/1').subscribers.size).toBe(1);
    await client.close();
  });

  test('a restarted server is a gap', async () => {
    const { server, clock, until, visit: come } = await theatre();
    const { client } = await come();
    const { heard } = hear(client.channel('kept/1'));
    await clock.settle();
    await server.publish('kept/1', 1);
    await until(server.disconnect());
    await server.start();
    await clock.advanceAsync(30_000);
    await server.publish('kept/1', 2);
    await clock.settle();
    expect(heard).toEqual([1, 'gap: epoch', 2]);
  });
});

describe('a channel', () => {
  test('is published into by clients; who excludes itself hears of it no more', async () => {
    const { clock, visit: come } = await theatre();
    const [{ client: one }, { client: two }] = [await come(1), await come(2)];
    const heard: Publication[] = [];
    two.channel('product/1').subscribe((publication) => heard.push(publication));
    const own = hear(one.channel('product/1'));
    await clock.settle();
    const sent = [
      one.channel('product/1').publish('a'),
      one.channel('product/1').publish(null, { exclude: true }),
    ];
    await clock.settle();
    await Promise.all(sent);
    const from = { userId: '1', clientId: one.id };
    const position = { epoch: expect.any(String), offset: 1 };
    expect(heard).toEqual([
      { channel: 'product/1', position, data: 'a', from, retained: false },
      { channel: 'product/1', position: { ...position, offset: 2 }, data: null, from, retained: false },
    ]);
    expect(own.heard).toEqual(['a']);
  });

  test('that is closed to it refuses, and is asked for again when somebody else subscribes', async () => {
    let allowed = false;
    const { clock, visit: come } = await theatre({ channels: { a: { canSubscribe: () => allowed } } });
    const { client, warnings } = await come();
    const channel = client.channel('a');
    const { off } = hear(channel);
    const joined = codeOf(channel.joined());
    const published = codeOf(channel.publish(1));
    const invalid = codeOf(client.channel('a/+').publish(1));
    await clock.settle();
    expect([await joined, await published, await invalid]).toEqual([
      'FORBIDDEN',
      'FORBIDDEN',
      'INVALID_CHANNEL',
    ]);
    expect(warnings).toEqual(['a channel was refused']);
    off();
    allowed = true;
    hear(channel);
    await clock.settle();
    await channel.joined();
  });

  test('is subscribed to once, however many want it, and left with the last of them', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client } = await come();
    const channel = client.channel('product/1');
    const seen: unknown[] = [];
    const one = channel.publications$.subscribe(({ data }) => seen.push(data));
    const { heard, off } = hear(channel);
    await clock.settle();
    await server.publish('product/1', 1);
    await clock.settle();
    one.unsubscribe();
    await server.publish('product/1', 2);
    await clock.settle();
    expect([seen, heard]).toEqual([[1], [1, 2]]);
    off();
    off();
    await clock.settle();
    expect(server.stats()).toMatchObject({ channels: 0 });
  });

  test('wanted and not wanted in quick succession ends as it was wanted last', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client } = await come();
    const channel = client.channel('product/1');
    for (const last of [true, false, true]) {
      const offs = [1, 2, 3].map(() => {
        const { off } = hear(channel);
        off();
        return hear(channel).off;
      });
      if (!last) for (const off of offs) off();
      if (!last) await Promise.all([channel.leave(), clock.settle()]);
      await clock.settle();
      expect(server.channel('product/1').subscribers.size).toBe(last ? 1 : 0);
      await channel.joined();
      for (const off of offs) off();
      await clock.settle();
    }
  });

  test('wanted while there is no connection is joined with it', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client, road } = await come();
    road.wire?.cut();
    await clock.settle();
    const { heard } = hear(client.channel('product/1'));
    const joined = client.channel('product/1').joined();
    await clock.advanceAsync(1_000);
    await joined;
    await server.publish('product/1', 1);
    await clock.settle();
    expect(heard).toEqual([1]);
  });

  test('whose reply is lost is there when the client is back, with what came meanwhile', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client, road } = await come();
    const { heard } = hear(client.channel('kept/1'));
    // The request arrives, and its answer does not.
    const { wire } = road;
    wire?.freeze();
    await clock.settle();
    wire?.cut();
    for (const data of [1, 2]) await server.publish('kept/1', data);
    await clock.advanceAsync(1_000);
    await server.publish('kept/1', 3);
    await clock.settle();
    expect(heard).toEqual([1, 2, 3]);
  });

  test('ends with the client, and nobody waits for ever', async () => {
    const { server, clock, visit: come } = await theatre();
    const { client, road } = await come();
    const channel = client.channel('product/1');
    let completed = 0;
    channel.publications$.subscribe({ complete: () => completed++ });
    channel.gaps$.subscribe({ complete: () => completed++ });
    await clock.settle();
    road.wire?.cut();
    await clock.settle();
    hear(client.channel('product/2'));
    const waiting = [codeOf(client.channel('product/2').joined()), codeOf(channel.leave())];
    await Promise.all([client.close(), clock.settle()]);
    expect(await Promise.all(waiting)).toMatchObject([{ code: 1000 }, undefined]);
    expect(completed).toBe(2);
    await clock.advanceAsync(61_000);
    expect(server.stats().channels).toBe(0);
  });
});

test('a publish whose options name no time-out has the client’s', async () => {
  const { clock, visit: come } = await theatre({
    channels: { held: { canPublish: () => new Promise(() => {}) } },
    limits: { requestTimeoutMs: 60_000 },
  });
  const { client } = await come();
  let failed: unknown;
  client
    .channel('held')
    .publish('now', { timeoutMs: undefined } as object)
    .catch(({ code }: SendError) => {
      failed = code;
    });
  await clock.advanceAsync(34_999);
  expect(failed).toBeUndefined();
  await clock.advanceAsync(1);
  expect(failed).toBe('TIMEOUT');
});

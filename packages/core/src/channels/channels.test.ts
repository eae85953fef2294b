import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { bothLogs, type SlowLog, withLog } from '../../test/logs.ts';
import type { ChannelPolicies } from './policy.ts';

const open = { canSubscribe: () => true, canPublish: () => true };
const channels: ChannelPolicies = {
  'product/+': open,
  'kept/+': { ...open, history: { size: 5, ttlMs: 10_000 } },
  'last/+': { ...open, retain: true, filters: true },
};

describe.each(bothLogs)('a channel, with a log that answers %s,', (answers) => {
  const harness = (options: Parameters<typeof createHarness>[0] = {}) =>
    createHarness({ channels, ...withLog(answers).options, ...options });

  test('reaches those who have subscribed, in order, once, and nobody else', async () => {
    const { server, connect, until } = await harness();
    const [one, two, both, none] = [await connect(1), await connect(2), await connect(1), await connect(3)];
    await one.join('product/1');
    await two.join('product/2');
    await both.join(['product/1', 'product/2']);
    for (const stock of [5, 4, 3]) await until(server.publish('product/1', { stock }));
    await two.expectReply(two.publish('product/2', null));
    for (const client of [one, both])
      for (const [i, stock] of [5, 4, 3].entries()) {
        const publication = await client.expectPublication({ channel: 'product/1', data: { stock } });
        expect(publication).not.toHaveProperty('from');
        expect(publication.offset).toBe(i + 1);
      }
    for (const client of [two, both]) {
      const { from } = await client.expectPublication({ channel: 'product/2', offset: 1, data: null });
      expect(from).toEqual({ userId: '2', clientId: two.clientId });
    }
    for (const client of [one, two, both, none]) await client.expectNothing();
  });

  test('answers with its head; unsubscribing ends it, and what was not subscribed to is no error', async () => {
    const { server, connect, until } = await harness();
    const [tab, other] = [await connect(1), await connect(2)];
    const { 'product/1': at } = await other.join('product/1');
    expect(at).toEqual({ epoch: expect.any(String), offset: 0, recovered: false });
    await until(server.publish('product/1', 1));
    const { 'product/1': later } = await tab.join('product/1');
    expect(later).toEqual({ epoch: at?.epoch, offset: 1, recovered: false });
    await tab.leave(['product/1', 'product/7']);
    await until(server.publish('product/1', 2));
    await tab.expectNothing();
    for (const data of [1, 2]) await other.expectPublication({ data });
  });

  test('subscribed to twice stays as it is', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await tab.join('last/1');
    await until(server.publish('last/1', 1));
    const again = await tab.join('last/1', { 'last/1': { epoch: 'another', offset: 99 } });
    expect(again).toMatchObject({ 'last/1': { offset: 1, recovered: true } });
    await until(server.publish('last/1', 2));
    for (const data of [1, 2]) expect((await tab.expectPublication({ data })).retained).toBeUndefined();
    await tab.expectNothing();
    expect(server.channel('last/1').subscribers.size).toBe(1);
  });

  test('is subscribed to together with events, all of it or nothing', async () => {
    const { server, connect } = await harness();
    const tab = await connect(1);
    const request = (events: string[], names: string[]) =>
      tab.request({ op: 'subscribe', events, channels: names });
    await tab.expectError(request(['NO_SUCH'], ['product/1']), 'UNKNOWN_EVENT');
    await tab.expectError(request(['CLIENT_ONLINE'], ['product/1', 'closed']), 'FORBIDDEN');
    expect(server.channel('product/1').subscribers.size).toBe(0);
    expect(server.stats().channels).toBe(0);
    await tab.expectReply(request(['CLIENT_ONLINE'], ['product/1']));
    await connect(1);
    await tab.expectEvent('CLIENT_ONLINE');
    expect(server.channel('product/1').subscribers.size).toBe(1);
  });

  test('is not sent to a publisher that excludes itself, live or later', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    for (const client of [tab, other]) await client.join(['kept/1', 'product/1']);
    await tab.expectReply(tab.publish('product/1', 'x', { exclude: true }));
    await other.expectPublication({ data: 'x' });
    await tab.expectReply(tab.publish('kept/1', 'mine', { exclude: true }));
    await tab.expectReply(tab.publish('kept/1', 'all', { exclude: false }));
    await tab.expectPublication({ data: 'all' });
    await tab.expectReply(tab.publish('kept/1', 'mine too', { exclude: true }));
    for (const data of ['mine', 'all', 'mine too']) await other.expectPublication({ data });
    for (let times = 0; times < 2; times++) {
      tab.cut();
      const { streams } = await tab.resume();
      // Nothing that it was excluded from is missed, where nothing is kept either.
      expect(streams).toMatchObject({ 'kept/1': { recovered: true }, 'product/1': { recovered: true } });
      await tab.expectNothing();
    }
    // What is kept it is not sent later either.
    const begin = { 'kept/1': { epoch: tab.channels.get('kept/1')?.epoch ?? '', offset: 0 } };
    await tab.leave('kept/1');
    await tab.join('kept/1', begin);
    await tab.expectPublication({ data: 'all' });
    await tab.expectNothing();
  });

  test('is retained: the last value comes first, with its age', async () => {
    const { server, clock, connect, until } = await harness();
    const early = await connect(1);
    await early.join('last/1');
    await until(server.publish('last/1', { stock: 1 }));
    await until(server.publish('last/1', { stock: 2 }));
    const before = clock.now();
    await clock.advanceAsync(3_000);
    const late = await connect(2);
    expect(await late.join('last/1')).toMatchObject({ 'last/1': { offset: 2, recovered: false } });
    await until(server.publish('last/1', { stock: 3 }));
    const last = await late.expectPublication({ data: { stock: 2 }, offset: 2, retained: true });
    expect(last.ageMs).toBeGreaterThanOrEqual(3_000);
    expect(last.ageMs).toBeLessThanOrEqual(clock.now() - before + 1_000);
    expect(await late.expectPublication({ data: { stock: 3 } })).not.toHaveProperty('retained');
    for (const stock of [1, 2, 3]) await early.expectPublication({ data: { stock } });
    for (const client of [early, late]) await client.expectNothing();
  });

  test('that keeps nothing is forgotten with its last session, and begins anew', async () => {
    const { server, clock, connect, until } = await harness();
    const tab = await connect(1);
    const { 'product/1': first } = await tab.join('product/1');
    tab.cut();
    await clock.advanceAsync(59_000);
    expect(server.stats().channels).toBe(1);
    await clock.advanceAsync(2_000);
    expect([server.stats().channels, server.channel('product/1').subscribers.size]).toEqual([0, 0]);
    await until(server.publish('product/1', 1));
    expect(server.stats().channels).toBe(0);
    const { 'product/1': second } = await (await connect(1)).join('product/1');
    expect(second?.offset).toBe(0);
    expect(second?.epoch).not.toBe(first?.epoch);
  });

  test('that keeps a history is there until that has expired', async () => {
    const { server, clock, connect, until } = await harness();
    await until(server.publish('kept/1', 1));
    await clock.advanceAsync(6_000);
    await until(server.publish('kept/1', 2));
    await clock.advanceAsync(6_000);
    expect(server.stats().channels).toBe(1);
    const tab = await connect(1);
    const { 'kept/1': at } = await tab.join('kept/1');
    expect(at?.offset).toBe(2);
    await tab.leave('kept/1');
    await tab.join('kept/1', { 'kept/1': { epoch: at?.epoch ?? '', offset: 1 } });
    await tab.expectPublication({ data: 2, offset: 2 });
    await tab.leave('kept/1');
    await clock.advanceAsync(11_000);
    expect(server.stats().channels).toBe(0);
  });

  test('is seen by the server’s own code', async () => {
    const { server, connect, until, logs, clock } = await harness();
    const channel = server.channel('product/1');
    const seen: unknown[] = [];
    const subscription = channel.publications$.subscribe((publication) => seen.push(publication));
    channel.publications$.subscribe(() => {
      throw new Error('an observer');
    });
    await clock.settle();
    const tab = await connect(1);
    await tab.expectReply(tab.publish('product/1', [1]));
    await until(server.publish('product/1', 2));
    const from = { userId: '1', clientId: tab.clientId };
    const { epoch } = (await channel.history()).position;
    expect(seen).toEqual([
      { channel: 'product/1', position: { epoch, offset: 1 }, data: [1], from },
      { channel: 'product/1', position: { epoch, offset: 2 }, data: 2 },
    ]);
    await tab.join('product/1');
    expect([...channel.subscribers].map(({ id }) => id)).toEqual([tab.clientId]);
    tab.close();
    await clock.settle();
    subscription.unsubscribe();
    await clock.settle();
    expect([channel.subscribers.size, server.stats().channels]).toEqual([0, 0]);
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([{ message: 'an observer failed' }]);
  });
});

describe('bad input', () => {
  test('is refused with a code, and changes nothing', async () => {
    const { server, connect } = await createHarness({ channels: { '#': open }, limits: { maxChannels: 3 } });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('a');
    for (const channel of ['', '$inbox', '$inbox/2', 'x'.repeat(256)]) {
      await tab.expectError(tab.request({ op: 'subscribe', channels: ['a', channel] }), 'INVALID_CHANNEL');
      await tab.expectError(tab.request({ op: 'unsubscribe', channels: [channel] }), 'INVALID_CHANNEL');
      await tab.expectError(tab.publish(channel, 1), 'INVALID_CHANNEL');
      await expect(server.publish(channel, 1)).rejects.toThrow(TypeError);
      expect(() => server.channel(channel)).toThrow(TypeError);
    }
    for (const filter of ['a/+', '#', '+/b']) {
      await tab.expectError(tab.publish(filter, 1), 'INVALID_CHANNEL');
      await expect(server.publish(filter, 1)).rejects.toThrow(TypeError);
    }
    await tab.expectError(tab.publish('a', undefined), 'INVALID_REQUEST');
    await tab.join(['a', 'b']);
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['c', 'd'] }), 'TOO_MANY_CHANNELS');
    await tab.join(['a', 'c']);
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['d'] }), 'TOO_MANY_CHANNELS');
    await tab.leave('b');
    await tab.join('d');
    await expect(server.publish('a', undefined)).rejects.toThrow(TypeError);
    await expect(server.publish('a', 1n)).rejects.toThrow(TypeError);
    await server.publish('a', 'fine');
    for (const client of [tab, other]) {
      await client.expectPublication({ channel: 'a', data: 'fine', offset: 1 });
      await client.expectNothing();
    }
  });

  test('positions from the future or another epoch are gaps', async () => {
    const { server, connect } = await createHarness({ channels: { '#': open } });
    const tab = await connect(1);
    const { a } = await (await connect(2)).join('a');
    await server.publish('a', 1);
    const epoch = a?.epoch ?? '';
    for (const position of [
      { epoch, offset: 2 },
      { epoch: 'another', offset: 1 },
    ]) {
      const { a: streams } = await tab.join('a', { a: position, b: position });
      expect(streams).toEqual({ epoch, offset: 1, recovered: false });
      await tab.expectGap({ stream: 'a', from: position, to: { epoch, offset: 1 }, reason: 'epoch' });
      await tab.expectNothing();
      await tab.leave('a');
    }
  });
});

test('a publication that could not be stored is APPEND_FAILED or unknown', async () => {
  const { log, options } = withLog('later');
  const { connect, clock, server } = await createHarness({ ...options, channels });
  const tab = await connect(1);
  await tab.join('product/1');
  const go = (log as SlowLog).hold();
  const mid = tab.publish('product/1', 1);
  await clock.advanceAsync(30_000);
  await tab.expectError(mid, 'OUTCOME_UNKNOWN');
  go();
  await tab.expectPublication({ data: 1 });
  expect(server.stats().channels).toBe(1);
});

test('a last value is kept until it is forgotten', async () => {
  const { connect, server, clock } = await createHarness({ channels });
  await server.publish('last/1', 1);
  server.channel('last/1').forgetLast();
  server.channel('last/2').forgetLast();
  expect(server.stats().channels).toBe(0);
  const tab = await connect(1);
  await tab.join(['last/1', 'last/#']);
  await tab.expectNothing();
  await server.publish('last/1', 2);
  await tab.expectPublication({ data: 2 });
  const late = await connect(2);
  await late.join('last/1');
  await late.expectPublication({ data: 2, retained: true });
  await clock.settle();
});

test('the server has so many channels and no more', async () => {
  const { connect, server } = await createHarness({ channels, limits: { maxServerChannels: 3 } });
  const [tab, other] = [await connect(1), await connect(2)];
  await tab.join(['product/1', 'product/2']);
  await tab.expectReply(tab.publish('last/1', 1));
  const { retryable } = await tab.expectError(tab.publish('last/2', 1), 'UNAVAILABLE');
  expect(retryable).toBe(true);
  await other.expectError(other.request({ op: 'subscribe', channels: ['product/1', 'a/b'] }), 'FORBIDDEN');
  await other.expectError(
    other.request({ op: 'subscribe', channels: ['product/1', 'product/3'] }),
    'UNAVAILABLE',
  );
  await expect(server.publish('last/3', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(server.channel('product/1').subscribers.size).toBe(1);
  // Into those that are there everything goes as before, and into those that would keep nothing.
  await other.join('product/1');
  await server.publish('product/1', 1);
  for (const client of [tab, other]) await client.expectPublication({ data: 1 });
  await tab.expectReply(tab.publish('product/9', 1));
  await tab.leave('product/2');
  await server.publish('last/2', 1);
  expect(server.stats().channels).toBe(3);
});

test('a channel that nobody needs any more before it is open does not get in the way of the next one', async () => {
  const { log, options } = withLog('later');
  const { connect, server, clock, until } = await createHarness({ ...options, channels });
  const tab = await connect(1);
  const go = (log as SlowLog).hold();
  server.channel('product/1').publications$.subscribe().unsubscribe();
  const mid = tab.request({ op: 'subscribe', channels: ['product/1'] });
  await clock.settle();
  go();
  await tab.expectReply(mid);
  await until(server.publish('product/1', 1));
  await tab.expectPublication({ data: 1 });
});

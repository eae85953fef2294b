import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { bothLogs, type SlowLog, withLog } from '../../test/logs.ts';
import type { ChannelPolicies } from './policy.ts';

const open = { canSubscribe: () => true, canPublish: () => true, filters: true };
const channels: ChannelPolicies = {
  'sensors/#': open,
  'sensors/secret/#': { ...open, filters: false },
  'kept/+': { ...open, history: { size: 5, ttlMs: 10_000 } },
  'last/#': { ...open, retain: true },
};

describe.each(bothLogs)('a filter, with a log that answers %s,', (answers) => {
  const harness = (options: Parameters<typeof createHarness>[0] = {}) =>
    createHarness({ channels, ...withLog(answers).options, ...options });

  test('is live from its reply on, in all channels that it fits and in no others', async () => {
    const { server, connect, until } = await harness();
    const [one, rest] = [await connect(1), await connect(2)];
    expect(await one.join('sensors/+/heat')).toEqual({ 'sensors/+/heat': { recovered: false } });
    expect(await rest.join(['sensors/#', 'kept/+'])).toEqual({
      'sensors/#': { recovered: false },
      'kept/+': { recovered: false },
    });
    for (const name of ['sensors/a/heat', 'sensors/a', 'sensors/b/heat', 'sensors', 'kept/1', 'other/1'])
      await until(server.publish(name, name));
    for (const channel of ['sensors/a/heat', 'sensors/b/heat'])
      await one.expectPublication({ channel, data: channel, offset: 1 });
    for (const channel of ['sensors/a/heat', 'sensors/a', 'sensors/b/heat', 'sensors', 'kept/1'])
      await rest.expectPublication({ channel, data: channel, offset: 1 });
    for (const tab of [one, rest]) await tab.expectNothing();
  });

  test('does not reach channels of policies that let no filter in, and is refused where none does', async () => {
    const { server, connect, until } = await harness({
      channels: { ...channels, 'closed/+': {}, 'shut/+': { canSubscribe: () => true } },
    });
    const tab = await connect(1);
    await tab.join('#');
    await until(server.publish('sensors/secret/code', 1));
    await until(server.publish('closed/1', 1));
    await until(server.publish('shut/1', 1));
    await until(server.publish('nowhere', 1));
    await tab.expectNothing();
    for (const filter of ['closed/+', 'shut/#', 'sensors/secret/+/+', 'nowhere/+'])
      await tab.expectError(tab.request({ op: 'subscribe', channels: ['kept/1', filter] }), 'FORBIDDEN');
    expect(server.channel('kept/1').subscribers.size).toBe(0);
    // A channel of such a policy can still be subscribed to by its name.
    await tab.join('shut/1');
    await until(server.publish('shut/1', 2));
    await tab.expectPublication({ channel: 'shut/1', data: 2 });
  });

  test('is asked for once for each policy that it touches, and covers what those allow', async () => {
    const asked: string[] = [];
    const only = (...filters: string[]) => ({
      filters: true,
      canSubscribe: ({ channel }: { channel: string }) => {
        asked.push(channel);
        return filters.includes(channel);
      },
    });
    const { server, connect, until } = await harness({
      channels: { 'a/+': only('+/+', 'a/+'), 'b/+': only('b/+'), 'a/1': only('+/+') },
    });
    const tab = await connect(1);
    await tab.join('+/+');
    expect(asked).toEqual(['+/+', '+/+', '+/+']);
    for (const name of ['a/1', 'a/2', 'b/1']) await until(server.publish(name, name));
    for (const channel of ['a/1', 'a/2']) await tab.expectPublication({ channel });
    await tab.expectNothing();
    await tab.leave('+/+');
    await tab.join('a/+');
    for (const name of ['a/1', 'a/2']) await until(server.publish(name, name));
    await tab.expectPublication({ channel: 'a/2' });
    await tab.expectNothing();
  });

  test('and others that overlap, and the channel itself, make one delivery', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await tab.join(['#', 'kept/+', 'kept/1', 'sensors/+']);
    await tab.join(['kept/#']);
    for (const data of [1, 2, 3]) await until(server.publish('kept/1', data));
    for (const data of [1, 2, 3]) await tab.expectPublication({ channel: 'kept/1', offset: data, data });
    await tab.expectNothing();
    await tab.leave('kept/1');
    await until(server.publish('kept/1', 4));
    await tab.expectPublication({ channel: 'kept/1', offset: 4 });
    await tab.leave(['#', 'kept/+']);
    await until(server.publish('kept/1', 5));
    await tab.expectPublication({ channel: 'kept/1', offset: 5 });
    await tab.leave('kept/#');
    await until(server.publish('kept/1', 6));
    await tab.expectNothing();
  });

  test('leaves recovery to the channel itself where that is subscribed to as well', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await tab.join(['kept/1', 'kept/+']);
    await until(server.publish('kept/1', 1));
    await until(server.publish('kept/2', 'a'));
    await tab.expectPublication({ channel: 'kept/1', data: 1 });
    await tab.expectPublication({ channel: 'kept/2', data: 'a' });
    tab.cut();
    await until(server.publish('kept/1', 2));
    await until(server.publish('kept/2', 'lost'));
    const { streams } = await tab.resume();
    expect(streams).toMatchObject({ 'kept/1': { recovered: true }, 'kept/+': { recovered: false } });
    expect(streams['kept/+']).toEqual({ recovered: false });
    await until(server.publish('kept/2', 'b'));
    await tab.expectPublication({ channel: 'kept/1', offset: 2 });
    await tab.expectPublication({ channel: 'kept/2', data: 'b' });
    await tab.expectNothing();
  });

  test('gives each last value once, by whichever filter, with its age, before what is live', async () => {
    const { server, connect, until, clock } = await harness();
    for (const name of ['last/a', 'last/a/b', 'last/c']) await until(server.publish(name, name));
    await clock.advanceAsync(5_000);
    const tab = await connect(1);
    await tab.join(['last/#', 'last/+', '#']);
    const got = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { channel, ageMs, retained } = await tab.expectPublication();
      expect([retained, (ageMs ?? 0) >= 5_000]).toEqual([true, true]);
      got.add(channel);
    }
    expect(got).toEqual(new Set(['last/a', 'last/a/b', 'last/c']));
    await tab.expectNothing();
    await until(server.publish('last/a', 'new'));
    expect(await tab.expectPublication({ channel: 'last/a', data: 'new' })).not.toHaveProperty('retained');
    tab.cut();
    await until(server.publish('last/c', 'missed'));
    await tab.resume();
    const again = [
      await tab.expectPublication(),
      await tab.expectPublication(),
      await tab.expectPublication(),
    ];
    expect(new Set(again.map(({ data }) => data))).toEqual(new Set(['new', 'last/a/b', 'missed']));
    expect(again.every(({ retained }) => retained)).toBe(true);
    await tab.expectNothing();
  });

  test('does not give its publisher what that has excluded itself from', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    for (const client of [tab, other]) await client.join('last/+');
    await tab.expectReply(tab.publish('last/1', 'mine', { exclude: true }));
    await other.expectPublication({ data: 'mine' });
    await tab.leave('last/+');
    await tab.join('last/+');
    await tab.expectNothing();
  });

  test('ends with its session, and leaves nothing', async () => {
    const { server, connect, until, clock } = await harness();
    const tab = await connect(1);
    await tab.join(['sensors/#', 'kept/+']);
    await until(server.publish('sensors/1', 1));
    expect(server.stats().channels).toBe(1);
    tab.close();
    await clock.advanceAsync(20_000);
    await until(server.publish('sensors/1', 1));
    expect(server.stats().channels).toBe(0);
  });
});

test('what is published while a channel is being subscribed to comes once, after the reply', async () => {
  const { log, options } = withLog('later');
  const { server, connect, until, clock } = await createHarness({ ...options, channels });
  const [tab, other] = [await connect(1), await connect(2)];
  const { 'kept/1': at } = await other.join('kept/1');
  await tab.join('kept/+');
  for (const data of [1, 2]) await until(server.publish('kept/1', data));
  for (const data of [1, 2]) await tab.expectPublication({ data });
  // The log gets to know of this one, and holds back whatever else it is asked.
  const published = server.publish('kept/1', 3);
  const go = (log as SlowLog).hold();
  const positions = { 'kept/1': { epoch: at?.epoch ?? '', offset: 1 } };
  const mid = tab.request({ op: 'subscribe', channels: ['kept/1'], positions });
  await clock.advanceAsync(100);
  expect(tab.unsettled.has(mid)).toBe(true);
  go();
  await until(published);
  await tab.expectReply(mid);
  for (const data of [2, 3]) await tab.expectPublication({ data, offset: data });
  await tab.expectNothing();
});

test('what a client has recovered before the log told of it does not come again through a filter', async () => {
  const { memory, options } = withLog('at once');
  const { open: opening } = memory;
  const held: (() => void)[] = [];
  let holds = false;
  memory.open = (stream, follow, retention) => {
    const later: typeof follow = (...entry) =>
      holds ? void held.push(() => follow(...entry)) : follow(...entry);
    return opening.call(memory, stream, later, retention);
  };
  const { server, connect, until } = await createHarness({ ...options, channels });
  const tab = await connect(1);
  await tab.join(['kept/1', 'kept/+']);
  tab.cut();
  await until(server.publish('kept/1', 1));
  holds = true;
  await until(server.publish('kept/1', 2));
  await tab.resume();
  for (const data of [1, 2]) await tab.expectPublication({ data, offset: data });
  holds = false;
  for (const follow of held) follow();
  await until(server.publish('kept/1', 3));
  await tab.expectPublication({ data: 3 });
  await tab.expectNothing();
});

test('what was published while a subscription came to nothing is told as a gap', async () => {
  const { log, options } = withLog('later');
  const { server, connect, until, clock } = await createHarness({ ...options, channels });
  const [tab, other] = [await connect(1), await connect(2)];
  const { 'kept/1': at } = await other.join('kept/1');
  await tab.join('kept/+');
  await until(server.publish('kept/1', 1));
  await tab.expectPublication({ data: 1 });
  const read = (log as SlowLog).read.bind(log);
  (log as SlowLog).read = () => Promise.reject(new Error('no'));
  const positions = { 'kept/1': { epoch: at?.epoch ?? '', offset: 0 } };
  const mid = tab.request({ op: 'subscribe', channels: ['kept/1'], positions });
  void server.publish('kept/1', 2);
  await tab.expectError(mid, 'INTERNAL');
  (log as SlowLog).read = read;
  await clock.advanceAsync(1_000);
  const came = tab.frames.filter(({ op }) => op === 'publication' || op === 'gap').slice(1);
  expect(came).toHaveLength(1);
  await until(server.publish('kept/1', 3));
  expect(tab.frames.at(-1)).toMatchObject({ op: 'publication', offset: 3 });
});

describe('a filter', () => {
  test('keeps a channel that nobody else needs for a while, and no longer', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const tab = await connect(1);
    await tab.join('sensors/#');
    for (let i = 0; i < 100; i++) await server.publish(`sensors/${i}`, i);
    for (let i = 0; i < 100; i++) await tab.expectPublication({ channel: `sensors/${i}`, offset: 1 });
    await server.publish('sensors/0', 'next');
    await tab.expectPublication({ channel: 'sensors/0', offset: 2 });
    expect(server.stats().channels).toBe(100);
    await clock.advanceAsync(10_000);
    expect(server.stats().channels).toBe(0);
    await server.publish('sensors/0', 'anew');
    await tab.expectPublication({ channel: 'sensors/0', offset: 1 });
  });

  test('gives ten thousand last values as the connection takes them', async () => {
    const { server, connect, clock } = await createHarness({
      channels,
      limits: { maxOutboxBytes: 50_000 },
    });
    const count = 10_000;
    for (let i = 0; i < count; i++) await server.publish(`last/${i}`, i);
    const tab = await connect(1);
    tab.wire.freeze();
    tab.request({ op: 'subscribe', channels: ['last/#'] });
    await clock.advanceAsync(5_000);
    expect(tab.wire.bufferedBytes).toBeLessThan(30_000);
    await server.publish('last/9999', 'live');
    tab.wire.thaw();
    await clock.advanceAsync(20_000);
    const got = tab.frames.filter((frame) => frame.op === 'publication');
    expect(new Set(got.map(({ channel }) => channel)).size).toBe(count);
    // A last value does not come after what was live.
    expect(got.filter(({ channel }) => channel === 'last/9999').map(({ data }) => data)).toEqual(['live']);
    expect([got.length, tab.closed, clock.now() > 0]).toEqual([count, undefined, true]);
  }, 30_000);

  test('looks for last values no longer than somebody wants them', async () => {
    const { server, connect, clock } = await createHarness({
      channels,
      limits: { maxFramesPerSecond: 10_000 },
    });
    for (let i = 0; i < 2_000; i++) await server.publish(`last/${i}`, i);
    const [tab, other] = [await connect(1), await connect(2)];
    for (let i = 0; i < 500; i++) {
      tab.request({ op: 'subscribe', channels: ['last/#'] });
      tab.request({ op: 'unsubscribe', channels: ['last/#'] });
    }
    other.request({ op: 'subscribe', channels: ['last/+'] });
    await clock.advanceAsync(1_000);
    const values = ({ frames }: typeof tab) => frames.filter(({ op }) => op === 'publication').length;
    // At most what a first step of each finds.
    expect(values(tab)).toBeLessThan(500 * 32);
    expect(values(other)).toBe(2_000);
    const before = values(tab);
    await tab.join('last/#');
    await clock.advanceAsync(5_000);
    expect(values(tab) - before).toBe(2_000);
  });

  test('is one of thousands: refused beyond the limit, with nothing changed and nobody disturbed', async () => {
    const { server, connect } = await createHarness({ channels, limits: { maxChannels: 500 } });
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('sensors/#');
    const filters = (count: number) => Array.from({ length: count }, (_, i) => `sensors/+/${i}/#`);
    await tab.expectError(tab.request({ op: 'subscribe', channels: filters(501) }), 'TOO_MANY_CHANNELS');
    await tab.join(filters(500));
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['kept/1'] }), 'TOO_MANY_CHANNELS');
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['kept/+'] }), 'TOO_MANY_CHANNELS');
    await server.publish('sensors/a/7/b', 1);
    for (const client of [tab, other]) await client.expectPublication({ channel: 'sensors/a/7/b' });
    await tab.leave(filters(500));
    await server.publish('sensors/a/7/b', 2);
    await other.expectPublication({ data: 2 });
    for (const client of [tab, other]) await client.expectNothing();
  });

  test.each([
    'a+',
    '+a/b',
    'a/#/b',
    '#/',
    '##',
    '$sys/#',
    '$inbox/+',
    `${'a/'.repeat(127)}+/b`,
    `${'a/'.repeat(32)}+`,
    'a\u0000/+',
  ])('is not %j', async (filter) => {
    const { connect } = await createHarness({ channels: { '#': open } });
    const tab = await connect(1);
    await tab.expectError(tab.request({ op: 'subscribe', channels: [filter] }), 'INVALID_CHANNEL');
    await tab.expectError(tab.request({ op: 'unsubscribe', channels: [filter] }), 'INVALID_CHANNEL');
    await tab.expectNothing();
  });
});

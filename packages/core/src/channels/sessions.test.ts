import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { bothLogs, type SlowLog, withLog } from '../../test/logs.ts';
import type { ChannelPolicies } from './policy.ts';

const open = { canSubscribe: () => true, canPublish: () => true };
const channels: ChannelPolicies = {
  'bare/+': open,
  'kept/+': { ...open, history: { size: 3 } },
  'last/+': { ...open, history: { size: 2 }, retain: true },
};

describe.each(bothLogs)('channels of a session, with a log that answers %s,', (answers) => {
  const harness = (options: Parameters<typeof createHarness>[0] = {}) =>
    createHarness({ channels, ...withLog(answers).options, ...options });

  test('come back in one round trip, each with what was missed', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await tab.join(['kept/1', 'kept/2', 'bare/1', 'bare/2', 'last/1']);
    for (const channel of ['kept/1', 'last/1']) await until(server.publish(channel, 'seen'));
    for (const channel of ['kept/1', 'last/1']) await tab.expectPublication({ channel, data: 'seen' });
    tab.cut();
    for (const data of [1, 2]) await until(server.publish('kept/1', data));
    for (const data of [1, 2, 3]) await until(server.publish('last/1', data));
    await until(server.publish('bare/1', 'lost'));
    await until(server.sendToUser(1, { type: 'A' }));

    const { streams } = await tab.resume();
    await until(server.publish('kept/2', 'live'));
    expect(streams).toMatchObject({
      $inbox: { recovered: true },
      'kept/1': { offset: 3, recovered: true },
      'kept/2': { offset: 0, recovered: true },
      'bare/1': { offset: 1, recovered: false },
      'bare/2': { offset: 0, recovered: true },
      'last/1': { offset: 4, recovered: false },
    });
    await tab.expectMessage({ type: 'A' });
    for (const [i, data] of [1, 2].entries())
      await tab.expectPublication({ channel: 'kept/1', offset: i + 2, data });
    await tab.expectGap({ stream: 'bare/1', reason: 'evicted' });
    const { from, to } = await tab.expectGap({ stream: 'last/1', reason: 'evicted' });
    expect([from.offset, to.offset]).toEqual([1, 2]);
    // The last value is among these.
    for (const data of [2, 3]) await tab.expectPublication({ channel: 'last/1', data });
    await tab.expectPublication({ channel: 'kept/2', data: 'live', offset: 1 });
    await tab.expectNothing();
  });

  test('a gap without the last value after it is followed by that', async () => {
    const { server, clock, connect, until } = await harness({
      channels: { a: { ...open, retain: true } },
    });
    const tab = await connect(1);
    await tab.join('a');
    tab.cut();
    for (const data of [1, 2]) await until(server.publish('a', data));
    await clock.advanceAsync(1_000);
    await tab.resume();
    await tab.expectGap({ stream: 'a', reason: 'evicted' });
    await tab.expectPublication({ data: 2, retained: true, offset: 2 });
    await until(server.publish('a', 3));
    await tab.expectPublication({ data: 3, offset: 3 });
    tab.cut();
    await tab.resume();
    await tab.expectNothing();
  });

  test('the last value comes again where it may have been lost on the way', async () => {
    const { server, connect, until } = await harness({ channels: { a: { ...open, retain: true } } });
    const tab = await connect(1);
    await until(server.publish('a', 1));
    await tab.join('a');
    await tab.expectPublication({ data: 1, retained: true });
    tab.cut();
    await tab.resume();
    await tab.expectPublication({ data: 1, retained: true });
    await until(server.publish('a', 2));
    await tab.expectPublication({ data: 2 });
    tab.cut();
    await tab.resume();
    await tab.expectNothing();
  });

  test('a client that does not know yet that it has subscribed goes on from there', async () => {
    const { server, connect, clock, until } = await harness();
    const tab = await connect(1);
    await until(server.publish('kept/1', 'before'));
    const mid = tab.request({ op: 'subscribe', channels: ['kept/1'] });
    await clock.settle();
    // As if the reply had been lost on its way.
    tab.channels.delete('kept/1');
    tab.cut();
    for (const data of [1, 2]) await until(server.publish('kept/1', data));
    const resume = { ...tab.resumption, positions: {} };
    const { streams } = await tab.connect({ resume });
    expect(streams['kept/1']).toMatchObject({ offset: 3, recovered: true });
    for (const data of [1, 2]) await tab.expectPublication({ data });
    tab.request({ op: 'subscribe', mid, channels: ['kept/1'] });
    await clock.settle();
    const replies = tab.frames.filter((frame) => frame.op === 'reply' && frame.mid === mid);
    // The same answer, although it is not there any more.
    expect(replies).toHaveLength(2);
    expect(replies[1]).toEqual(replies[0]);
    for (const _ of replies) await tab.expectReply(mid);
    await tab.expectNothing();
  });

  test('the last value is not lost with the reply, or right after it', async () => {
    const { server, connect, until, clock } = await harness();
    await until(server.publish('last/1', 41));
    const [tab, other] = [await connect(1), await connect(2)];
    const mid = tab.request({ op: 'subscribe', channels: ['last/1'] });
    tab.cut();
    await clock.settle();
    await tab.resume();
    await tab.expectPublication({ data: 41, retained: true });
    await tab.expectReply(mid);
    // What follows the reply may be lost although the reply was not: only news says that it arrived.
    await other.join('last/1');
    await other.expectPublication({ data: 41, retained: true });
    other.cut();
    await other.resume();
    await other.expectPublication({ data: 41, retained: true });
    await until(server.publish('last/1', 40));
    for (const client of [tab, other]) {
      await client.expectPublication({ data: 40 });
      client.cut();
      await client.resume();
      await client.expectNothing();
    }
  });

  test('outlive the session for a client that gives its positions when it subscribes anew', async () => {
    const { server, clock, connect, until } = await harness();
    const [tab, witness] = [await connect(1), await connect(2)];
    for (const client of [tab, witness]) await client.join('kept/1');
    await until(server.publish('kept/1', 1));
    await tab.expectPublication({ data: 1 });
    tab.cut();
    await until(server.publish('kept/1', 2));
    await clock.advanceAsync(61_000);
    const { resumed, streams } = await tab.resume();
    expect([resumed, Object.keys(streams)]).toEqual([false, ['$inbox']]);
    await tab.expectGap({ reason: 'session' });
    expect(server.channel('kept/1').subscribers.size).toBe(1);
    await until(server.publish('kept/1', 3));
    const positions = Object.fromEntries(tab.channels);
    expect((await tab.join('kept/1', positions))['kept/1']).toMatchObject({ offset: 3, recovered: true });
    for (const data of [2, 3]) await tab.expectPublication({ data });
    for (const data of [1, 2, 3]) await witness.expectPublication({ data });
  });

  test('go over to the newer connection', async () => {
    const { server, transport, connect, client, until } = await harness();
    const first = await connect(1);
    await first.join(['kept/1', 'bare/1']);
    await until(server.publish('kept/1', 1));
    await first.expectPublication({ data: 1 });
    const second = client(1, { resume: first.resumption });
    const { streams } = await second.connect();
    expect(streams).toMatchObject({ 'kept/1': { recovered: true }, 'bare/1': { recovered: true } });
    await first.expectClose('REPLACED');
    await until(server.publish('kept/1', 2));
    await until(server.publish('bare/1', 2));
    for (const channel of ['kept/1', 'bare/1']) await second.expectPublication({ channel, data: 2 });
    await first.expectNothing();
    await second.leave('kept/1');
    await until(server.publish('kept/1', 3));
    await second.expectNothing();
    expect(transport.name).toBe('memory');
  });

  test('do not bring back what was left', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await tab.join(['kept/1', 'kept/2']);
    await tab.leave('kept/1');
    tab.cut();
    for (const channel of ['kept/1', 'kept/2']) await until(server.publish(channel, 1));
    const { streams } = await tab.resume();
    expect(Object.keys(streams).sort()).toEqual(['$inbox', 'kept/2']);
    await tab.expectPublication({ channel: 'kept/2' });
    await tab.expectNothing();
  });

  test('end with the session: close, kick, and the server', async () => {
    const { server, clock, connect, until, errors } = await harness();
    const [one, two, three] = [await connect(1), await connect(2), await connect(3)];
    for (const client of [one, two, three]) await client.join(['bare/1', 'kept/1']);
    await until(server.publish('last/1', 'kept until the end'));
    one.close();
    for (const client of server.users.get('2')?.clients ?? []) client.disconnect();
    await clock.settle();
    expect(server.channel('bare/1').subscribers.size).toBe(1);
    const { 'last/1': before } = await three.join('last/1');
    await three.expectPublication({ retained: true });
    await until(server.disconnect());
    await three.expectClose('SERVER_SHUTDOWN');
    await clock.advanceAsync(5_000);
    expect([server.stats().channels, clock.pendingTimers]).toEqual([0, 0]);
    await server.start();
    const again = await connect(3);
    const { 'last/1': after } = await again.join('last/1', { 'last/1': before as never });
    expect(after?.offset).toBe(0);
    expect(after?.epoch).not.toBe(before?.epoch);
    await again.expectGap({ stream: 'last/1', reason: 'epoch' });
    await again.expectNothing();
    expect(errors).toEqual([]);
  });

  test('that would not fit its outbox give a gap, and not a client that comes back for ever', async () => {
    const { server, connect, until } = await harness({
      channels: { '+': { ...open, history: { size: 100 }, retain: true } },
      limits: { maxOutboxBytes: 10_000 },
    });
    const tab = await connect(1);
    await tab.join(['big', 'small']);
    tab.cut();
    for (let i = 0; i < 20; i++) await until(server.publish('big', 'x'.repeat(500)));
    await until(server.publish('small', 'y'));
    const { streams } = await tab.resume();
    expect(streams).toMatchObject({ big: { recovered: false, offset: 20 }, small: { recovered: true } });
    const { from, to } = await tab.expectGap({ stream: 'big', reason: 'size' });
    expect([from.offset, to.offset]).toEqual([0, 20]);
    await tab.expectPublication({ channel: 'big', retained: true, offset: 20 });
    await tab.expectPublication({ channel: 'small', data: 'y' });
    await tab.expectNothing();
  });
});

describe('a slow log', () => {
  const slow = () => {
    const { log, options } = withLog('later');
    return { log: log as SlowLog, options: { ...options, channels } };
  };

  test('does not let a publication overtake the welcome or the reply', async () => {
    const { log, options } = slow();
    const { server, connect, clock } = await createHarness(options);
    const [tab, other] = [await connect(1), await connect(2)];
    await tab.join('kept/1');
    await other.join('kept/1');
    tab.cut();
    const sent = server.publish('kept/1', 1);
    await clock.settle();
    await sent;
    const go = log.hold();
    await tab.dial({ resume: tab.resumption });
    await clock.settle();
    const mid = other.request({
      op: 'subscribe',
      channels: ['kept/2'],
      positions: { 'kept/2': { epoch: 'e', offset: 1 } },
    });
    await clock.settle();
    const more = server.publish('kept/1', 2);
    await clock.settle();
    go();
    await clock.settle();
    await more;
    const { streams } = await tab.expectConnected();
    expect(streams['kept/1']?.recovered).toBe(true);
    for (const data of [1, 2]) await tab.expectPublication({ data });
    await other.expectReply(mid);
    for (const data of [1, 2]) await other.expectPublication({ data });
    await other.expectGap({ stream: 'kept/2' });
    for (const client of [tab, other]) await client.expectNothing();
  });

  test('that fails to open refuses the subscription, and the next one is fine', async () => {
    const { memory, options } = withLog('at once');
    const { open: opening } = memory;
    const { server, connect } = await createHarness({ ...options, channels });
    const tab = await connect(1);
    memory.open = () => {
      throw new Error('disk full');
    };
    await tab.expectError(tab.request({ op: 'subscribe', channels: ['kept/1', 'bare/1'] }), 'INTERNAL');
    expect(server.stats().channels).toBe(0);
    memory.open = opening;
    await tab.join(['kept/1', 'bare/1']);
  });

  test('that opens a channel after the server has stopped takes nothing more: whoever publishes is told', async () => {
    const { log, options } = slow();
    const { server, until, clock } = await createHarness(options);
    const go = log.hold();
    const published = server.publish('last/1', 1);
    const failed = expect(published).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(server.disconnect());
    go();
    await clock.settle();
    await failed;
    await until(server.start());
    await until(server.publish('last/1', 2));
    expect((await until(server.channel('last/1').history())).publications.map(({ data }) => data)).toEqual([
      2,
    ]);
  });

  test('a client that is lost while it subscribes has the channel when it is back', async () => {
    const { log, options } = slow();
    const { server, connect, clock } = await createHarness(options);
    const [tab, other] = [await connect(1), await connect(2)];
    const go = log.hold();
    const mid = tab.request({ op: 'subscribe', channels: ['kept/1'] });
    await clock.settle();
    tab.cut();
    await clock.settle();
    go();
    await clock.settle();
    expect(server.channel('kept/1').subscribers.size).toBe(1);
    await other.join('kept/1');
    await other.expectReply(other.publish('kept/1', 1));
    const { streams } = await tab.resume();
    expect(streams['kept/1']).toMatchObject({ offset: 1, recovered: true });
    await tab.expectPublication({ data: 1 });
    await tab.expectReply(mid);
    await other.expectPublication({ data: 1 });
    for (const client of [tab, other]) await client.expectNothing();
  });
});

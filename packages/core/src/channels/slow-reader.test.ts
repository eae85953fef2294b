import { createHarness, type MemoryClient } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ChannelPolicies } from './policy.ts';

const open = { canSubscribe: () => true, canPublish: () => true, filters: true };
const channels: ChannelPolicies = {
  'queue/+': { ...open, history: { size: 1_000 } },
  'latest/+': { ...open, overflow: 'latest' },
};
const text = 'x'.repeat(1_000);

/** What a client was told of a channel: offsets, and gaps as [from, to]. */
function told(client: MemoryClient, channel: string): (number | [number, number])[] {
  return client.frames.flatMap((frame): (number | [number, number])[] => {
    if (frame.op === 'publication' && frame.channel === channel) return [frame.offset];
    if (frame.op !== 'gap' || frame.stream !== channel) return [];
    expect(frame.reason).toBe('conflated');
    return [[frame.from.offset, frame.to.offset]];
  });
}

describe('of a channel that keeps the latest', () => {
  test('a frozen reader holds little, is told what it missed, and gets the last one', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const [slow, quick] = [await connect(1), await connect(2)];
    for (const client of [slow, quick]) await client.join(['latest/1', 'latest/2']);
    slow.wire.freeze();
    for (let n = 1; n <= 2_000; n++) {
      await server.publish('latest/1', { n, text });
      if (n % 2 === 0) await server.publish('latest/2', n);
      await clock.settle();
    }
    expect(slow.wire.bufferedBytes).toBeLessThan(80_000);
    expect(slow.wire.bufferedBytes).toBeGreaterThan(60_000);
    slow.wire.thaw();
    await clock.advanceAsync(100);
    const seen = told(slow, 'latest/1');
    const first = seen.findIndex((each) => typeof each !== 'number');
    expect(seen.slice(0, first)).toEqual(Array.from({ length: first }, (_, i) => i + 1));
    expect(seen.slice(first)).toEqual([[first, 1_999], 2_000]);
    expect(told(slow, 'latest/2').at(-1)).toBe(1_000);
    expect(told(quick, 'latest/1')).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
    await server.publish('latest/1', 'on');
    await clock.settle();
    expect(told(slow, 'latest/1').at(-1)).toBe(2_001);
    expect([slow.closed, clock.pendingTimers > 0]).toEqual([undefined, true]);
  });

  test('what waits for a filter comes before the reply to who subscribes to the channel itself', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const slow = await connect(1);
    await slow.join('latest/#');
    slow.wire.freeze();
    for (let n = 1; n <= 100; n++) {
      await server.publish('latest/1', text);
      await clock.settle();
    }
    const mid = slow.request({ op: 'subscribe', channels: ['latest/1'] });
    await clock.settle();
    slow.wire.thaw();
    await clock.advanceAsync(100);
    const isReply = (frame: (typeof slow.frames)[number]) => frame.op === 'reply' && frame.mid === mid;
    expect(slow.frames.slice(slow.frames.findIndex(isReply) + 1)).toEqual([]);
    expect(told(slow, 'latest/1').at(-1)).toBe(100);
  });

  test('it is told the same through a filter', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const slow = await connect(1);
    await slow.join('latest/#');
    slow.wire.freeze();
    for (let n = 1; n <= 500; n++) {
      await server.publish('latest/1', text);
      await clock.settle();
    }
    slow.wire.thaw();
    await clock.advanceAsync(100);
    const seen = told(slow, 'latest/1');
    expect(seen.slice(-2)).toEqual([[seen.length - 2, 499], 500]);
  });

  test('it goes on from its position where it is lost before, and has the gap', async () => {
    const { server, connect, clock } = await createHarness({
      channels: { 'latest/+': { ...open, overflow: 'latest', history: { size: 10 } } },
    });
    const slow = await connect(1);
    await slow.join('latest/1');
    slow.wire.freeze();
    for (let n = 1; n <= 500; n++) {
      await server.publish('latest/1', text);
      await clock.settle();
    }
    slow.cut();
    const at = slow.channels.get('latest/1')?.offset ?? 0;
    expect(at).toBeLessThan(100);
    await slow.resume();
    await slow.expectGap({ stream: 'latest/1', reason: 'evicted' });
    for (let offset = 491; offset <= 500; offset++) await slow.expectPublication({ offset });
    await slow.expectNothing();
  });

  test('nothing comes after it has unsubscribed', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const slow = await connect(1);
    await slow.join(['latest/1', 'latest/2']);
    slow.wire.freeze();
    for (let n = 1; n <= 200; n++)
      for (const name of ['latest/1', 'latest/2']) await server.publish(name, text);
    await clock.settle();
    const mid = slow.request({ op: 'unsubscribe', channels: ['latest/1'] });
    await clock.settle();
    slow.wire.thaw();
    await clock.advanceAsync(100);
    await slow.expectReply(mid);
    expect(told(slow, 'latest/1').every((each) => typeof each === 'number')).toBe(true);
    expect(told(slow, 'latest/2').at(-1)).toBe(200);
  });
});

test('of a channel that queues, a frozen reader is closed, comes back and has missed nothing', async () => {
  const { server, connect, clock } = await createHarness({
    channels: { ...channels, bulk: open },
    limits: { maxOutboxBytes: 100_000 },
  });
  const slow = await connect(1);
  await slow.join(['queue/1', 'bulk']);
  await server.publish('queue/1', 1);
  await slow.expectPublication({ channel: 'queue/1', data: 1 });
  slow.wire.freeze();
  for (let n = 2; n <= 200; n++) {
    await server.publish('queue/1', n);
    await server.publish('bulk', text);
    await clock.settle();
  }
  expect(server.stats().disconnects).toEqual({ SLOW_READER: 1 });
  await clock.advanceAsync(5_000);
  expect(slow.closed?.code).toBe(1006);
  const { streams } = await slow.resume();
  expect(streams).toMatchObject({ 'queue/1': { recovered: true, offset: 200 }, bulk: { recovered: false } });
  for (let n = 2; n <= 200; n++) await slow.expectPublication({ channel: 'queue/1', data: n });
  await slow.expectGap({ stream: 'bulk', reason: 'evicted' });
  await slow.expectNothing();
});

/** Whenever it freezes and thaws, and whatever is published: all of it in order, or a gap that says exactly what not. */
test('a reader accounts for every publication', async () => {
  const deed = fc.oneof(
    fc.constantFrom('freeze' as const, 'thaw' as const, 'wait' as const),
    fc.record({ channel: fc.constantFrom('latest/1', 'latest/2', 'queue/1'), bytes: fc.nat(30_000) }),
  );
  const property = fc.asyncProperty(fc.array(deed, { maxLength: 60 }), async (deeds) => {
    const { server, connect, clock } = await createHarness({
      channels,
      limits: { maxOutboxBytes: 4_000_000 },
    });
    const client = await connect(1);
    await client.join(['latest/1', 'latest/2', 'queue/1', 'latest/+']);
    const published: Record<string, number> = { 'latest/1': 0, 'latest/2': 0, 'queue/1': 0 };
    for (const each of deeds) {
      if (each === 'freeze') client.wire.freeze();
      else if (each === 'thaw') client.wire.thaw();
      else if (each === 'wait') await clock.advanceAsync(30);
      else {
        published[each.channel] = (published[each.channel] ?? 0) + 1;
        await server.publish(each.channel, 'x'.repeat(each.bytes));
      }
    }
    client.wire.thaw();
    await clock.advanceAsync(1_000);
    for (const [channel, count] of Object.entries(published)) {
      let at = 0;
      for (const each of told(client, channel)) {
        const [from, to] = typeof each === 'number' ? [each - 1, each] : each;
        expect(from).toBe(at);
        at = to;
      }
      expect(at).toBe(count);
    }
  });
  await fc.assert(property, { numRuns: 60 });
}, 60_000);

describe('what waits beside the outbox', () => {
  test('is bounded, however many channels there are', async () => {
    const { server, connect, clock } = await createHarness({ channels });
    const [slow, quick] = [await connect(1), await connect(2)];
    for (const client of [slow, quick]) await client.join('latest/+');
    slow.wire.freeze();
    for (let n = 0; n < 1_500; n++) {
      await server.publish(`latest/${n}`, text);
      await clock.settle();
    }
    expect(server.stats().disconnects).toEqual({ SLOW_READER: 1 });
    expect(quick.frames.filter(({ op }) => op === 'publication')).toHaveLength(1_500);
  });

  test('is not sent to who has unsubscribed, or lost the right, meanwhile', async () => {
    let allowed = true;
    const { server, connect, clock } = await createHarness({
      channels: {
        ...channels,
        'latest/1': { ...open, canSubscribe: () => allowed, overflow: 'latest' },
      },
    });
    const slow = await connect(1);
    await slow.join(['latest/#', 'latest/+', 'latest/2']);
    slow.wire.freeze();
    for (let n = 0; n < 100; n++) await server.publish('latest/0', text);
    for (const name of ['latest/1', 'latest/2']) await server.publish(name, 1);
    await clock.settle();
    slow.request({ op: 'unsubscribe', channels: ['latest/2'] });
    allowed = false;
    const checked = server.recheckRights();
    await clock.advanceAsync(100);
    await checked;
    slow.wire.thaw();
    await clock.advanceAsync(100);
    expect([told(slow, 'latest/1'), told(slow, 'latest/2')]).toEqual([[], [1]]);
  });
});

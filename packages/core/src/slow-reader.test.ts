import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';

describe('a reader that does not read', () => {
  test('among 1,000 is disconnected at its limit; the others get everything', async () => {
    const { server, connect, clock, logs } = await createHarness({
      limits: { maxOutboxBytes: 100_000, maxInboxLength: 60_000 },
    });
    const readers = await Promise.all(Array.from({ length: 1_000 }, () => connect(1)));
    const [slow, ...others] = readers as [(typeof readers)[0], ...typeof readers];
    slow.wire.freeze();
    const text = 'x'.repeat(10_000);
    let most = 0;
    for (let n = 0; n < 15; n++) {
      await server.sendToUser(1, { type: 'A', n, text });
      await clock.settle();
      most = Math.max(most, slow.wire.bufferedBytes);
    }
    expect(most).toBeGreaterThan(100_000 - 11_000);
    expect(most).toBeLessThan(100_000 + 11_000);
    expect(server.stats().disconnects).toEqual({ SLOW_READER: 1 });
    expect(server.stats().clients).toEqual({ online: 999, resumable: 1, connecting: 0 });
    for (const reader of others) {
      const got = reader.frames.flatMap((frame) => (frame.op === 'message' ? [frame.action.n] : []));
      expect(got).toEqual(Array.from({ length: 15 }, (_, n) => n));
    }

    // It is terminated where it does not even read the close, and may come back.
    await clock.advanceAsync(5_000);
    expect(slow.closed?.code).toBe(1006);
    expect((await slow.resume()).resumed).toBe(true);
    await slow.expectGap({ reason: 'evicted' });
    for (let n = 10; n < 15; n++) await slow.expectMessage({ n });
    await slow.expectNothing();
    expect(logs.filter(({ level }) => level === 'error')).toEqual([]);
  }, 30_000);

  test('is disconnected too where all of it falls due in one turn', async () => {
    const { server, connect } = await createHarness({ limits: { maxOutboxBytes: 10_000 } });
    const [tab] = [await connect(1)];
    const text = 'x'.repeat(1_000);
    await Promise.all(Array.from({ length: 20 }, () => server.sendToUser(1, { type: 'A', text })));
    await tab.expectClose('SLOW_READER');
    expect(tab.frames.some(({ op }) => op === 'disconnect')).toBe(false);
  });

  test('that reads on in time stays', async () => {
    const { server, connect, clock } = await createHarness();
    const tab = await connect(1);
    tab.wire.freeze();
    for (let n = 0; n < 5; n++) await server.sendToUser(1, { type: 'A', n });
    await clock.advanceAsync(20_000);
    expect(tab.frames).toHaveLength(1);
    tab.wire.thaw();
    for (let n = 0; n < 5; n++) await tab.expectMessage({ n });
    await tab.expectNothing();
  });
});

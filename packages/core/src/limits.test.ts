import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../test/deferred.ts';
import { defaultLimits, limitsWith } from './limits.ts';

describe('limitsWith', () => {
  test('an inbox keeps no more by default than a replay may send at once', () => {
    const { maxInboxLength, maxInboxEntries } = limitsWith({ maxOutboxBytes: 100_000 });
    expect(maxInboxLength * 3 + maxInboxEntries * 64).toBeLessThanOrEqual(100_000);
    expect(limitsWith({ maxOutboxBytes: 100 }).maxInboxLength).toBe(1);
    expect(limitsWith({ maxOutboxBytes: 100_000, maxInboxLength: 60_000 }).maxInboxLength).toBe(60_000);
  });

  test('keeps the defaults that are not set', () => {
    expect(limitsWith()).toEqual(defaultLimits);
    const changed = limitsWith({ maxRecipients: 5, pingIntervalMs: undefined } as object);
    expect(changed).toEqual({ ...defaultLimits, maxRecipients: 5 });
  });

  test.each([0, -1, Number.NaN, '5', null])('refuses %p', (value) => {
    expect(() => limitsWith({ maxRecipients: value as number })).toThrow('limits.maxRecipients');
  });

  test('refuses a limit that there is not', () => {
    expect(() => limitsWith({ maxRecipient: 5 } as object)).toThrow('no limit named maxRecipient');
    expect(() => limitsWith({ toString: 5 } as object)).toThrow('no limit named toString');
  });
});

describe('the limit', () => {
  test('of the handshake: HANDSHAKE_TIMEOUT', async () => {
    const { clock, client, server } = await createHarness();
    const silent = client(1);
    await silent.open();
    await clock.advanceAsync(9_999);
    expect(server.stats().clients.connecting).toBe(1);
    await clock.advanceAsync(1);
    expect((await silent.expectClose('HANDSHAKE_TIMEOUT')).disconnect?.reconnect).toBe(true);
    expect(server.stats().clients.connecting).toBe(0);
  });

  test('of what comes before connect: CONNECT_EXPECTED, MALFORMED_FRAME, UNSUPPORTED_VERSION', async () => {
    const { client } = await createHarness();
    for (const [text, code] of [
      ['{"op":"pong"}', 'CONNECT_EXPECTED'],
      ['{"op":"call","mid":1,"action":{"type":"A"}}', 'CONNECT_EXPECTED'],
      ['{"op":"nonsense","mid":1}', 'MALFORMED_FRAME'],
      ['nonsense', 'MALFORMED_FRAME'],
      ['{"op":"connect"}', 'MALFORMED_FRAME'],
      ['{"op":"connect","version":2,"userId":"1"}', 'UNSUPPORTED_VERSION'],
    ] as const) {
      const tab = client(1);
      await tab.open();
      tab.raw(text);
      await tab.expectClose(code);
    }
  });

  test('of what a connected client may send: what is no frame ends its connection, and no other', async () => {
    const { connect } = await createHarness({ handlers: { A: () => 1 } });
    const other = await connect(1);
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"op":"call"}',
      '{"op":"connect","version":1,"userId":"1"}',
    ]) {
      const tab = await connect(1);
      tab.raw(text);
      expect((await tab.expectClose('MALFORMED_FRAME')).disconnect?.reconnect).toBe(false);
    }
    await other.expectReply(other.call({ type: 'A' }));
  });

  test('of a request: what is not well formed is refused, the connection lives', async () => {
    const { connect } = await createHarness({ handlers: { A: () => 1 } });
    const tab = await connect(1);
    tab.raw('{"op":"call","mid":1}');
    await tab.expectError(1, 'INVALID_REQUEST');
    tab.raw('{"op":"conjure","mid":2}');
    await tab.expectError(2, 'UNKNOWN_OP');
    await tab.expectReply(tab.request({ op: 'call', mid: 3, action: { type: 'A' } }));
  });

  test('of a frame: FRAME_TOO_LARGE', async () => {
    const { connect } = await createHarness({ handlers: { A: () => 1 }, limits: { maxFrameBytes: 1_000 } });
    const tab = await connect(1);
    expect(tab.connected.limits.maxFrameBytes).toBe(1_000);
    const frame = (text: string) => JSON.stringify({ op: 'call', mid: 1, action: { type: 'A', text } });
    const fits = 'x'.repeat(1_000 - frame('').length);
    tab.raw(frame(fits));
    await tab.expectReply(1);
    tab.raw(frame(`${fits.slice(1)}ä`));
    await tab.expectClose('FRAME_TOO_LARGE');
  });

  test('of frames per second: RATE_LIMITED with retryAfterMs, disconnected when that is not heeded', async () => {
    const limits = { maxFramesPerSecond: 10 };
    const { clock, connect, server } = await createHarness({ limits, handlers: { A: () => 1 } });
    const tab = await connect(1);
    // Of the burst of two seconds' worth, `connect` was one.
    for (let i = 0; i < 19; i++) await tab.expectReply(tab.call({ type: 'A' }));
    const refused = tab.call({ type: 'A' });
    const { retryable, retryAfterMs = 0 } = await tab.expectError(refused, 'RATE_LIMITED');
    expect([retryable, retryAfterMs]).toEqual([true, 100]);
    await clock.advanceAsync(retryAfterMs * 2);
    expect(await tab.expectReply(tab.request({ op: 'call', mid: refused, action: { type: 'A' } }))).toBe(1);

    for (let i = 0; i < 21; i++) tab.call({ type: 'A' });
    const { disconnect } = await tab.expectClose('RATE_LIMITED');
    expect(disconnect).toMatchObject({ reconnect: true, afterMs: 25_000 });
    expect(server.stats().disconnects).toEqual({ RATE_LIMITED: 1 });
  });

  test('of bytes per second: RATE_LIMITED', async () => {
    const { clock, connect } = await createHarness({
      limits: { maxBytesPerSecond: 1_000 },
      handlers: { A: () => 1 },
    });
    const tab = await connect(1);
    const text = 'x'.repeat(1_900);
    await tab.expectReply(tab.call({ type: 'A' }));
    const { retryAfterMs = 0 } = await tab.expectError(tab.call({ type: 'A', text }), 'RATE_LIMITED');
    expect(retryAfterMs).toBeGreaterThan(0);
    await clock.advanceAsync(retryAfterMs + 1_000);
    await tab.expectReply(tab.call({ type: 'A' }));
    for (let i = 0; i < 3; i++) tab.call({ type: 'A', text });
    await tab.expectClose('RATE_LIMITED');
  });

  test('of requests that run: TOO_MANY_PENDING', async () => {
    const answers = Array.from({ length: 4 }, () => deferred<number>());
    let asked = 0;
    const { connect } = await createHarness({
      limits: { maxPendingRequests: 2 },
      handlers: { A: () => answers[asked++]?.promise },
    });
    const [tab, other] = [await connect(1), await connect(1)];
    const mids = [1, 2, 3].map(() => tab.call({ type: 'A' }));
    expect(await tab.expectError(mids[2] ?? 0, 'TOO_MANY_PENDING')).toMatchObject({ retryable: true });
    other.call({ type: 'A' });
    answers[0]?.resolve(1);
    await tab.expectReply(1);
    tab.request({ op: 'call', mid: mids[2] ?? 0, action: { type: 'A' } });
    await tab.expectNothing();
    expect(asked).toBe(4);
  });
});

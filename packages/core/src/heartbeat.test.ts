import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';

const pings = (tab: { frames: readonly { op: string }[] }) =>
  tab.frames.filter(({ op }) => op === 'ping').length;

describe('the heartbeat', () => {
  test('pings after 25 s, and every 25 s', async () => {
    const { clock, connect } = await createHarness();
    const tab = await connect(1);
    expect(tab.connected).toMatchObject({ pingIntervalMs: 25_000, pongTimeoutMs: 8_000 });
    await clock.advanceAsync(24_999);
    expect(pings(tab)).toBe(0);
    await clock.advanceAsync(1);
    expect(pings(tab)).toBe(1);
    await clock.advanceAsync(75_000);
    expect(pings(tab)).toBe(4);
    expect(tab.closed).toBeUndefined();
  });

  test('ends a client that stays silent 8 s after a ping: STALE', async () => {
    const { server, clock, connect } = await createHarness();
    const [silent, alive] = [await connect(1, { answersPings: false }), await connect(1)];
    await clock.advanceAsync(25_000 + 7_999);
    expect(silent.closed).toBeUndefined();
    await clock.advanceAsync(1);
    expect((await silent.expectClose('STALE')).disconnect?.reconnect).toBe(true);
    expect(server.stats().clients).toEqual({ online: 1, resumable: 1, connecting: 0 });
    expect((await silent.resume()).resumed).toBe(true);
    expect(alive.closed).toBeUndefined();
  });

  test.each([
    '{"op":"pong"}',
    '{"op":"activity","state":"idle"}',
    '{"op":"call","mid":1,"action":{"type":"A"}}',
    '{"op":"call","mid":1}',
  ])('takes any frame for life: %s', async (text) => {
    const { clock, connect } = await createHarness();
    const tab = await connect(1, { answersPings: false });
    await clock.advanceAsync(30_000);
    tab.raw(text);
    await clock.advanceAsync(19_000);
    expect(tab.closed).toBeUndefined();
    await clock.advanceAsync(10_000);
    await tab.expectClose('STALE');
  });

  test('pings each at its own time', async () => {
    const { clock, connect } = await createHarness();
    const first = await connect(1);
    await clock.advanceAsync(10_000);
    const second = await connect(1);
    await clock.advanceAsync(15_000);
    expect([pings(first), pings(second)]).toEqual([1, 0]);
    await clock.advanceAsync(10_000);
    expect([pings(first), pings(second)]).toEqual([1, 1]);
  });

  test('tells with a ping of what was passed over, once', async () => {
    const { clock, connect } = await createHarness({
      handlers: { A: ({ sendToClient }) => sendToClient({ type: 'B' }) },
    });
    const [tab, other] = [await connect(1), await connect(1)];
    for (let i = 0; i < 3; i++) await tab.expectReply(tab.call({ type: 'A' }));
    await clock.advanceAsync(25_000);
    expect(other.frames.at(-1)).toEqual({ op: 'ping', offset: 3 });
    expect(tab.frames.at(-1)).toEqual({ op: 'ping' });
    await clock.advanceAsync(25_000);
    expect(other.frames.at(-1)).toEqual({ op: 'ping' });
    expect(other.position?.offset).toBe(3);
  });

  test('does not ping before the client is welcomed', async () => {
    const { clock, client, server } = await createHarness({ limits: { handshakeTimeoutMs: 60_000 } });
    const tab = client(1);
    await tab.open();
    await clock.advanceAsync(59_000);
    expect([tab.frames, server.stats().clients.connecting]).toEqual([[], 1]);
  });

  test('needs a pong time below its interval', async () => {
    const limits = { pingIntervalMs: 1_000, pongTimeoutMs: 1_000 };
    await expect(createHarness({ limits })).rejects.toThrow('limits.pongTimeoutMs');
  });
});

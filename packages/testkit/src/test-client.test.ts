import { Disconnect } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import { createHarness, TestClient } from './index.ts';

describe('TestClient', () => {
  test('takes messages in their order, and says what came instead', async () => {
    const { server, connect } = await createHarness();
    const client = await connect(1);
    await server.sendToUser(1, { type: 'A' });
    await server.sendToUser(1, { type: 'B' });
    await expect(client.expectMessage({ type: 'B' })).rejects.toThrow(
      /expected a message {"type":"B"}, not .*"type":"A"/,
    );
    await client.expectMessage({ type: 'B' });
    await expect(client.expectMessage()).rejects.toThrow('what came, taken or not:');
  });

  test('tells a reply from an error, by mid', async () => {
    const { connect } = await createHarness({ handlers: { A: () => 1 } });
    const client = await connect(1);
    const [good, bad] = [client.call({ type: 'A' }), client.call({ type: 'B' })];
    await client.expectError(bad, 'NO_HANDLER');
    expect(await client.expectReply(good)).toBe(1);
    await expect(client.expectError(client.call({ type: 'A' }), 'NO_HANDLER')).rejects.toThrow(
      'expected the error NO_HANDLER to 3',
    );
  });

  test('knows what is settled, and where it stands', async () => {
    const { server, clock, connect } = await createHarness({
      handlers: {
        NEVER: () => new Promise(() => {}),
        A: () => 1,
        SELF: ({ sendToClient }) => sendToClient({ type: 'M' }),
      },
    });
    const client = await connect(1, { confirms: true });
    await client.expectReply(client.call({ type: 'A' }));
    const open = client.call({ type: 'NEVER' });
    await client.expectReply(client.call({ type: 'A' }));
    expect([client.settledUpTo, [...client.unsettled.keys()]]).toEqual([1, [open]]);
    expect(client.unsettled.get(open)).toMatchObject({ settled: 1 });

    const before = client.position?.offset ?? -1;
    await server.sendToUser(1, { type: 'M' });
    await client.expectMessage();
    expect(client.position?.offset).toBe(before + 1);
    const other = await connect(1);
    await other.expectReply(other.broadcast({ type: 'M' }));
    expect(other.position?.offset).toBe(before + 2);
    await client.expectReply(client.call({ type: 'SELF' }));
    await clock.advanceAsync(25_000);
    expect(other.frames.at(-1)).toEqual({ op: 'ping', offset: before + 3 });
    expect(other.position?.offset).toBe(before + 3);
  });

  test('moves its position forward only, whatever an old reply says that is sent again', async () => {
    const { server, connect } = await createHarness();
    const [tab, other] = [await connect(1), await connect(1)];
    const mid = tab.broadcast({ type: 'A' });
    await tab.expectReply(mid);
    await other.expectMessage({ type: 'A' });
    await server.sendToUser(1, { type: 'B' });
    await tab.expectMessage({ type: 'B' });
    await tab.expectReply(tab.request({ op: 'broadcast', mid, action: { type: 'A' } }));
    expect(tab.position?.offset).toBe(2);
  });

  test('expects nothing but pings', async () => {
    const { server, clock, connect } = await createHarness();
    const client = await connect(1);
    await clock.advanceAsync(60_000);
    await client.expectNothing();
    expect(client.frames.filter(({ op }) => op === 'ping')).toHaveLength(2);
    await server.sendToUser(1, { type: 'A' });
    await expect(client.expectNothing()).rejects.toThrow('expected nothing, not');
  });

  test('is told of the end', async () => {
    const { connect, client } = await createHarness({ verifyClient: ({ token }) => token === 'good' });
    const refused = client(1, { token: 'bad' });
    await refused.dial();
    const { disconnect } = await refused.expectClose('UNAUTHORIZED');
    expect(disconnect).toMatchObject({ code: new Disconnect('UNAUTHORIZED').code, reconnect: false });

    const lost = await connect(1, { token: 'good' });
    await expect(lost.expectClose(1006)).rejects.toThrow('expected the end with 1006');
    lost.cut();
    await lost.expectClose(1006);
    await expect(lost.expectMessage()).rejects.toThrow('the connection was closed: 1006');
  });

  test('waits for what arrives where nothing settles time for it, until a deadline', async () => {
    const { transport, clock, server } = await createHarness();
    const client = new TestClient(() => transport.connect(), { userId: 1 });
    const turns = setInterval(() => clock.advance(1), 1);
    try {
      await client.connect();
      const message = client.expectMessage({ type: 'A' });
      await server.sendToUser(1, { type: 'A' });
      await message;
      await client.expectNothing();
    } finally {
      clearInterval(turns);
    }
    // It has not said who it is: nothing is on its way, however slow the machine is.
    const mute = new TestClient(() => transport.connect(), { timeoutMs: 1 });
    await mute.open();
    await expect(mute.expectMessage()).rejects.toThrow('expected a message {}');
  });
});

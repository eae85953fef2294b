import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Stage, subscribePacket, until } from '../test/support.ts';

/** More is on its way to a device than may wait for it at a time. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const COUNT = 10;
/** Ten of them are twice what an outbox takes. */
const long = (i: number) => `${i} `.padEnd(200_000, '.');
const numberOf = (payload: unknown) => Number.parseInt(String(payload).slice(0, 3), 10);

test.each([4, 5] as const)(
  'it comes again, as it is acknowledged [MQTT-4.4.0-1], version %i',
  async (version) => {
    await stage.serve();
    const session = { clean: false, ...(version === 5 && { properties: { sessionExpiryInterval: 600 } }) };
    const before = await stage.connected('c', session, version);
    before.send(subscribePacket(1, ['a', 1]));
    await before.next('suback');
    for (let i = 0; i < COUNT; i++) {
      await stage.server.publish('a', long(i));
      expect(numberOf((await before.next('publish')).payload)).toBe(i);
    }
    before.socket.destroy();
    await until(() => stage.server.stats().clients.online === 0, 'the loss');
    const device = await stage.connected('c', session, version);
    await stage.server.publish('a', long(COUNT));
    for (let i = 0; i <= COUNT; i++) {
      const { payload, dup, messageId } = await device.next('publish');
      expect([numberOf(payload), dup]).toEqual([i, i < COUNT]);
      device.send({ cmd: 'puback', messageId });
    }
    await device.quiet();
    expect(stage.server.stats().disconnects).not.toHaveProperty('SLOW_READER');
  },
);

test('to one that reads slowly it goes as it is acknowledged, and ends no connection', async () => {
  const count = 40;
  await stage.serve({}, { limits: { maxInFlight: count, maxQueuedBytes: 1e7 } });
  const device = await stage.connected('c');
  device.send(subscribePacket(1, ['a', 1], ['b', 0]));
  await device.next('suback');
  device.socket.pause();
  for (let i = 0; i < count; i++) {
    await stage.server.publish('a', long(i));
    // At most once: dropped where there is no room.
    await stage.server.publish('b', long(i));
    await new Promise((resolve) => setImmediate(resolve));
  }
  device.socket.resume();
  const got: number[] = [];
  while (got.length < count) {
    const packet = await device.next('publish');
    if (packet.topic === 'b') continue;
    got.push(numberOf(packet.payload));
    device.send({ cmd: 'puback', messageId: packet.messageId });
  }
  expect(got).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(stage.server.stats().disconnects).not.toHaveProperty('SLOW_READER');
});

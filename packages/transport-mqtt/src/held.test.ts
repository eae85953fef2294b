import { ReplyError } from '@callboard/protocol';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { open, publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

/** Devices that are not read just now, and answers that are longer than they need to be. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** A check that waits until it is told to go on. */
function waiting() {
  const asked: (() => void)[] = [];
  const check = () => new Promise<boolean>((resolve) => asked.push(() => resolve(true)));
  return { asked, check };
}

test.each(['canPublish', 'canSubscribe'] as const)(
  'a device that waits for %s is not taken for silent: what it says is not read',
  async (right) => {
    const { asked, check } = waiting();
    await stage.serve({ channels: { '#': { ...open, [right]: check } } }, { limits: { maxInFlight: 1 } });
    const device = await stage.connected('c', { keepalive: 10 });
    const [request, answer] =
      right === 'canPublish'
        ? ([publishPacket('a', 'x', { qos: 1, messageId: 1 }), 'puback'] as const)
        : ([subscribePacket(1, ['a']), 'suback'] as const);
    device.send(request, { cmd: 'pingreq' });
    await until(() => asked.length === 1, 'the question');
    stage.clock.advance(29_000);
    asked[0]?.();
    await device.next(answer);
    await device.next('pingresp');
    stage.clock.advance(14_000);
    await device.quiet();
    // From now on it is.
    stage.clock.advance(16_000);
    await device.end();
    expect(stage.server.stats().disconnects).toMatchObject({ STALE: 1 });
  },
);

test('what a check says at length is told in short [MQTT-3.4.2-2]', async () => {
  const canPublish = () => {
    throw new ReplyError('REFUSED', { message: 'long\0'.repeat(20_000) });
  };
  await stage.serve({ channels: { '#': { ...open, canPublish } } });
  const device = await stage.connected5('c', { properties: { maximumPacketSize: 256 } });
  device.send(publishPacket('a', 'x', { qos: 1, messageId: 1 }));
  const { reasonCode, properties } = await device.next('puback');
  expect([reasonCode, properties?.reasonString]).toEqual([0x83, 'long'.repeat(16)]);
});

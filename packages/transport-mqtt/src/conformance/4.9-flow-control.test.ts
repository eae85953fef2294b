import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lasting, reader, textOf, versions } from '../../test/conformance.ts';
import { publishPacket, Stage, subscribePacket } from '../../test/support.ts';

/** Section 4.9: how many may be on their way. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe('MQTT 5', () => {
  test.each([1, 2] as const)(
    'no more of QoS %i is on its way than the device takes, and all else goes on',
    async (qos) => {
      await stage.serve();
      const device = await stage.connected5('c', { properties: { receiveMaximum: 2 } });
      device.send(subscribePacket(1, ['a', qos], ['b', 0]));
      await device.next('suback');
      for (let i = 0; i < 4; i++) await stage.server.publish('a', `${i}`);
      const [first] = [await device.next('publish'), await device.next('publish')];
      await device.quiet();
      // The quota is 0: whatever else there is to say is said.
      await stage.server.publish('b', 'x');
      expect(await device.next('publish')).toMatchObject({ topic: 'b' });
      device.send(publishPacket('other', 'x', { qos: 1, messageId: 7 }));
      await device.next('puback');
      device.send(subscribePacket(2, ['c']));
      await device.next('suback');
      const messageId = first?.messageId as number;
      if (qos === 2) {
        device.send({ cmd: 'pubrec', messageId });
        await device.next('pubrel');
        await device.quiet();
      }
      device.send({ cmd: qos === 1 ? 'puback' : 'pubcomp', messageId });
      expect(textOf(await device.next('publish'))).toBe('2');
      await device.quiet();
    },
  );

  test('a refusal by PUBREC makes room, too', async () => {
    await stage.serve();
    const device = await stage.connected5('c', { properties: { receiveMaximum: 1 } });
    device.send(subscribePacket(1, ['a', 2]));
    await device.next('suback');
    for (let i = 0; i < 2; i++) await stage.server.publish('a', `${i}`);
    const { messageId } = await device.next('publish');
    await device.quiet();
    device.send({ cmd: 'pubrec', messageId, reasonCode: 0x83 } as never);
    expect(textOf(await device.next('publish'))).toBe('1');
  });

  test('what is sent again is within the quota of the new connection', async () => {
    await stage.serve();
    const device = await reader(stage, 5, 'c', ['a', 1]);
    for (let i = 0; i < 3; i++) await stage.server.publish('a', `${i}`);
    for (let i = 0; i < 3; i++) await device.next('publish');
    const properties = { sessionExpiryInterval: 999, receiveMaximum: 2 };
    const back = await stage.connected5('c', { ...lasting(5), properties });
    const again = [await back.next('publish'), await back.next('publish')];
    expect(again.map(textOf)).toEqual(['0', '1']);
    await back.quiet();
  });

  test('a device that has more on its way than may be is told so', async () => {
    await stage.serve({}, { limits: { maxInFlight: 2 } });
    const device = await stage.connected5('c');
    for (let messageId = 1; messageId <= 2; messageId++) {
      device.send(publishPacket('a', 'x', { qos: 2, messageId }));
      await device.next('pubrec');
    }
    device.send(publishPacket('a', 'x', { qos: 2, messageId: 3 }));
    expect(await device.next('disconnect')).toMatchObject({ reasonCode: 0x93 });
  });
});

describe.each(versions)('version %i', (version) => {
  test('no more is on its way than the limit, whatever the device takes', async () => {
    await stage.serve({}, { limits: { maxInFlight: 2 } });
    const device = await reader(stage, version, 'c', ['a', 1]);
    for (let i = 0; i < 3; i++) await stage.server.publish('a', `${i}`);
    const first = await device.next('publish');
    await device.next('publish');
    await device.quiet();
    device.send({ cmd: 'puback', messageId: first.messageId as number });
    expect(textOf(await device.next('publish'))).toBe('2');
  });
});

import { ReplyError } from '@callboard/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ends, reader, versions, wire } from '../../test/conformance.ts';
import { open, publishPacket, Stage, subscribePacket } from '../../test/support.ts';

/** Sections 3.4 to 3.7: PUBACK, PUBREC, PUBREL and PUBCOMP. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  test.each([
    ['PUBREL with other flags', wire(0x60, 0, 1), 0x81],
    ['PUBREL without a packet id', wire(0x62), 0x81],
    ['PUBACK without a packet id', wire(0x40), 0x81],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, version, bytes, reasonCode));
});

test.each([0x40, 0x50, 0x62, 0x70])(
  'in 3.1.1 an acknowledgement %i with more than a packet id ends it',
  (first) => ends(stage, 4, wire(first, 0, 1, 0), 0x81),
);

describe('MQTT 5', () => {
  test.each([
    ['PUBACK with a code that there is not', wire(0x40, 0, 1, 0x01), 0x81],
    ['PUBREL with a code that there is not', wire(0x62, 0, 1, 0x80), 0x81],
    ['PUBACK with a property of others', wire(0x40, 0, 1, 0, 2, 0x01, 1), 0x82],
    ['PUBCOMP with more behind it', wire(0x70, 0, 1, 0, 0, 9), 0x81],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, 5, bytes, reasonCode));

  test('PUBACK has a reason, and words where they are wanted', async () => {
    await stage.serve({
      channels: { 'open/#': open, 'slow/#': { ...open, maxPerSecond: 0.1 }, closed: {} },
    });
    const [device, terse] = [
      await stage.connected5('c'),
      await stage.connected5('d', { properties: { requestProblemInformation: false } }),
    ];
    const answer = async (topic: string, properties = {}, payload: string | Buffer = 'x', by = device) => {
      by.send(publishPacket(topic, payload, { qos: 1, messageId: 1, properties }));
      return by.next('puback');
    };
    expect((await answer('open/a')).reasonCode).toBe(0x10);
    device.send(subscribePacket(2, ['open/+']));
    await device.next('suback');
    expect((await answer('open/a', {}, 'x', terse)).reasonCode).toBe(0);
    await device.next('publish');
    expect(await answer('closed')).toMatchObject({
      reasonCode: 0x87,
      properties: { reasonString: 'Not allowed.' },
    });
    expect(await answer('closed', {}, 'x', terse)).not.toHaveProperty('properties');
    expect((await answer('$SYS/a')).reasonCode).toBe(0x90);
    await answer('slow/a');
    expect((await answer('slow/a')).reasonCode).toBe(0x97);
    const payload = Buffer.of(0xc3, 0x28);
    expect((await answer('open/a', { payloadFormatIndicator: true }, payload)).reasonCode).toBe(0x99);
    expect((await answer('open/a', {}, payload, terse)).reasonCode).toBe(0);
  });

  test.each([
    ['PUBACK', 1],
    ['PUBREC', 2],
  ] as const)('%s has words where they fit, and never user properties', async (_, qos) => {
    let message = '';
    const canPublish = () => {
      throw new ReplyError('FORBIDDEN', { message });
    };
    await stage.serve({ channels: { '#': { canPublish } } });
    const maximumPacketSize = 48;
    const device = await stage.connected5('c', { properties: { maximumPacketSize } });
    const answer = async (text: string) => {
      message = text;
      device.send(publishPacket('a', 'x', { qos, messageId: 1 }));
      const { reasonCode, properties } = await device.next(qos === 1 ? 'puback' : 'pubrec');
      return [reasonCode, properties];
    };
    // Behind the type, the length, the packet id, the code, and the lengths of the properties and of the string.
    const fits = 'x'.repeat(maximumPacketSize - 9);
    expect(await answer(fits)).toEqual([0x87, { reasonString: fits }]);
    expect(await answer(`${fits}x`)).toEqual([0x87, undefined]);
  });

  test('PUBREL and PUBCOMP say where there is no such packet id, without words', async () => {
    await stage.serve();
    const device = await reader(stage, 5, 'c', ['a', 2]);
    device.send({ cmd: 'pubrec', messageId: 99 }, { cmd: 'pubrel', messageId: 98 });
    expect(await device.next('pubrel')).toMatchObject({ messageId: 99, reasonCode: 0x92 });
    const unknown = await device.next('pubcomp');
    expect(unknown).toMatchObject({ messageId: 98, reasonCode: 0x92 });
    expect(unknown).not.toHaveProperty('properties');
    await stage.server.publish('a', 'x');
    const { messageId } = await device.next('publish');
    device.send({ cmd: 'pubrec', messageId: messageId as number });
    expect(await device.next('pubrel')).toMatchObject({ messageId, reasonCode: 0 });
    device.send(publishPacket('b', 'x', { qos: 2, messageId: 7 }));
    await device.next('pubrec');
    device.send({ cmd: 'pubrel', messageId: 7 });
    expect(await device.next('pubcomp')).toMatchObject({ messageId: 7, reasonCode: 0 });
  });
});

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  bare,
  ends,
  illFormed,
  reader,
  subscribePacket5,
  textOf,
  versions,
  wire,
} from '../../test/conformance.ts';
import { open, publishPacket, Stage, subscribePacket } from '../../test/support.ts';

/** Sections 3.8 and 3.9: SUBSCRIBE and SUBACK; last values are in `3.3-retain.test.ts`. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const subscribe = (...fields: (number | string | Uint8Array)[]) =>
    wire(0x82, 0, 1, bare(version), ...fields);

  test.each([
    ['other flags', wire(0x80, 0, 1, bare(version), 'a', 0), 0x81],
    ['no packet id', wire(0x82), 0x81],
    ['no filter', subscribe(), 0x82],
    ['an ill-formed filter', subscribe(illFormed, 0), 0x81],
    ['a filter and no options', subscribe('a'), 0x81],
    ['QoS 3', subscribe('a', 3), 0x81],
    ['reserved options', subscribe('a', version === 5 ? 0x40 : 0x04), 0x81],
  ])('with %s ends it', (_, bytes, reasonCode) => ends(stage, version, bytes, reasonCode));

  test('is answered with a code for each filter, in their order', async () => {
    await stage.serve({ channels: { 'a/#': open, closed: {} } });
    const device = await stage.connected('c', {}, version);
    device.send(subscribePacket(7, ['a/1', 2], ['closed', 1], ['a/2', 0], ['$SYS/#'], ['a/3', 1]));
    const granted = version === 5 ? [2, 0x87, 0, 0x8f, 1] : [2, 0x80, 0, 0x80, 1];
    expect(await device.next('suback')).toMatchObject({ messageId: 7, granted });
    await device.quiet();
    for (const topic of ['a/1', 'a/2', 'a/3']) await stage.server.publish(topic, 'x');
    const heard = (await device.rest()).map((each) => each.cmd === 'publish' && `${each.topic} ${each.qos}`);
    expect(heard).toEqual(['a/1 2', 'a/2 0', 'a/3 1']);
  });

  test('by the same filter takes the place of the one before', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a/+', 0]);
    device.send(subscribePacket(2, ['a/+', 2]));
    await device.next('suback');
    await stage.server.publish('a/1', 'x');
    expect(await device.next('publish')).toMatchObject({ qos: 2 });
    await device.quiet();
  });

  test('several filters in one packet are as several packets', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    device.send(subscribePacket(1, ['a', 0], ['b', 1], ['a', 1]));
    expect(await device.next('suback')).toMatchObject({ granted: [0, 1, 1] });
    await stage.server.publish('a', 'x');
    expect(await device.next('publish')).toMatchObject({ topic: 'a', qos: 1 });
    await device.quiet();
  });

  test('gives the lower QoS of what is published and what is granted', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['0/+', 0], ['1/+', 1], ['2/+', 2]);
    const writer = await stage.connected('w', {}, version);
    const qualities = [0, 1, 2] as const;
    for (const granted of qualities)
      for (const qos of qualities) {
        writer.send(publishPacket(`${granted}/${qos}`, 'x', { qos, messageId: 1 }));
        if (qos > 0) await writer.next();
        if (qos === 2) writer.send({ cmd: 'pubrel', messageId: 1 });
        if (qos === 2) await writer.next('pubcomp');
        expect(await device.next('publish')).toMatchObject({ qos: Math.min(granted, qos) });
      }
  });
});

describe('MQTT 5', () => {
  test.each([
    ['subscription identifier 0 [section 3.8.2.1.2]', wire(0x82, 0, 1, 2, 0x0b, 0, 'a', 0), 0x82],
    ['two subscription identifiers', wire(0x82, 0, 1, 4, 0x0b, 1, 0x0b, 2, 'a', 0), 0x82],
    ['no local, and shared', wire(0x82, 0, 1, 0, '$share/g/a', 0x04), 0x82],
    ['retain handling 3', wire(0x82, 0, 1, 0, 'a', 0x30), 0x81],
  ])('with %s ends it', (_, bytes, reasonCode) => ends(stage, 5, bytes, reasonCode));

  test('is answered with a reason for each filter, UNSUBSCRIBE too', async () => {
    await stage.serve({ channels: { 'a/#': open, closed: {} } }, { limits: { maxSubscriptions: 3 } });
    const device = await stage.connected5('c');
    device.send(subscribePacket(1, ['a/b', 2], ['closed', 1], ['$SYS/#'], ['a/+', 1], ['a/c']));
    const answer = await device.next('suback');
    expect(answer).toMatchObject({ granted: [2, 0x87, 0x8f, 1, 0x97] });
    expect(answer).not.toHaveProperty('properties');
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/b', 'other'] });
    const left = await device.next('unsuback');
    expect(left).toMatchObject({ granted: [0, 0x11] });
    expect(left).not.toHaveProperty('properties');
  });

  test('no local: not what the device itself publishes', async () => {
    await stage.serve();
    const [device, other] = [await stage.connected5('c'), await stage.connected5('d')];
    device.send(subscribePacket5(1, [{ topic: 'a', qos: 0, nl: true }]));
    await device.next('suback');
    device.send(publishPacket('a', 'own'));
    await device.quiet();
    other.send(subscribePacket(1, ['a']));
    await other.next('suback');
    other.send(publishPacket('a', 'other'));
    for (const each of [device, other]) expect(textOf(await each.next('publish'))).toBe('other');
  });
});

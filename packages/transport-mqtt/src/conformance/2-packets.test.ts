import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Packet, PacketCmd } from 'mqtt-packet';
import { bare, ends, lasting, reader, record, versions, wire } from '../../test/conformance.ts';
import { publishPacket, Stage, subscribePacket, until } from '../../test/support.ts';

/** Section 2: what all control packets have. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  const malformed = 0x81;
  const protocolError = 0x82;

  test.each([
    ['flags of CONNECT', wire(0x11, 'MQTT', version, 2, 0, 0, bare(version), 'c'), malformed],
    ['flags of PUBACK', wire(0x41, 0, 1), malformed],
    ['flags of PUBREC', wire(0x51, 0, 1), malformed],
    ['flags of PUBREL', wire(0x60, 0, 1), malformed],
    ['flags of PUBCOMP', wire(0x71, 0, 1), malformed],
    ['flags of SUBSCRIBE', wire(0x80, 0, 1, bare(version), 'a', 0), malformed],
    ['flags of UNSUBSCRIBE', wire(0xa0, 0, 1, bare(version), 'a'), malformed],
    ['flags of PINGREQ', wire(0xc1), malformed],
    ['flags of DISCONNECT', wire(0xe1), malformed],
    ['flags of AUTH', wire(0xf1), malformed],
    ['a type that there is not', wire(0x00), malformed],
    ['what only servers send', wire(0xd0), protocolError],
    ['PUBLISH with packet id 0', wire(0x32, 'a', 0, 0, bare(version)), protocolError],
    ['SUBSCRIBE with packet id 0', wire(0x82, 0, 0, bare(version), 'a', 0), protocolError],
    ['UNSUBSCRIBE with packet id 0', wire(0xa2, 0, 0, bare(version), 'a'), protocolError],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, version, bytes, reasonCode));

  test.each([1, 300, 65_535])('what is answered has packet id %i of what it is an answer to', async (id) => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    const answers: [Packet, PacketCmd][] = [
      [subscribePacket(id, ['a', 0]), 'suback'],
      [{ cmd: 'unsubscribe', messageId: id, unsubscriptions: ['a'] }, 'unsuback'],
      [publishPacket('a', 'x', { qos: 1, messageId: id }), 'puback'],
      [publishPacket('a', 'x', { qos: 2, messageId: id }), 'pubrec'],
      [{ cmd: 'pubrel', messageId: id }, 'pubcomp'],
    ];
    for (const [packet, cmd] of answers) {
      device.send(packet);
      expect(await device.next(cmd)).toMatchObject({ messageId: id });
    }
  });

  test('what is on its way has packet ids that are not 0, and each its own; also where it is sent again', async () => {
    await stage.serve();
    const device = await reader(stage, version, 'c', ['a', 2]);
    for (let i = 0; i < 3; i++) await stage.server.publish('a', `${i}`);
    const ids: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) ids.push((await device.next('publish')).messageId);
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(0);
    device.socket.destroy();
    await until(() => stage.server.stats().clients.resumable === 1, 'its loss');
    const back = await stage.connected('c', lasting(version), version);
    for (const messageId of ids) expect(await back.next('publish')).toMatchObject({ messageId });
  });

  test('QoS 0 has no packet id, and where there are no properties their length is 0', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    const heard = record(device);
    device.send(subscribePacket(1, ['a', 0]), publishPacket('a', 'x'));
    await device.next('suback');
    await device.next('publish');
    device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['a'] });
    await device.next('unsuback');
    const none = bare(version);
    const answers = [
      wire(0x90, 0, 1, none, 0),
      wire(0x30, 'a', none, Buffer.from('x')),
      version === 5 ? wire(0xb0, 0, 3, none, 0) : wire(0xb0, 0, 3),
    ];
    expect(heard()).toEqual(Buffer.concat(answers));
  });
});

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { publishPacket, type RawDevice, Stage, subscribePacket } from '../test/support.ts';
import type { RemoteDevice } from './remote-device.ts';

/** Questions and answers by MQTT 5 (section 4.10). */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const correlationData = Buffer.of(1, 0, 255);

async function ask(device: RawDevice, asked: string, properties: object, qos = 1): Promise<object> {
  device.send(publishPacket('$callboard/call', asked, { qos, messageId: 1, properties }));
  const packets = [await device.next(), await device.next()];
  expect(packets).toContainEqual(
    expect.objectContaining({ cmd: qos === 1 ? 'puback' : 'pubrec', reasonCode: 0 }),
  );
  const answer = packets.find(({ cmd }) => cmd === 'publish') as { topic: string; payload: Buffer };
  const { topic, payload, properties: given } = answer as typeof answer & { properties?: object };
  return { topic, payload: JSON.parse(String(payload)), ...given };
}

test('an answer goes where MQTT 5 says, with the data that it is known by', async () => {
  await stage.serve({ handlers: { A: () => 'done' } });
  const device = await stage.connected5('c');
  const other = await stage.connected5('d');
  other.send(subscribePacket(1, ['answers/c', 0]));
  await other.next('suback');
  const place = { responseTopic: 'answers/c' };
  expect(await ask(device, '{"type":"A"}', { ...place, correlationData })).toEqual({
    topic: 'answers/c',
    payload: { result: 'done' },
    correlationData,
  });
  expect(await ask(device, '{"action":{"type":"A"}}', place)).toEqual({
    topic: 'answers/c',
    payload: { result: 'done' },
  });
  expect(await ask(device, '{', { ...place, correlationData }, 2)).toMatchObject({
    payload: { error: { code: 'INVALID_REQUEST' } },
    correlationData,
  });
  expect(await ask(device, '{"id":7,"action":{"type":"A"}}', {})).toMatchObject({
    topic: '$callboard/reply',
    payload: { id: 7, result: 'done' },
  });
  await other.quiet();
});

test('a call with QoS 2 is made once [MQTT-4.3.3-8]', async () => {
  let calls = 0;
  await stage.serve({ handlers: { A: () => ++calls } });
  const device = await stage.connected5('c');
  const packet = publishPacket('$callboard/call', '{"type":"A"}', { qos: 2, messageId: 1 });
  device.send(packet, { ...packet, dup: true } as never);
  await device.next('pubrec');
  await device.next('pubrec');
  expect(calls).toBe(1);
});

test('what nobody may publish is refused with the reason that MQTT 5 has', async () => {
  await stage.serve();
  const device = await stage.connected5('c');
  device.send(publishPacket('$SYS/x', '', { qos: 1, messageId: 1 }));
  expect(await device.next('puback')).toMatchObject({ reasonCode: 0x90 });
});

test('the server asks with a response topic and correlation data, and takes no other answer', async () => {
  await stage.serve();
  const device = await stage.connected5('c');
  device.send(subscribePacket(1, ['cmnd', 1]));
  await device.next('suback');
  const remote = (stage.server as unknown as { device(id: string): RemoteDevice }).device('c');
  expect(remote.connection).toMatchObject({ protocolVersion: 5 });
  const answer = remote.request('cmnd', 'ON', { replyTopic: 'stat' });
  const { properties } = await device.next('publish');
  expect(properties).toMatchObject({ responseTopic: 'stat', correlationData: expect.any(Buffer) });
  device.send(
    publishPacket('stat', 'of another question', { properties: { correlationData } }),
    publishPacket('stat', 'ON', { properties: { correlationData: properties?.correlationData } }),
  );
  expect(String(await answer)).toBe('ON');
});

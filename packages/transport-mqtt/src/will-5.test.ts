import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectPacket, publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

/** Sections 3.1.2.5, 3.1.3.2 and 3.14 of MQTT 5. */

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  await stage.serve();
});
afterEach(() => stage.end());

const properties = {
  willDelayInterval: 5,
  messageExpiryInterval: 60,
  contentType: 'text/plain',
  responseTopic: 'answers',
  correlationData: Buffer.of(1, 0, 255),
  userProperties: { unit: '°C', several: ['1', '2'] },
};
const will = { topic: 'gone', payload: Buffer.from('c'), qos: 1, retain: false, properties };
const fields = { will, clean: false, properties: { sessionExpiryInterval: 3_600 } };

async function reader() {
  const device = await stage.connected5('reader');
  device.send(subscribePacket(1, ['gone', 1]));
  await device.next('suback');
  return device;
}

async function lost(id = 'c') {
  await until(() => stage.server.users.get(id)?.status.status !== 'ONLINE', 'its loss');
}

test('a will has properties, and its delay; it expires by when it is published [MQTT-3.1.3-9]', async () => {
  const heard = await reader();
  (await stage.connected5('c', fields)).socket.destroy();
  await lost();
  stage.clock.advance(4_999);
  await heard.quiet();
  stage.clock.advance(1);
  const { willDelayInterval, ...told } = properties;
  const { properties: given, ...rest } = await heard.next('publish');
  expect([rest.topic, String(rest.payload), { ...given }]).toEqual([
    'gone',
    'c',
    { ...told, userProperties: { ...told.userProperties } },
  ]);
  await heard.quiet();
});

test('a will is not published where the device is back in time, and is where its session ends before', async () => {
  const heard = await reader();
  (await stage.connected5('c', fields)).socket.destroy();
  await lost();
  stage.clock.advance(4_000);
  await stage.connected5('c', { ...fields, will: undefined });
  stage.clock.advance(4_000);
  await heard.quiet();
  (await stage.connected5('d', { ...fields, properties: {} })).socket.destroy();
  expect(await heard.next('publish')).toMatchObject({ topic: 'gone' });
});

test.each([
  [0x00, 0],
  [0x04, 1],
  [0x80, 1],
])('DISCONNECT with reason %i publishes %i of it [MQTT-3.14.4-3]', async (reasonCode, times) => {
  const heard = await reader();
  const device = await stage.connected5('c', fields);
  device.send({ cmd: 'disconnect', reasonCode });
  await device.end();
  stage.clock.advance(5_000);
  for (let i = 0; i < times; i++) expect(await heard.next('publish')).toMatchObject({ topic: 'gone' });
  await heard.quiet();
});

test('a will with a response topic that is none is not taken [MQTT-3.3.2-14]', async () => {
  const device = await stage.raw(5);
  const wrong = { ...will, properties: { responseTopic: 'a/+' } };
  device.send(connectPacket('c', { protocolVersion: 5, will: wrong }));
  await device.end();
  expect(device.packets.filter(({ cmd }) => cmd === 'connack')).toEqual([]);
  const other = await stage.connected5('d');
  other.send(publishPacket('a', ''));
  await other.quiet();
});

test('a will that is said to be text, and is none, is not taken', async () => {
  const wrong = { ...will, payload: Buffer.of(0xff), properties: { payloadFormatIndicator: true } };
  const device = await stage.raw(5);
  device.send(connectPacket('c', { protocolVersion: 5, will: wrong }));
  expect(await device.next('connack')).toMatchObject({ reasonCode: 0x99 });
  await device.end();
  const said = { ...wrong, payload: Buffer.from('é') };
  expect((await stage.connected5('c', { will: said })).told.reasonCode).toBe(0);
});

test('a server that stops has no delayed will left to publish', async () => {
  (await stage.connected5('c', fields)).socket.destroy();
  await lost();
  await stage.end();
  expect(stage.clock.pendingTimers).toBe(0);
});

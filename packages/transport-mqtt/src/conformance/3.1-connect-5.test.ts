import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectWire, wire } from '../../test/conformance.ts';
import { connectPacket, publishPacket, Stage, subscribePacket, until } from '../../test/support.ts';

/** Section 3.1: what CONNECT says, and what it is told, by MQTT 5 alone. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

test('is told what the server has decided', async () => {
  await stage.serve({}, { limits: { maxInFlight: 7, maxKeepAliveMs: 60_000, maxSessionMs: 100_000 } });
  const { told } = await stage.connected5('', {
    clean: true,
    properties: { sessionExpiryInterval: 0xffffffff },
  });
  expect(told).toMatchObject({
    reasonCode: 0,
    sessionPresent: false,
    receiveMaximum: 7,
    maximumPacketSize: 262_144,
    topicAliasMaximum: 16,
    sessionExpiryInterval: 100,
    serverKeepAlive: 60,
  });
  expect((told as { assignedClientIdentifier?: string }).assignedClientIdentifier).toMatch(/^auto-/);
  const modest = await stage.connected5('c', { keepalive: 10 });
  expect(modest.told).not.toHaveProperty('serverKeepAlive');
  expect(modest.told).not.toHaveProperty('assignedClientIdentifier');
});

test('begins anew or goes on, and the session waits as long as it says', async () => {
  const server = await stage.serve();
  const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const gone = async (id: string, properties?: object) => {
    const device = await stage.connected5(id, fields);
    device.send({ cmd: 'disconnect', reasonCode: 0, properties } as never);
    await device.end();
    return device.told.sessionPresent;
  };
  expect(await gone('c')).toBe(false);
  stage.clock.advance(59_000);
  expect(await gone('c')).toBe(true);
  stage.clock.advance(60_000);
  expect(await gone('c')).toBe(false);
  expect((await stage.connected5('c', { clean: true })).told.sessionPresent).toBe(false);
  await gone('d', { sessionExpiryInterval: 0 });
  await until(() => !server.users.has('d'), 'its end');
  await gone('e', { sessionExpiryInterval: 0xffffffff });
  stage.clock.advance(3_600_000);
  expect((await stage.connected5('e', fields)).told.sessionPresent).toBe(true);
});

test('that is refused says why', async () => {
  await stage.serve({ host: '127.0.0.1', verifyClient: ({ token }) => token === 'right' });
  const answer = async (fields: object) => {
    const device = await stage.raw(5);
    device.send(connectPacket('c', { protocolVersion: 5, ...fields }));
    const { reasonCode } = await device.next('connack');
    await device.end();
    return reasonCode;
  };
  expect(await answer({ username: 'ada', password: Buffer.from('wrong') })).toBe(0x86);
  expect(await answer({})).toBe(0x87);
  expect(await answer({ properties: { authenticationMethod: 'SCRAM' } })).toBe(0x8c);
});

test.each([
  ['Receive Maximum 0 [section 3.1.2.11.3]', [0x21, 0, 0], 0x82],
  ['Maximum Packet Size 0 [section 3.1.2.11.4]', [0x27, 0, 0, 0, 0], 0x82],
  ['a property twice', [0x21, 0, 1, 0x21, 0, 1], 0x82],
  ['a property of other packets', [0x23, 0, 1], 0x82],
  ['a property that there is not', [0x7f, 0], 0x81],
  ['a flag that is neither 0 nor 1', [0x17, 2], 0x82],
  ['authentication data without a method', [0x16, 0, 0], 0x82],
])('with %s is none', async (_, properties, reasonCode) => {
  await stage.serve();
  const device = await stage.raw(5);
  device.send(wire(0x10, 'MQTT', 5, 2, 0, 0, properties.length, Buffer.from(properties), 'c'));
  expect(await device.next('connack')).toMatchObject({ reasonCode });
  await device.end();
});

test('may have a password alone', async () => {
  await stage.serve();
  const device = await stage.raw(5);
  device.send(connectWire(5, 0x42, 'c', 'secret'));
  expect(await device.next('connack')).toMatchObject({ reasonCode: 0 });
});

test.each([true, false, undefined])(
  'that asks for response information: %s, is given none',
  async (asked) => {
    await stage.serve();
    const properties = asked === undefined ? {} : { requestResponseInformation: asked };
    const { told } = await stage.connected5('c', { properties });
    expect(told).not.toHaveProperty('responseInformation');
  },
);

test('that takes aliases is sent none', async () => {
  await stage.serve();
  for (const properties of [{}, { topicAliasMaximum: 0 }, { topicAliasMaximum: 9 }]) {
    const device = await stage.connected5('c', { properties });
    device.send(subscribePacket(1, ['a']), publishPacket('a', '1'), publishPacket('a', '2'));
    await device.next('suback');
    for (let i = 0; i < 2; i++) {
      const heard = await device.next('publish');
      expect(heard.topic).toBe('a');
      expect(heard).not.toHaveProperty('properties.topicAlias');
    }
  }
});

test('says what size the device takes: nothing larger is sent, and that is as if it had been', async () => {
  await stage.serve();
  const device = await stage.connected5('c', { properties: { maximumPacketSize: 60, receiveMaximum: 1 } });
  device.send(subscribePacket(1, ['a', 1]));
  await device.next('suback');
  await stage.server.publish('a', 'x'.repeat(60));
  await stage.server.publish('a', 'fits');
  expect(String((await device.next('publish')).payload)).toBe('fits');
  await stage.server.publish('a', 'waits');
  await device.quiet();
  device.send({ cmd: 'puback', messageId: 2 });
  expect(String((await device.next('publish')).payload)).toBe('waits');
  const many = Array.from({ length: 60 }, (_, i): [string] => [`b/${i}`]);
  device.send(subscribePacket(2, ...many));
  expect(await device.rest()).toEqual([]);
});

test('of a device that takes less than an answer is refused', async () => {
  await stage.serve();
  for (const [maximumPacketSize, answers] of [
    [10, [{ cmd: 'connack', reasonCode: 0x95 }]],
    [4, []],
  ] as const) {
    const device = await stage.raw(5);
    device.send(connectPacket('c', { protocolVersion: 5, properties: { maximumPacketSize } }));
    await device.end();
    expect(device.packets).toMatchObject(answers);
  }
});

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { connectPacket, publishPacket, Stage, until } from '../test/support.ts';
import { Framer } from './framer.ts';
import { readProperties } from './properties.ts';
import { metaOf } from './publish-frame.ts';

/** What devices may do to be expensive, within the limits of one packet. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** As many as a packet of 256 KB has. */
const MANY = 52_000;

/** Copied for each, they would take minutes. */
test('many user properties are read one after the other', () => {
  const pairs = Buffer.alloc(5 * MANY, Buffer.of(0x26, 0, 0, 0, 0));
  const length = Buffer.of((pairs.length & 127) | 128, ((pairs.length >> 7) & 127) | 128, pairs.length >> 14);
  for (let i = 0; i < 20; i++) {
    const { properties } = readProperties(Buffer.concat([length, pairs]), 0, 'publish');
    expect(metaOf(properties.userProperties)?.['']).toHaveLength(MANY);
  }
});

test('and passed on to who reads them', async () => {
  await stage.serve({ limits: { maxBytesPerSecond: 1e9 } });
  const reader = await stage.connected5('reader');
  reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
  await reader.next('suback');
  const device = await stage.connected5('c');
  const userProperties = { a: Array.from({ length: 37_000 }, () => 'b') };
  for (let messageId = 1; messageId <= 3; messageId++) {
    device.send(publishPacket('a', 'x', { qos: 1, messageId, properties: { userProperties } }));
    await device.next('puback');
    const { properties } = await reader.next('publish');
    expect(properties?.userProperties?.a).toHaveLength(37_000);
  }
});

test('what comes in crumbs is put together as it comes', () => {
  const framer = new Framer(262_144);
  const most = jest.spyOn(Buffer, 'concat');
  framer.append(Buffer.of(0x30, 0x80, 0x80, 4));
  const early: unknown[] = [];
  for (let i = 0; i < 65_536; i++) {
    early.push(framer.next());
    framer.append(Buffer.of(0));
  }
  expect(early.filter(Boolean)).toEqual([]);
  expect(framer.next()).toHaveLength(65_540);
  const pieces = Math.max(...most.mock.calls.map(([chunks]) => chunks.length));
  most.mockRestore();
  expect(pieces).toBeLessThanOrEqual(256);
});

test('a device of 3.1.1 may send more with QoS 2 than is acknowledged at a time', async () => {
  await stage.serve();
  const heard: unknown[] = [];
  stage.server.channel('a').publications$.subscribe(({ data }) => heard.push(data));
  const device = await stage.device({ clientId: 'c' });
  const texts = Array.from({ length: 200 }, (_, i) => `${i}`);
  await Promise.all(texts.map((text) => device.publishAsync('a', text, { qos: 2 })));
  expect(heard).toEqual(texts);
});

test('what a device of 3.1.1 never releases is as much as may wait for it, and no more', async () => {
  await stage.serve({ limits: { maxFramesPerSecond: 1e6 } }, { limits: { maxQueued: 50 } });
  const device = await stage.connected('c');
  const send = (from: number, to: number) => {
    for (let id = from; id <= to; id++) device.send(publishPacket('a', 'x', { qos: 2, messageId: id }));
  };
  send(1, 50);
  await until(() => device.packets.length === 51, 'all PUBRECs');
  send(51, 51);
  await device.end();
});

test('a user has so many sessions, with a connection or without; those of others are not touched', async () => {
  await stage.serve({}, { limits: { maxSessionsPerUser: 2 } });
  const session = { username: 'ada', clean: false };
  const answer = async (clientId: string, fields: object = session, version: 4 | 5 = 4) => {
    const device = await stage.raw(version);
    device.send(connectPacket(clientId, { protocolVersion: version, ...fields }));
    const { returnCode, reasonCode } = await device.next('connack');
    return { device, code: returnCode ?? reasonCode };
  };
  const first = await answer('a');
  first.device.send({ cmd: 'disconnect' });
  await first.device.end();
  expect([first.code, (await answer('b')).code, (await answer('c')).code]).toEqual([0, 0, 3]);
  expect((await answer('d', session, 5)).code).toBe(0x97);
  expect((await answer('e', { username: 'eve' })).code).toBe(0);
  // The same again, and a new one in the place of one that is over.
  expect([(await answer('a')).code, (await answer('b')).code]).toEqual([0, 0]);
  const clean = await answer('a', { username: 'ada', clean: true });
  expect(clean.code).toBe(0);
  clean.device.socket.destroy();
  await until(() => stage.server.users.get('ada')?.clients.size === 1, 'the end of its session');
  expect([(await answer('c')).code, (await answer('a')).code]).toEqual([0, 3]);
});

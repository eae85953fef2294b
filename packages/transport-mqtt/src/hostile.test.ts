import type { Server } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import {
  connectPacket,
  publishPacket,
  type RawDevice,
  Stage,
  subscribePacket,
  until,
} from '../test/support.ts';
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

test('of hostile connections nothing is left, and memory is flat', async () => {
  await stage.serve({ limits: { maxBytesPerSecond: 1e9, maxConnectsPerSecond: 1e6 } });
  const attacks: ((device: RawDevice) => void)[] = [
    // 200 MB announced, before CONNECT and as a packet of a kind that there is not.
    (device) => device.send(Buffer.of(0x10, 0x80, 0x80, 0x80, 0x64)),
    (device) => device.send(Buffer.of(0xf0, 0x80, 0x80, 0x80, 0x64)),
    // Most of a CONNECT.
    (device) => device.send(Buffer.concat([Buffer.of(0x10, 0x80, 0x80, 0x0f), Buffer.alloc(200_000)])),
    // A session that ends with a packet which there is not, and leaves a will of 100 KB.
    (device) => {
      const will = { topic: 'gone', payload: Buffer.alloc(100_000), qos: 0, retain: false };
      device.send(connectPacket('same', { will }), Buffer.of(0xf0, 0));
    },
    // One that asks for much and reads nothing.
    (device) => {
      device.socket.pause();
      device.send(
        connectPacket('same'),
        subscribePacket(1, ['#', 2]),
        publishPacket('a', Buffer.alloc(200_000)),
      );
    },
  ];
  const round = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const devices = await Promise.all(attacks.map(() => stage.raw()));
      for (const [n, device] of devices.entries()) attacks[n]?.(device);
      await until(() => devices.some(({ closed }) => closed), 'an end');
      for (const { socket } of devices) socket.destroy();
    }
    await until(() => {
      const { online, connecting } = stage.server.stats().clients;
      return online + connecting === 0;
    }, 'the end of all');
  };
  const used = () => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  await round(15);
  const before = used();
  await round(60);
  stage.clock.advance(60_000);
  const { clients, users, channels } = stage.server.stats();
  expect([clients, users, channels]).toEqual([{ online: 0, resumable: 0, connecting: 0 }, 0, 0]);
  // Of 30 MB and more that were sent; what was read last is freed a moment later.
  await until(() => used() - before < 8 << 20, 'memory to be as it was');
});

test('one address has so many connections, and opens so many in a second', async () => {
  await stage.serve({ limits: { maxConnectionsPerAddress: 3, maxConnectsPerSecond: 4 } });
  const [first, second] = [
    await stage.connected('a'),
    await stage.connected('b'),
    await stage.connected('c'),
  ];
  const leaves = async (device: RawDevice) => {
    device.send({ cmd: 'disconnect' });
    await device.end();
  };
  await (await stage.raw()).end();
  await leaves(first);
  await (await stage.connected('d')).quiet();
  // The fifth of this second, though there is room for it.
  await leaves(second);
  await (await stage.raw()).end();
  stage.clock.advance(1_000);
  await (await stage.connected('e')).quiet();
});

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('what the system cannot accept ends neither the server nor its listening', async () => {
  await stage.serve();
  const listener = stage.mqtt.native as Server;
  for (let i = 0; i < 2; i++) listener.emit('error', new Error('accept EMFILE'));
  await (await stage.connected('c')).quiet();
  const told = stage.logs.filter(({ message }) => message === 'a device cannot connect');
  expect(told.map(({ level }) => level)).toEqual(['error', 'error']);
});

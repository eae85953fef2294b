import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import mqtt from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { WebSocket } from 'ws';
import { versions } from '../test/conformance.ts';
import { connectPacket, publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

/** MQTT over WebSocket: section 6 of both versions. */

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
});
afterEach(() => stage.end());

const where = (path = '/mqtt') => `ws://127.0.0.1:${stage.server.port}${path}`;
const bytesOf = (packet: Packet, protocolVersion = 4) => generate(packet, { protocolVersion });

async function open(options: object = {}, subprotocols: string[] = ['mqtt'], protocolVersion = 4) {
  const webSocket = new WebSocket(where(), subprotocols, options);
  stage.after(() => webSocket.terminate());
  await once(webSocket, 'open');
  const packets: Packet[] = [];
  const kinds = new Set<boolean>();
  const reader = parser({ protocolVersion });
  reader.on('packet', (packet) => packets.push(packet));
  webSocket.on('message', (data: Buffer, isBinary) => {
    kinds.add(isBinary);
    reader.parse(data);
  });
  const closed = once(webSocket, 'close').then(([code]) => code as number);
  return { webSocket, packets, kinds, closed };
}

async function refusal(options: object, subprotocols: string[] = ['mqtt']): Promise<string> {
  const webSocket = new WebSocket(where(), subprotocols, options);
  const [error] = await once(webSocket, 'error');
  return (error as Error).message;
}

test('MQTT.js publishes and reads, as over TCP, and meets devices there', async () => {
  await stage.serve({ port: 0 });
  const page = await mqtt.connectAsync(where(), { protocolVersion: 4, clientId: 'page', reconnectPeriod: 0 });
  stage.after(() => page.end(true));
  const device = await stage.device({ clientId: 'device' });
  const heard: string[] = [];
  page.on('message', (topic, payload) => heard.push(`${topic} ${payload.length}`));
  device.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
  await page.subscribeAsync('tele/#', { qos: 1 });
  await device.subscribeAsync('cmnd/+', { qos: 1 });
  await device.publishAsync('tele/big', Buffer.alloc(200_000), { qos: 1 });
  await page.publishAsync('cmnd/power', 'on', { qos: 1 });
  await until(() => heard.length === 2, 'both');
  expect(heard.sort()).toEqual(['cmnd/power on', 'tele/big 200000']);
  const [client] = [...(stage.server.users.get('page')?.clients ?? [])];
  expect(client).toMatchObject({ transport: 'mqtt', device: 'page' });
  await page.endAsync();
  await until(() => !stage.server.users.has('page'), 'the end of its session');
});

test.each(versions)(
  'packets are cut into messages in any way, and answers are binary [MQTT-6.0.0-2]: %i',
  async (version) => {
    await stage.serve({ port: 0 });
    const { webSocket, packets, kinds } = await open({}, ['mqtt'], version);
    const said = [
      connectPacket('c', { protocolVersion: version }),
      subscribePacket(1, ['a', 1]),
      publishPacket('a', 'x', { qos: 1, messageId: 7 }),
    ];
    const bytes = Buffer.concat(said.map((each) => bytesOf(each, version)));
    for (const byte of bytes.subarray(0, 20)) webSocket.send(Buffer.of(byte));
    webSocket.send(bytes.subarray(20));
    await until(() => packets.length === 4, 'all answers');
    expect(packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'publish', 'puback']);
    expect([...kinds]).toEqual([true]);
  },
);

test('a text message ends it, unread [MQTT-6.0.0-1]', async () => {
  await stage.serve({ port: 0 });
  const { webSocket, packets, closed } = await open();
  webSocket.send(bytesOf(connectPacket('c')).toString('latin1'));
  webSocket.send(bytesOf(connectPacket('c', { protocolVersion: 5 }), 5));
  expect(await closed).toBe(1003);
  expect(packets).toEqual([]);
  await until(() => stage.server.stats().clients.connecting === 0, 'its end');
});

test('what comes with the end is read: a DISCONNECT takes the will back', async () => {
  const heard: unknown[] = [];
  await stage.serve({
    port: 0,
    verifyClient: () => new Promise((resolve) => setImmediate(() => resolve(true))),
    host: '127.0.0.1',
  });
  stage.server.channel('gone').publications$.subscribe(({ data }) => heard.push(data));
  for (const leaves of [true, false]) {
    const { webSocket, closed } = await open();
    const will = { topic: 'gone', payload: Buffer.from(`${leaves}`), qos: 0, retain: false };
    webSocket.send(bytesOf(connectPacket('c', { will, username: 'c' })));
    webSocket.send(bytesOf(publishPacket('gone', 'last words')));
    if (leaves) webSocket.send(bytesOf({ cmd: 'disconnect' }));
    webSocket.close();
    await closed;
    await until(() => stage.server.users.size === 0, 'the end of the session');
  }
  await until(() => heard.length === 3, 'the will');
  expect(heard).toEqual(['last words', 'last words', 'false']);
});

describe('an upgrade', () => {
  test('names the subprotocol, and is answered with it [MQTT-6.0.0-3] [MQTT-6.0.0-4]', async () => {
    await stage.serve({ port: 0 });
    expect((await open({}, ['other', 'mqtt'])).webSocket.protocol).toBe('mqtt');
    expect(await refusal({}, ['other'])).toContain('400');
    expect(await refusal({}, [])).toContain('400');
  });

  test('of a foreign page is refused, and one of many too many, as for browsers', async () => {
    await stage.serve({ port: 0, origins: ['https://app.example'], limits: { maxConnectionsPerAddress: 1 } });
    expect(await refusal({ origin: 'https://attacker.example' })).toContain('403');
    await open({ origin: 'https://app.example' });
    await until(() => stage.server.stats().connections.accepted === 1, 'the connection');
    expect(await refusal({ origin: 'https://app.example' })).toContain('429');
  });

  test('is taken where it is wanted alone', async () => {
    await stage.serve({ port: 0 }, { path: false });
    expect(await refusal({})).toContain('404');
  });
});

test('a message that is too large ends it before it has come', async () => {
  await stage.serve({ port: 0 }, { limits: { maxPacketBytes: 1_000 } });
  const { webSocket, closed } = await open();
  webSocket.send(Buffer.alloc(2_001));
  expect(await closed).toBe(1009);
});

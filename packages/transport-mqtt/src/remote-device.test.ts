import { createServer, type User } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import { publishPacket, type RawDevice, Stage, subscribePacket, until } from '../test/support.ts';
import { mqttTransport, type RemoteDevice } from './index.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** What application code sees of it. */
function remote(clientId: string): RemoteDevice | undefined {
  return (stage.server as unknown as { device(id: string): RemoteDevice | undefined }).device(clientId);
}

/** A device that has subscribed, and what application code sees of it. */
async function lamp(fields: object = {}): Promise<{ raw: RawDevice; lamp: RemoteDevice }> {
  if (stage.server === undefined) await stage.serve();
  const raw = await stage.connected('lamp', fields);
  raw.send(subscribePacket(1, ['cmnd/lamp/#', 1], ['cmnd/+/DIM', 0]));
  await raw.next('suback');
  return { raw, lamp: remote('lamp') as RemoteDevice };
}

test('the plugin is on the server, with its type', () => {
  const mqtt = mqttTransport({ port: 0 });
  const server = createServer({ transports: [mqtt], plugins: [mqtt.devices] });
  expectTypeOf(server.device).toEqualTypeOf<(clientId: string) => RemoteDevice | undefined>();
  expectTypeOf<RemoteDevice['user']>().toEqualTypeOf<User>();
  expect(server.device('nobody')).toBeUndefined();
});

test('a device tells who it is, how it is connected and when it was last heard', async () => {
  const { raw, lamp: device } = await lamp({ keepalive: 60, username: 'ada', clean: false });
  expect(device).toMatchObject({
    clientId: 'lamp',
    online: true,
    lastSeenAt: stage.clock.now(),
    connection: { protocolVersion: 4, keepAliveSeconds: 60, willTopic: undefined },
    filters: ['cmnd/lamp/#', 'cmnd/+/DIM'],
  });
  expect([device.user.id, device.client.actor.getSnapshot().value]).toEqual(['ada', 'online']);
  stage.clock.advance(10_000);
  await raw.quiet();
  const heardAt = stage.clock.now();
  expect(device.lastSeenAt).toBe(heardAt);
  stage.clock.advance(5_000);
  raw.socket.destroy();
  await until(() => !device.online, 'its loss');
  stage.clock.advance(5_000);
  expect(device.lastSeenAt).toBe(heardAt);
});

describe('publish', () => {
  test('is to this device alone, as it has subscribed', async () => {
    const { raw, lamp: device } = await lamp();
    const other = await stage.connected('other');
    other.send(subscribePacket(1, ['cmnd/#', 1]));
    await other.next('suback');
    for (const payload of ['ON', Buffer.of(0, 255), { level: 7 }, 21.5])
      device.publish('cmnd/lamp/DIM', payload);
    const heard = [];
    for (let i = 0; i < 4; i++) heard.push(await raw.next('publish'));
    expect(heard.map(({ topic, payload, qos }) => [topic, String(payload), qos])).toEqual([
      ['cmnd/lamp/DIM', 'ON', 1],
      ['cmnd/lamp/DIM', String(Buffer.of(0, 255)), 1],
      ['cmnd/lamp/DIM', '{"level":7}', 1],
      ['cmnd/lamp/DIM', '21.5', 1],
    ]);
    device.publish('cmnd/all/DIM', 1);
    expect(await raw.next('publish')).toMatchObject({ topic: 'cmnd/all/DIM', qos: 0 });
    expect(() => device.publish('cmnd/all/POWER', 1)).toThrow(
      expect.objectContaining({ code: 'NOT_SUBSCRIBED' }),
    );
    for (const topic of ['cmnd/+/DIM', '', '$SYS/x'])
      expect(() => device.publish(topic, 1)).toThrow(TypeError);
    await other.quiet();
  });

  test('waits for a device that is away', async () => {
    const { raw, lamp: device } = await lamp({ clean: false });
    raw.socket.destroy();
    await until(() => !device.online, 'its loss');
    device.publish('cmnd/lamp/POWER', 'ON');
    device.publish('cmnd/all/DIM', 'at most once');
    const back = await stage.connected('lamp', { clean: false });
    expect(String((await back.next('publish')).payload)).toBe('ON');
    await back.quiet();
    expect([device.online, remote('lamp')?.client]).toEqual([true, device.client]);
  });
});

describe('request', () => {
  const reply = { replyTopic: 'stat/lamp/RESULT' };

  test('is answered by what the device publishes next on the topic of the pair', async () => {
    const { raw, lamp: device } = await lamp();
    const heard: unknown[] = [];
    stage.server.channel('stat/#').publications$.subscribe(({ data }) => heard.push(data));
    const answer = device.request('cmnd/lamp/POWER', 'ON', reply);
    expect(await raw.next('publish')).toMatchObject({ topic: 'cmnd/lamp/POWER', qos: 1 });
    raw.send(
      publishPacket('stat/lamp/POWER', 'another'),
      publishPacket('stat/lamp/RESULT', '{"POWER":"ON"}'),
    );
    expect(String(await answer)).toBe('{"POWER":"ON"}');
    raw.send(publishPacket('stat/lamp/RESULT', 'unasked'));
    await raw.quiet();
    expect(heard).toEqual(['another', '{"POWER":"ON"}', 'unasked']);
  });

  test('is not answered by what the device says unasked, where the application knows the answer', async () => {
    const { raw, lamp: device } = await lamp();
    const isAnswer = (payload: Buffer) => Object.hasOwn(JSON.parse(String(payload)), 'POWER');
    const answer = device.request('cmnd/lamp/POWER', 'ON', { ...reply, isAnswer });
    const next = device.request('cmnd/lamp/POWER', 'OFF', { ...reply, isAnswer });
    next.catch(() => {});
    for (const said of ['{"Dimmer":7}', '{"POWER":"ON"}', 'no JSON'])
      raw.send(publishPacket('stat/lamp/RESULT', said));
    expect(String(await answer)).toBe('{"POWER":"ON"}');
    await expect(next).rejects.toThrow(SyntaxError);
  });

  test('by another device is none', async () => {
    const { raw, lamp: device } = await lamp();
    const eve = await stage.connected('eve');
    const answer = device.request('cmnd/lamp/POWER', '', reply);
    await raw.next('publish');
    eve.send(publishPacket('stat/lamp/RESULT', 'forged'));
    await eve.quiet();
    raw.send(publishPacket('stat/lamp/RESULT', 'own'));
    expect(String(await answer)).toBe('own');
  });

  test('waits for the one before, and no longer than its time', async () => {
    const { raw, lamp: device } = await lamp();
    const [one, two, three] = ['1', '2', '3'].map((level) =>
      device.request('cmnd/lamp/DIM', level, { ...reply, timeoutMs: 1_000 }),
    );
    expect(String((await raw.next('publish')).payload)).toBe('1');
    await raw.quiet();
    stage.clock.advance(1_000);
    await expect(one).rejects.toMatchObject({ code: 'DEVICE_TIMEOUT' });
    expect(String((await raw.next('publish')).payload)).toBe('2');
    raw.send(publishPacket('stat/lamp/RESULT', 'second'));
    expect(String(await two)).toBe('second');
    await raw.next('publish');
    raw.send({ cmd: 'disconnect' });
    await expect(three).rejects.toMatchObject({ code: 'DEVICE_GONE' });
    expect(remote('lamp')).toBeUndefined();
  });

  test('to a topic that it does not read fails, and the next is sent', async () => {
    const { raw, lamp: device } = await lamp();
    const [one, two, three] = [
      device.request('cmnd/lamp/DIM', '1', reply),
      device.request('nowhere', '', reply),
      device.request('cmnd/lamp/DIM', '3', reply),
    ];
    await expect(device.request('cmnd/lamp/DIM', '', { replyTopic: '+' })).rejects.toThrow(TypeError);
    const failed = expect(two).rejects.toMatchObject({ code: 'NOT_SUBSCRIBED' });
    for (const answer of ['first', 'third']) {
      await raw.next('publish');
      raw.send(publishPacket('stat/lamp/RESULT', answer));
    }
    expect((await Promise.all([one, three])).map(String)).toEqual(['first', 'third']);
    await failed;
  });
});

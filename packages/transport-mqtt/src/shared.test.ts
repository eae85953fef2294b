import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

/** Shared subscriptions (MQTT 5, section 4.8.2), also in 3.1.1. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

type Device = Awaited<ReturnType<Stage['connected5']>>;
const lasting = { clean: false, properties: { sessionExpiryInterval: 999 } };

/** What it has been given until now. */
async function heardBy(device: Device): Promise<string[]> {
  const pings = () => device.packets.filter(({ cmd }) => cmd === 'pingresp').length;
  const before = pings();
  device.send({ cmd: 'pingreq' });
  await until(() => pings() > before, 'the answer');
  return device.packets.flatMap((each) => (each.cmd === 'publish' ? [String(each.payload)] : []));
}

async function member(
  clientId: string,
  filter: string,
  qos: 0 | 1 | 2 = 0,
  fields: object = {},
): Promise<Device> {
  const device = await stage.connected5(clientId, fields);
  device.send(subscribePacket(1, [filter, qos]));
  await device.next('suback');
  return device;
}

async function say(...texts: readonly string[]): Promise<void> {
  for (const text of texts) await stage.server.publish('a/b', text);
}

async function gone(device: Device): Promise<void> {
  const { resumable } = stage.server.stats().clients;
  device.socket.destroy();
  await until(() => stage.server.stats().clients.resumable > resumable, 'its loss');
}

test('each publication is for one of a group, in turns; groups and other readers are given theirs', async () => {
  await stage.serve();
  const [one, two] = [await member('1', '$share/g/a/+'), await member('2', '$share/g/a/+')];
  const [other, plain] = [await member('3', '$share/h/a/+'), await member('4', 'a/+')];
  await say('1', '2', '3', '4');
  expect([await heardBy(one), await heardBy(two)]).toEqual([
    ['1', '3'],
    ['2', '4'],
  ]);
  for (const each of [other, plain]) expect(await heardBy(each)).toEqual(['1', '2', '3', '4']);
});

test('who subscribes again stays in the group', async () => {
  await stage.serve();
  const one = await member('1', '$share/g/a/+');
  one.send(subscribePacket(2, ['$share/g/a/+']));
  await one.next('suback');
  const two = await member('2', '$share/g/a/+');
  await say('1', '2');
  expect([...(await heardBy(one)), ...(await heardBy(two))]).toEqual(['1', '2']);
});

test('a device may read the same filter by itself, too, and leave either', async () => {
  await stage.serve();
  const device = await member('1', '$share/g/a/+');
  device.send(subscribePacket(2, ['a/+']));
  await device.next('suback');
  await say('x');
  expect(await heardBy(device)).toEqual(['x', 'x']);
  const leave = async (filter: string) => {
    const heard = (await heardBy(device)).length;
    device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [filter] });
    await until(() => device.packets.at(-1)?.cmd === 'unsuback', 'the answer');
    await say('y');
    return (await heardBy(device)).length - heard;
  };
  expect([await leave('$share/g/a/+'), await leave('a/+')]).toEqual([1, 0]);
});

test('those that are away are passed over, unless nobody is there', async () => {
  await stage.serve();
  const one = await member('1', '$share/g/a/+', 1, lasting);
  const two = await member('2', '$share/g/a/+', 1, lasting);
  await gone(one);
  await say('1', '2');
  expect(await heardBy(two)).toEqual(['1', '2']);
  for (const messageId of [1, 2]) two.send({ cmd: 'puback', messageId });
  await heardBy(two);
  await gone(two);
  await say('3', '4');
  const back = [await stage.connected5('1', lasting), await stage.connected5('2', lasting)];
  expect((await Promise.all(back.map(heardBy))).flat().sort()).toEqual(['3', '4']);
});

test('QoS 1 goes to another where a member is gone; QoS 2 that has begun waits for it [MQTT-4.8.2-4]', async () => {
  await stage.serve();
  const one = await member('1', '$share/g/a/+', 2, lasting);
  const two = await member('2', '$share/g/a/+', 2, lasting);
  const writer = await stage.connected5('w');
  for (const [i, qos] of ([1, 1, 2, 2] as const).entries())
    writer.send(publishPacket('a/b', `${i + 1}`, { qos, messageId: i + 1 }));
  await until(() => writer.packets.length === 5, 'the answers');
  expect([await heardBy(one), await heardBy(two)]).toEqual([
    ['1', '3'],
    ['2', '4'],
  ]);
  await gone(one);
  expect(await heardBy(two)).toEqual(['2', '4', '1']);
  const back = await stage.connected5('1', lasting);
  expect(await heardBy(back)).toEqual(['3']);
});

test('what a member had not acknowledged when its session ends goes to who is left', async () => {
  await stage.serve();
  const one = await member('1', '$share/g/a/+', 1);
  const two = await member('2', '$share/g/a/+', 1, lasting);
  await gone(two);
  await say('1');
  expect(await heardBy(one)).toEqual(['1']);
  one.socket.destroy();
  await until(() => !stage.server.users.has('1'), 'the end of its session');
  expect(await heardBy(await stage.connected5('2', lasting))).toEqual(['1']);
});

test('there are no last values [section 4.8.2], and devices of 3.1.1 may share', async () => {
  await stage.serve({ channels: { '#': { canSubscribe: () => true, filters: true, retain: true } } });
  await say('last');
  const one = await member('1', '$share/g/a/+');
  expect(await heardBy(one)).toEqual([]);
  const old = await stage.connected('old');
  old.send(subscribePacket(1, ['$share/g/a/+']));
  await old.next('suback');
  await say('1', '2');
  expect(await heardBy(one)).toHaveLength(1);
  expect(String((await old.next('publish')).payload)).toMatch(/1|2/);
  await old.quiet();
});

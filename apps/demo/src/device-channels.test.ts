import { createServer } from 'node:net';
import { type Client, createClient, type Publication } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Devices } from '../test/devices.ts';
import { createDemo, type Demo } from './demo.ts';
import { ifFree } from './free-port.ts';

let demo: Demo;
let port: number;
let devices: Devices;
let clients: Client[];

beforeEach(async () => {
  devices = new Devices();
  clients = [];
  demo = await createDemo({ port: 0, passwordWork: 16, logger: silentLogger });
  port = await demo.start();
});
afterEach(async () => {
  await devices.end();
  await Promise.all(clients.map((client) => client.close()));
  await demo.stop({ graceMs: 100 });
});

async function clientOf(userId: string): Promise<Client> {
  const client = createClient({
    endPoint: `ws://127.0.0.1:${port}`,
    userId,
    token: await demo.passes.issue(userId),
    logger: silentLogger,
  });
  clients.push(client);
  return client;
}

async function hearing(client: Client, filter: string): Promise<Publication[]> {
  const heard: Publication[] = [];
  const channel = client.channel(filter);
  channel.subscribe((publication) => void heard.push(publication));
  await channel.joined();
  return heard;
}

/** MQTT 3.1.1 acknowledges what it refuses, so that only what comes afterwards tells. */
const tell = (device: Awaited<ReturnType<Devices['connect']>>, topic: string, text: string) =>
  device.publishAsync(topic, text, { qos: 1 });

describe('a device', () => {
  test('tells what it reads; the server says when, also to who comes later', async () => {
    const [orla, stage] = [await clientOf('orla'), await devices.connect(demo, 'stage')];
    const heard = await hearing(orla, 'sensors/+/+');
    const before = Date.now();
    for (const text of ['18.40', '18.5']) await tell(stage, 'sensors/stage/temperature', text);
    await until(() => heard.length === 2, 'both');
    const readings = heard.map(({ data }) => data as { value: number; at: number });
    expect(readings.map(({ value }) => value)).toEqual([18.4, 18.5]);
    for (const { at } of readings) expect(at >= before && at <= Date.now()).toBe(true);
    const late = await hearing(await clientOf('teodor'), 'sensors/+/+');
    await until(() => late.length === 1, 'the last value');
    expect(late[0]).toMatchObject({ retained: true, data: readings[1] });
    const { publications } = await orla.channel('sensors/stage/temperature').history();
    expect(publications.map(({ data }) => data)).toEqual(readings);
  });

  test('tells nothing that is another’s, and no lights but as the board', async () => {
    const orla = await clientOf('orla');
    const [readings, lights] = [await hearing(orla, 'sensors/+/+'), await hearing(orla, 'lights/+')];
    const [stage, board] = [await devices.connect(demo, 'stage'), await devices.connect(demo, 'board')];
    await tell(stage, 'sensors/house/temperature', '99');
    await tell(stage, 'sensors/stage/people', '99');
    await tell(stage, 'sensors/stage/temperature', 'warm');
    await tell(stage, 'lights/limelight', 'on');
    await tell(board, 'lights/moon', 'on');
    await tell(board, 'lights/limelight', 'half');
    await tell(board, 'lights/limelight', 'off');
    await tell(stage, 'sensors/stage/temperature', '20');
    await until(() => readings.length > 0 && lights.length > 0, 'what is right');
    expect([readings, lights].map((all) => all.map(({ data }) => data))).toEqual([
      [{ value: 20, at: expect.any(Number) }],
      ['off'],
    ]);
  });

  test('is not let in without a token, nor with another’s', async () => {
    const orlas = await demo.passes.issue('orla');
    for (const token of ['', 'wrong', orlas])
      await expect(devices.connect(demo, 'stage', token)).rejects.toMatchObject({ code: 4 });
    await expect(devices.connect(demo, 'moon', await demo.passes.issue('moon'))).rejects.toMatchObject({
      code: 4,
    });
  });

  test('is no person: its token opens no page', async () => {
    const stage = await clientOf('stage');
    await expect(stage.connect()).rejects.toThrow('UNAUTHORIZED');
  });

  test('is no one to send a note to', async () => {
    const orla = await clientOf('orla');
    await devices.connect(demo, 'stage');
    await expect(orla.sendToUser({ type: 'NOTE', text: 'Brr.' }, 'stage')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});

describe('a light', () => {
  test('is commanded by people, and says itself how it is', async () => {
    const orla = await clientOf('orla');
    const heard = await hearing(orla, 'lights/+');
    const board = await devices.board(demo);
    await orla.channel('lights/ghost/set').publish('on');
    await board.obey();
    await until(() => heard.length === 4, 'the answer');
    expect(heard.at(-1)).toMatchObject({ channel: 'lights/ghost', data: 'on' });
  });

  test('is not commanded by devices, and its commands are not for everybody', async () => {
    const [orla, stage] = [await clientOf('orla'), await devices.connect(demo, 'stage')];
    const board = await devices.board(demo);
    await tell(stage, 'lights/ghost/set', 'on');
    const commands = hearing(orla, 'lights/+/set');
    await expect(commands).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const moon = orla.channel('lights/moon/set').publish('on');
    await expect(moon).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const half = orla.channel('lights/ghost/set').publish('half');
    await expect(half).rejects.toMatchObject({ code: 'INVALID_DATA' });
    await orla.channel('lights/limelight/set').publish('on');
    await until(() => board.told.length > 0, 'the command');
    expect(board.told).toEqual(['lights/limelight/set on']);
  });
});

test('with what the page is told anybody is the spare thermometer', async () => {
  const orla = await clientOf('orla');
  const heard = await hearing(orla, 'sensors/+/+');
  const spare = await orla.sendToServer<{ port: number; userName: string; token: string }>({
    type: 'SPARE_THERMOMETER',
  });
  expect(spare.port).toBe(demo.mqttPort);
  const device = await devices.connect(demo, spare.userName, spare.token);
  await tell(device, 'sensors/spare/temperature', '31.5');
  await until(() => heard.length === 1, 'the reading');
  expect(heard[0]).toMatchObject({ from: { userId: 'spare' }, data: { value: 31.5 } });
});

test('a port that is taken is not asked for', async () => {
  const taken = demo.mqttPort;
  expect(await ifFree(taken)).toBe(0);
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port: free } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  expect(await ifFree(free)).toBe(free);
});

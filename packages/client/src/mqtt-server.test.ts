import { connect as connectTcp } from 'node:net';
import type { ServerOptions } from '@callboard/core';
import { mqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Device } from '../test/device.ts';
import { Stage, until } from '../test/support.ts';
import type { Publication } from './index.ts';

/** A browser and a device that has never heard of Callboard, on the same channels. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const open = { canSubscribe: () => true, canPublish: () => true, filters: true } as const;

async function both(channels: ServerOptions['channels']) {
  const mqtt = mqttTransport({ port: 0 });
  const server = await stage.serve({ transports: [webSocketTransport(), mqtt], channels });
  const device = await Device.connect(connectTcp(mqtt.port as number, '127.0.0.1'));
  stage.after(() => device.socket.destroy());
  return { server, device, browser: await stage.online(server, 1) };
}

function heardOf(channel: { subscribe(listener: (publication: Publication) => void): unknown }) {
  const heard: Publication[] = [];
  channel.subscribe((publication) => heard.push(publication));
  return heard;
}

const data = (heard: readonly Publication[]) => heard.map((publication) => publication.data);

describe('from a device to a browser', () => {
  test('by the name of the channel, and through a filter', async () => {
    const { device, browser, server } = await both({ '#': open });
    const [exact, filter] = [browser.channel('tele/kitchen/SENSOR'), browser.channel('tele/+/SENSOR')];
    const [byName, byFilter] = [heardOf(exact), heardOf(filter)];
    await Promise.all([exact.joined(), filter.joined()]);
    await device.publish('tele/kitchen/SENSOR', '21.5');
    await device.publish('tele/hall/SENSOR', '19');
    await stage.delivered(server, [browser]);
    expect(data(byName)).toEqual(['21.5']);
    expect(data(byFilter)).toEqual(['21.5', '19']);
    expect(byName[0]?.from).toMatchObject({ userId: 'device' });
  });

  test('as what the policy says the payload is; what is not that is withheld, and counted', async () => {
    const { device, browser, server } = await both({
      'json/#': { ...open, payload: 'json', schema: z.object({ on: z.boolean() }), history: { size: 5 } },
      'number/#': { ...open, payload: 'number' },
      'raw/#': { ...open, payload: 'raw', retain: true },
    });
    const names = ['json/a', 'number/a', 'raw/a'];
    const heards = names.map((name) => heardOf(browser.channel(name)));
    await Promise.all(names.map((name) => browser.channel(name).joined()));
    await device.subscribe('json/#');
    await device.publish('json/a', '{"on": true}');
    await device.publish('json/a', '{"on": 1}');
    await device.publish('json/a', 'on');
    await device.publish('number/a', '21.50');
    await device.publish('number/a', 'warm');
    await device.publish('raw/a', Buffer.of(255, 0));
    await stage.delivered(server, [browser]);
    expect(heards.map(data)).toEqual([[{ on: true }], [21.5], [new Uint8Array([255, 0])]]);
    expect(server.stats().publications).toMatchObject({ published: 6, withheld: 3 });
    await until(() => device.heard.length === 3, 'the bytes as they came');
    expect(device.heard).toEqual(['json/a {"on": true}', 'json/a {"on": 1}', 'json/a on']);
    const { publications } = await server.channel('json/a').history();
    expect(publications.map((each) => each.data)).toEqual([{ on: true }]);
  });
});

describe('from a browser to a device', () => {
  test('as the policy says, once however many filters fit', async () => {
    const { device, browser } = await both({
      'cmnd/#': open,
      'json/#': { ...open, payload: 'json' },
      'number/#': { ...open, payload: 'number' },
    });
    await device.subscribe('cmnd/+/POWER', 'cmnd/#', 'json/#', 'number/#');
    await browser.channel('cmnd/kitchen/POWER').publish('ON');
    await browser.channel('cmnd/kitchen/POWER').publish({ on: true });
    await browser.channel('json/a').publish('ON');
    await browser.channel('number/a').publish(21.5);
    await browser.channel('json/a').publish(new Uint8Array([65]));
    await until(() => device.heard.length === 5, 'all of it');
    expect(device.heard).toEqual([
      'cmnd/kitchen/POWER ON',
      'cmnd/kitchen/POWER {"on":true}',
      'json/a "ON"',
      'number/a 21.5',
      'json/a A',
    ]);
  });

  test('also the last value of before it came', async () => {
    const { device, browser } = await both({ 'state/#': { ...open, retain: true } });
    await browser.channel('state/lamp').publish('dim');
    await device.subscribe('state/+');
    await until(() => device.heard.length === 1, 'the last value');
    expect(device.heard).toEqual(['state/lamp dim']);
  });

  test('not what it alone is not to be given', async () => {
    const { device, server } = await both({ a: open });
    await device.subscribe('a');
    const [client] = server.users.get('device')?.clients ?? [];
    await server.publish('a', 'not for it', { exclude: client?.id as string });
    await server.publish('a', 'for it');
    await until(() => device.heard.length > 0, 'what is for it');
    expect(device.heard).toEqual(['a for it']);
  });
});

test('a device that dies is offline at once; a user has tabs and devices alike', async () => {
  const { device, server } = await both({});
  const user = server.users.get('device');
  expect(user?.status.status).toBe('ONLINE');
  device.socket.destroy();
  await until(() => !server.users.has('device'), 'its end');
  expect(user?.status.status).toBe('OFFLINE');
});

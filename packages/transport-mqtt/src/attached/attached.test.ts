import type { ServerOptions } from '@callboard/core';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { Node, peer } from '../../test/attached.ts';
import { type ScriptedBroker, wellMeant, withBroker } from '../../test/scripted-broker.ts';
import { open, Stage, until } from '../../test/support.ts';
import { mqttTransport } from '../index.ts';
import type { MqttBrokerOptions } from './options.ts';

let broker: ScriptedBroker;
const endings = withBroker((each) => {
  broker = each;
});

async function join(options: Partial<MqttBrokerOptions> = {}, serverOptions: Partial<ServerOptions> = {}) {
  const node = new Node({ broker: broker.url, ...options }, serverOptions);
  endings.push(() => node.end());
  await node.server.start();
  return node;
}

const publish = (topic: string, payload: string, fields: object = {}) => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 1,
  messageId: 7,
  dup: false,
  retain: false,
  ...fields,
});

describe('the connection', () => {
  test('is of MQTT 5, with a session that stays', async () => {
    const node = await join({ sessionExpiryMs: 90_000 });
    await node.online();
    const [connect] = broker.of('connect');
    expect(connect).toMatchObject({
      protocolVersion: 5,
      clientId: 'callboard-test',
      clean: false,
      properties: { sessionExpiryInterval: 90, receiveMaximum: 20 },
    });
    expect(node.stats).toMatchObject({ connected: 1, version: 5 });
  });

  test.each([
    ['by a 3.1.1 CONNACK', { cmd: 'connack', sessionPresent: false, returnCode: 1, reasonCode: 1 } as Packet],
    [
      'by a CONNACK of MQTT 5',
      { cmd: 'connack', sessionPresent: false, returnCode: 0x84, reasonCode: 0x84 } as Packet,
    ],
    ['without a word', 'close' as const],
  ])('is of 3.1.1 where the broker refuses 5 %s', async (_, refusal) => {
    broker.answer = (packet) =>
      packet.cmd === 'connect' && packet.protocolVersion === 5 ? refusal : wellMeant(packet);
    const node = await join();
    await node.online();
    expect(broker.of('connect').map(({ protocolVersion }) => protocolVersion)).toEqual([5, 4]);
    expect(node.stats.version).toBe(4);
    broker.drop();
    await until(() => !node.broker.connected, 'the loss');
    await node.online();
    expect(broker.of('connect').map(({ protocolVersion }) => protocolVersion)).toEqual([5, 4, 4]);
  });

  test('is tried again later and later, between half and all of the time', async () => {
    broker.answer = () => 'close';
    const node = await join({ protocol: 5, backoff: { minMs: 1_000, maxMs: 4_000 } });
    for (const [attempt, delayMs] of [1_000, 2_000, 4_000, 4_000].entries()) {
      await until(
        () => node.logs.filter(({ message }) => message === 'no broker').length > attempt,
        'a failure',
      );
      expect(broker.connections).toBe(attempt + 1);
      node.clock.advance(delayMs / 2 - 1);
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(broker.connections).toBe(attempt + 1);
      node.clock.advance(delayMs / 2 + 1);
      await until(() => broker.connections === attempt + 2, 'the next attempt');
    }
    expect(node.events).not.toContain('BROKER_ONLINE');
  });

  test('options that are none are refused at once', () => {
    expect(() => mqttTransport({ broker: 'http://x' })).toThrow(TypeError);
    expect(() => mqttTransport({ broker: 'mqtt://x', topics: ['a/#/b'] })).toThrow(TypeError);
    expect(() => mqttTransport({ broker: 'mqtt://x', group: 'a/b' })).toThrow(TypeError);
    expect(() => mqttTransport({ broker: 'mqtt://x', availability: [{ topic: '' }] })).toThrow(TypeError);
    expect(() => mqttTransport({ broker: 'mqtt://x', limits: { maxQueued: 0 } })).toThrow(RangeError);
  });
});

describe('what goes out', () => {
  test('is sent again until it is acknowledged, over connections', async () => {
    broker.answer = (packet) => (packet.cmd === 'publish' ? undefined : wellMeant(packet));
    const node = await join();
    await node.online();
    await node.server.publish('a', 'one');
    const [first] = await broker.has('publish', 1);
    broker.drop();
    await until(() => !node.broker.connected, 'the loss');
    await node.server.publish('a', 'two');
    broker.answer = wellMeant;
    await node.online();
    await node.heard(() => node.stats.queued === 0, 'acknowledgements');
    // [MQTT-4.4.0-1], [MQTT-3.3.1-1]
    expect(broker.of('publish').map(({ payload, dup, messageId }) => [`${payload}`, dup, messageId])).toEqual(
      [
        ['one', false, first?.messageId],
        ['one', true, first?.messageId],
        ['two', false, expect.any(Number)],
      ],
    );
    expect(node.stats.sent).toBe(2);
  });

  test('carries the mark, the last value’s flag and the content type', async () => {
    const node = await join(
      { group: 'stage' },
      { channels: { j: { ...open, payload: 'json', retain: true }, '#': open } },
    );
    await node.online();
    await node.server.publish('j', { a: 1 });
    const [sent] = await broker.has('publish', 1);
    expect(sent).toMatchObject({
      retain: true,
      qos: 1,
      properties: { contentType: 'application/json', userProperties: { callboard: 'stage' } },
    });
    expect(`${sent?.payload}`).toBe('{"a":1}');
  });

  test('that the broker does not want is counted, and does not hold up the rest', async () => {
    broker.answer = (packet) =>
      packet.cmd === 'publish' && packet.topic === 'no'
        ? { cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x87 }
        : wellMeant(packet);
    const node = await join();
    await node.online();
    await node.server.publish('no', '');
    await node.server.publish('yes', '');
    await node.heard(() => node.stats.sent === 1, 'the second');
    expect(node.stats).toMatchObject({ refused: 1, queued: 0 });
  });

  test('larger than the broker takes stays here [MQTT-3.2.2-15]', async () => {
    broker.answer = (packet) =>
      packet.cmd === 'connect'
        ? ({ ...wellMeant(packet), properties: { maximumPacketSize: 1_000 } } as Packet)
        : wellMeant(packet);
    const node = await join();
    await node.online();
    await node.server.publish('a', 'x'.repeat(1_000));
    await node.server.publish('a', 'short');
    await node.heard(() => node.stats.sent === 1, 'the short one');
    expect(broker.of('publish').map(({ payload }) => `${payload}`)).toEqual(['short']);
    expect(node.stats.refused).toBe(1);
  });

  test('at most once does not block what comes after a connection that took no more', async () => {
    const node = await join({ qos: 0, limits: { maxQueuedBytes: 100_000_000, maxPacketBytes: 1_000_000 } });
    await node.online();
    broker.pause();
    for (let i = 0; i < 40; i++) await node.server.publish('a', 'x'.repeat(900_000));
    expect(node.stats.queued).toBeGreaterThan(20);
    broker.drop();
    await until(() => !node.broker.connected, 'the loss');
    await node.online();
    await node.heard(() => node.stats.queued === 0, 'the rest');
  });

  test('of topics that go in only does not', async () => {
    const node = await join({
      topics: [
        { filter: 'tele/#', direction: 'in' },
        { filter: 'cmnd/#', direction: 'out' },
      ],
    });
    await node.online();
    await node.server.publish('tele/a', '');
    await node.server.publish('cmnd/a', '');
    await broker.has('publish', 1);
    expect(broker.of('publish').map(({ topic }) => topic)).toEqual(['cmnd/a']);
    const asked = broker.of('subscribe').flatMap(({ subscriptions }) => subscriptions);
    expect(asked).toMatchObject([{ topic: 'tele/#', nl: true }]);
  });
});

describe('what comes in', () => {
  test('is acknowledged when the channel has taken it, which is asked again', async () => {
    const node = await join(
      {},
      { limits: { maxServerChannels: 1 }, channels: { '#': { ...open, retain: true } } },
    );
    await node.online();
    const watched = node.server.channel('one').publications$.subscribe();
    broker.send(publish('two', 'late'));
    await node.heard(() => node.stats.received === 1, 'the message');
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(broker.of('puback')).toEqual([]);
    watched.unsubscribe();
    await until(() => {
      node.clock.advance(1_000);
      return broker.of('puback').length === 1;
    }, 'the acknowledgement');
    node.watch('two');
    expect(node.server.stats().channels).toBe(1);
    expect(node.stats.refused).toBe(0);
  });

  test('is withheld where it is no data of its channel, and counted', async () => {
    const node = await join({}, { channels: { '#': { ...open, payload: 'number' } } });
    node.watch('a');
    await node.online();
    broker.send(publish('a', 'warm'));
    broker.send(publish('a', '21.5'));
    await broker.has('puback', 2);
    expect(node.told).toEqual(['a=21.5']);
    expect(node.server.stats().publications.withheld).toBe(1);
  });

  test('is taken once where the broker sends it for each subscription that fits [MQTT-3.3.4-2]', async () => {
    const node = await join({ topics: ['a/+', '+/b'] });
    node.watch('a/b');
    await node.online();
    for (const subscriptionIdentifier of [1, 2])
      broker.send(publish('a/b', 'once', { properties: { subscriptionIdentifier } }));
    broker.send(publish('a/b', 'both', { properties: { subscriptionIdentifier: [1, 2] } }));
    await broker.has('puback', 3);
    expect(node.told).toEqual(['a/b=once', 'a/b=both']);
  });

  test('of one’s own is known by its mark', async () => {
    const node = await join();
    node.watch('a');
    await node.online();
    broker.send(publish('a', 'own', { properties: { userProperties: { callboard: 'callboard-test' } } }));
    broker.send(publish('a', 'other', { properties: { userProperties: { callboard: 'another' } } }));
    await broker.has('puback', 2);
    expect(node.told).toEqual(['a=other']);
    expect(node.stats.echoes).toBe(1);
  });

  test('as an old value is no news while a newer one waits to go', async () => {
    const node = await join({ protocol: 4 }, { channels: { '#': { ...open, retain: true } } });
    broker.answer = (packet) => (packet.cmd === 'publish' ? undefined : wellMeant(packet));
    node.watch('a');
    await node.online();
    await node.server.publish('a', 'new');
    await broker.has('publish', 1);
    broker.send(publish('a', 'old', { retain: true }));
    broker.send(publish('b', 'other', { retain: true }));
    await broker.has('puback', 2);
    expect(node.told).toEqual(['a=new']);
    expect(node.stats.ignored).toBe(1);
  });

  test('is not acknowledged to a connection that did not bring it', async () => {
    const node = await join(
      {},
      { limits: { maxServerChannels: 1 }, channels: { '#': { ...open, retain: true } } },
    );
    await node.online();
    const watched = node.server.channel('one').publications$.subscribe();
    broker.send(publish('two', 'late'));
    await node.heard(() => node.stats.received === 1, 'the message');
    broker.drop();
    await until(() => !node.broker.connected, 'the loss');
    await node.online();
    watched.unsubscribe();
    await node.heard(() => node.server.stats().publications.published === 1, 'the publication');
    broker.send(publish('two', 'next', { messageId: 8 }));
    await broker.has('puback', 1);
    expect(broker.of('puback').map(({ messageId }) => messageId)).toEqual([8]);
  });

  test('as a retained message is told once, also one’s own after a restart', async () => {
    const node = await join({}, { channels: { '#': { ...open, retain: true } } });
    node.watch('a');
    await node.online();
    const properties = { userProperties: { callboard: 'callboard-test' } };
    for (const text of ['kept', 'kept', 'newer'])
      broker.send(publish('a', text, { retain: true, properties }));
    await broker.has('puback', 3);
    expect(node.told).toEqual(['a=kept', 'a=newer']);
    expect(node.stats).toMatchObject({ ignored: 1, echoes: 0 });
  });

  test('empty, into a channel with a last value, forgets it', async () => {
    const node = await join({}, { channels: { '#': { ...open, retain: true } } });
    await node.online();
    broker.send(publish('a', 'x'));
    await broker.has('puback', 1);
    expect(node.server.stats().channels).toBe(1);
    broker.send(publish('a', ''));
    await broker.has('puback', 2);
    expect(node.server.stats().channels).toBe(0);
  });
});

describe('Callboard’s own gateway as the broker', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
    endings.push(() => stage.end());
  });

  test('two servers, by 3.1.1: there is no loop, and nothing is told twice', async () => {
    await stage.serve();
    const url = `mqtt://127.0.0.1:${stage.mqtt.port}`;
    const node = await join({ broker: url, protocol: 4 });
    node.watch('a');
    await node.online();
    const device = await peer(url, 'a', { protocolVersion: 4 });
    endings.push(() => device.client.endAsync(true));
    for (let i = 0; i < 20; i++) {
      await device.client.publishAsync('a', `in ${i}`, { qos: 1 });
      await node.server.publish('a', 'the same');
    }
    await node.heard(() => node.told.length >= 40 && node.stats.echoes === 20, 'all');
    await until(() => device.got.length >= 40, 'all');
    expect(node.told.filter((each) => each === 'a=the same')).toHaveLength(20);
    expect(node.told).toHaveLength(40);
    expect(device.got).toHaveLength(40);
  });

  test('a rule or an observer that fails costs neither what comes after nor what the channels get', async () => {
    const node = await join({
      availability: [
        {
          topic: '+/status',
          device: ([name]) => {
            if (name === 'bad') throw new Error('no such device');
            return name as string;
          },
        },
      ],
    });
    node.watch('bad/status');
    node.broker.devices$.subscribe(() => {
      throw new Error('an observer of the application');
    });
    await node.online();
    for (const topic of ['bad/status', 'good/status']) broker.send(publish(topic, 'online'));
    await broker.has('puback', 2);
    expect(node.told).toEqual(['bad/status=online']);
    expect([...node.broker.devices.keys()]).toEqual(['good']);
    expect(node.logs.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test.each([
    ['Tasmota', { topic: 'tele/+/LWT', online: 'Online', offline: 'Offline' }, 'tele/lamp/LWT', 'lamp'],
    ['ESPHome', { topic: '+/status' }, 'bedroom/status', 'bedroom'],
    ['Home Assistant', { topic: 'homeassistant/status' }, 'homeassistant/status', 'homeassistant'],
    [
      'one of its own naming',
      { topic: 'site/+/+/state', device: (levels: readonly string[]) => `${levels[2]}@${levels[1]}` },
      'site/hall/fan/state',
      'fan@hall',
    ],
  ])('devices of %s come and go by their availability topics', async (_, availability, topic, device) => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    const { online = 'online', offline = 'offline' } = availability as { online?: string; offline?: string };
    await stage.server.publish(topic, online);
    const node = await join({
      broker: `mqtt://127.0.0.1:${stage.mqtt.port}`,
      protocol: 4,
      topics: [],
      availability: [availability],
    });
    const changes: unknown[] = [];
    node.broker.devices$.subscribe((change) => changes.push([change.device, change.online]));
    await node.online();
    await node.heard(() => changes.length === 1, 'what was retained');
    for (const said of [online, 'something else', online, offline, offline, online])
      await stage.server.publish(topic, said);
    await node.heard(() => changes.length === 3, 'three changes');
    expect(changes).toEqual([
      [device, true],
      [device, false],
      [device, true],
    ]);
    expect(node.stats.devicesOnline).toBe(1);
    expect(node.events.filter((type) => type.startsWith('DEVICE'))).toEqual([
      'DEVICE_ONLINE',
      'DEVICE_OFFLINE',
      'DEVICE_ONLINE',
    ]);
  });
});

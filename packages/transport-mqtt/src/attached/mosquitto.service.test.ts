import type { Gateway, ServerOptions } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import mqtt from 'mqtt';
import { Node, peer } from '../../test/attached.ts';
import { authority } from '../../test/certificates.ts';
import { Mosquitto, mosquittoIsHere } from '../../test/mosquitto.ts';
import { open, until } from '../../test/support.ts';
import { mqttTransport } from '../index.ts';
import type { MqttBrokerOptions } from './options.ts';

/** Debian's Mosquitto as the broker that Callboard joins. */

jest.setTimeout(30_000);

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!mosquittoIsHere && !required) process.stderr.write('Skipped: no mosquitto here.\n');
const withMosquitto = mosquittoIsHere || required ? describe : describe.skip;

withMosquitto.each([5, 4] as const)('a Mosquitto, protocol %i', (protocol) => {
  let broker: Mosquitto;
  const endings: (() => unknown)[] = [];

  beforeEach(async () => {
    if (!mosquittoIsHere) throw new Error('no mosquitto here: install it');
    broker = await Mosquitto.onFreePort();
    endings.push(() => broker.end());
  });
  afterEach(async () => {
    for (const ending of endings.splice(0).reverse()) await ending();
  });

  function node(
    options: Partial<MqttBrokerOptions>,
    serverOptions: Partial<ServerOptions> = {},
    others: Gateway[] = [],
  ): Node {
    const made = new Node({ broker: broker.url, protocol, ...options }, serverOptions, others);
    endings.push(() => made.end());
    return made;
  }
  async function other(filter: string, options: mqtt.IClientOptions = {}) {
    const made = await peer(broker.url, filter, { protocolVersion: protocol, ...options });
    endings.push(() => made.client.endAsync(true));
    return made;
  }
  /** Everything that was sent before has come where it is to come. */
  async function settled(here: Node, { client, got }: Awaited<ReturnType<typeof other>>): Promise<void> {
    here.watch('end/in');
    await client.publishAsync('end/in', '', { qos: 1 });
    await here.heard(() => here.told.includes('end/in='), 'the last message');
    await here.server.publish('end/out', '');
    await until(() => got.some((each) => each.startsWith('end/out=')), 'the last publication');
  }

  test('goes both ways, through wildcards, and each publication once', async () => {
    await broker.start();
    // Filters that overlap bring one message twice with some brokers.
    const here = node({ topics: ['tele/+/SENSOR', 'tele/kitchen/+', 'end/#', 'cmnd/+/POWER'] });
    await here.server.start();
    await here.online();
    here.watch('tele/kitchen/SENSOR', 'cmnd/kitchen/POWER', 'other/kitchen');
    const device = await other('#');
    await device.client.publishAsync('tele/kitchen/SENSOR', '21.50', { qos: 1 });
    await device.client.publishAsync('other/kitchen', 'not bridged', { qos: 1 });
    await here.heard(() => here.told.length > 0, 'the reading');
    await here.server.publish('cmnd/kitchen/POWER', 'ON');
    await here.server.publish('other/kitchen', 'nor this');
    await settled(here, device);
    expect(here.told.filter((each) => !each.startsWith('end'))).toEqual([
      'tele/kitchen/SENSOR=21.50',
      'cmnd/kitchen/POWER=ON',
      'other/kitchen=nor this',
    ]);
    expect(device.got.filter((each) => !each.startsWith('end'))).toEqual([
      'tele/kitchen/SENSOR=21.50',
      'other/kitchen=not bridged',
      'cmnd/kitchen/POWER=ON',
    ]);
  });

  test('a hundred publications make a hundred, each way: there is no loop', async () => {
    await broker.start();
    const here = node({});
    await here.server.start();
    await here.online();
    here.watch('a');
    const device = await other('#');
    for (let i = 0; i < 100; i++) {
      await device.client.publishAsync('a', `in ${i}`, { qos: 1 });
      await here.server.publish('a', `out ${i}`);
    }
    await settled(here, device);
    const counts = (all: string[], way: string) => all.filter((each) => each.startsWith(`a=${way}`)).length;
    expect([counts(here.told, 'in'), counts(here.told, 'out')]).toEqual([100, 100]);
    expect([counts(device.got, 'in'), counts(device.got, 'out')]).toEqual([100, 100]);
    await here.heard(() => here.stats.queued === 0, 'acknowledgements');
    expect(here.stats.sent).toBe(101);
  });

  test('takes last values over, and tells none again that it has', async () => {
    await broker.start();
    const device = await other('#');
    await device.client.publishAsync('t/known', 'one', { qos: 1, retain: true });
    await device.client.publishAsync('t/plain', 'old', { qos: 1, retain: true });
    const here = node({}, { channels: { 't/known': { ...open, retain: true }, '#': open } });
    here.watch('t/known', 't/plain');
    await here.server.start();
    await here.heard(() => here.told.includes('t/known=one'), 'the last value');
    await broker.kill('SIGTERM');
    await until(() => !here.broker.connected, 'the loss');
    await broker.start();
    await here.online();
    const again = await other('#');
    await settled(here, again);
    // At both times the one of a channel that keeps none, the second time that which it knew.
    await here.heard(() => (here.stats.ignored ?? 0) >= 3, 'old values');
    expect(here.told).toEqual(['t/known=one', 'end/in=']);
    await here.server.publish('t/known', 'two');
    await until(() => again.got.includes('t/known=two'), 'the new value');
    const late = await other('t/known');
    await until(() => late.got.length > 0, 'what is retained');
    expect(late.got).toEqual(['t/known=two!']);
  });

  test('what either side publishes while the broker is dead comes when it is back', async () => {
    await broker.start();
    const here = node({});
    await here.server.start();
    await here.online();
    const before = await other('out', {
      clientId: 'reader',
      clean: false,
      properties: { sessionExpiryInterval: 600 },
    });
    await broker.kill();
    await until(() => !here.broker.connected, 'the loss');
    for (const text of ['one', 'two', 'three']) await here.server.publish('out', text);
    expect(here.stats).toMatchObject({ connected: 0, queued: 3 });
    expect(before.got).toEqual([]);
    await broker.start();
    const reader = await other('out', {
      clientId: 'reader',
      clean: false,
      properties: { sessionExpiryInterval: 600 },
    });
    await here.online();
    await until(() => reader.got.length >= 3, 'the three');
    expect(reader.got).toEqual(['out=one', 'out=two', 'out=three']);
    await here.heard(() => here.stats.queued === 0, 'acknowledgements');
    expect(here.events.filter((type) => type.startsWith('BROKER'))).toEqual([
      'BROKER_ONLINE',
      'BROKER_OFFLINE',
      'BROKER_ONLINE',
    ]);
  });

  test('what was not acknowledged comes again after a kill of the broker: it was acknowledged when the stream had it', async () => {
    await broker.start();
    // The schema of a channel keeps it waiting.
    let accept: (() => void) | undefined;
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          new Promise<{ value: unknown }>((resolve) => {
            accept = () => resolve({ value });
          }),
      },
    } as const;
    const here = node({}, { channels: { slow: { ...open, schema }, '#': open } });
    here.watch('slow', 'after');
    await here.server.start();
    await here.online();
    const device = await other('nothing');
    await device.client.publishAsync('slow', 'one', { qos: 1 });
    await device.client.publishAsync('after', 'two', { qos: 1 });
    await until(() => accept !== undefined, 'the check');
    expect(here.told).toEqual([]);
    accept = undefined;
    await broker.saved('slow', 'after');
    await broker.kill();
    await until(() => !here.broker.connected, 'the loss');
    await broker.start();
    await here.online();
    await until(() => accept !== undefined, 'the check of what came again');
    (accept as unknown as () => void)();
    await here.heard(() => here.told.includes('after=two'), 'what was behind it');
    expect(here.told).toEqual(['slow=one', 'after=two']);
  });

  test('what came for a server that was away, to a broker that was killed meanwhile, waits for it', async () => {
    await broker.start();
    const before = node({});
    await before.server.start();
    await before.online();
    await before.heard(() => before.stats.connected === 1, 'the session');
    const device = await other('#');
    await settled(before, device);
    await before.end();
    for (const text of ['one', 'two']) await device.client.publishAsync('a', text, { qos: 1 });
    await broker.kill('SIGTERM');
    await broker.start();
    const here = node({});
    here.watch('a');
    await here.server.start();
    await here.online();
    await here.heard(() => here.told.length >= 2, 'what waited');
    expect(here.told).toEqual(['a=one', 'a=two']);
  });

  test('two nodes of a group split what comes, and what one sends no node takes for new', async () => {
    await broker.start();
    const nodes = ['one', 'two'].map((clientId) =>
      node({ clientId, group: 'stage', topics: ['a', 'b', 'end/#'] }),
    );
    for (const each of nodes) {
      each.watch('a', 'b');
      await each.server.start();
      await each.online();
    }
    const [one, two] = nodes as [Node, Node];
    const device = await other('#');
    for (let i = 0; i < 40; i++) await device.client.publishAsync('a', `${i}`, { qos: 1 });
    await until(() => one.told.length + two.told.length >= 40, 'all of them');
    expect([...one.told, ...two.told].map((each) => Number(each.slice(2))).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    );
    expect(one.told.length).toBeGreaterThan(5);
    expect(two.told.length).toBeGreaterThan(5);
    if (protocol === 4) return; // It has no mark.
    for (let i = 0; i < 10; i++) await one.server.publish('b', `${i}`);
    await until(() => (one.stats.echoes ?? 0) + (two.stats.echoes ?? 0) === 10, 'what came back');
    expect(two.told.filter((each) => each.startsWith('b'))).toEqual([]);
    expect(device.got.filter((each) => each.startsWith('b'))).toHaveLength(10);
  });

  test('nodes of a group have the last values', async () => {
    if (protocol === 4) return; // No subscription identifiers: documented.
    await broker.start();
    const device = await other('#');
    await device.client.publishAsync('a', 'kept', { qos: 1, retain: true });
    const here = node({ group: 'stage' }, { channels: { '#': { ...open, retain: true } } });
    here.watch('a');
    await here.server.start();
    await here.heard(() => here.told.length > 0, 'the last value');
    await device.client.publishAsync('a', 'new', { qos: 1 });
    await here.heard(() => here.told.length > 1, 'the next one');
    await settled(here, device);
    expect(here.told).toEqual(['a=kept', 'a=new', 'end/in=']);
  });

  test('a broker that is not there at the start is joined when it comes', async () => {
    const here = node({});
    here.watch('a');
    await here.server.start();
    await here.server.publish('a', 'the rest works');
    await until(() => here.told.length === 1, 'the publication');
    expect(here.stats).toMatchObject({ connected: 0, queued: 1 });
    await broker.start();
    const device = await other('#');
    await here.online();
    await here.heard(() => device.got.length > 0, 'what waited');
    expect(device.got).toEqual(['a=the rest works']);
  });

  test('a device behind the broker that dies is offline by its will', async () => {
    await broker.start();
    const here = node({
      availability: [
        { topic: 'tele/+/LWT', online: 'Online', offline: 'Offline', userId: (name) => `plug:${name}` },
      ],
    });
    await here.server.start();
    await here.online();
    const will = { topic: 'tele/lamp/LWT', payload: Buffer.from('Offline'), qos: 1, retain: true } as const;
    const lamp = await mqtt.connectAsync(broker.url, { protocolVersion: protocol, reconnectPeriod: 0, will });
    await lamp.publishAsync('tele/lamp/LWT', 'Online', { qos: 1, retain: true });
    await here.heard(() => here.broker.devices.get('lamp')?.online === true, 'the lamp');
    await until(() => here.server.users.get('plug:lamp')?.status.status === 'ONLINE', 'the user');
    lamp.stream.destroy();
    await here.heard(() => here.broker.devices.get('lamp')?.online === false, 'its will');
    expect(here.events.filter((type) => type.startsWith('DEVICE'))).toEqual([
      'DEVICE_ONLINE',
      'DEVICE_OFFLINE',
    ]);
    expect(here.server.users.size).toBe(0);
  });

  test('is joined over TLS, and shown a certificate; one that nobody has signed for is not', async () => {
    const { ca, sign } = authority();
    const secure = await Mosquitto.onFreePort({ ca, ...sign('broker') });
    endings.push(() => secure.end());
    await secure.start();
    const own = sign('callboard');
    const here = node({ broker: secure.url, connection: { ca, ...own } });
    const wary = node({ broker: secure.url, clientId: 'wary', connection: own });
    for (const each of [here, wary]) {
      each.watch('a');
      await each.server.start();
    }
    await here.online();
    await here.server.publish('a', 'out');
    const device = await peer(secure.url, 'a', { protocolVersion: protocol, ca, ...own });
    endings.push(() => device.client.endAsync(true));
    await device.client.publishAsync('a', 'in', { qos: 1 });
    await here.heard(() => here.told.includes('a=in'), 'what is over TLS');
    await until(() => wary.logs.some(({ message }) => message === 'no broker'), 'the refusal');
    const [refusal] = wary.logs.filter(({ message }) => message === 'no broker');
    expect(String(refusal?.fields?.reason)).toMatch(/certificate|self.signed/);
    await wary.server.publish('a', 'here');
    expect([wary.told, wary.broker.connected]).toEqual([['a=here'], false]);
  });

  test('while the broker is away so many publications wait, and the oldest go', async () => {
    await broker.start();
    const here = node({ limits: { maxQueued: 3 } });
    await here.server.start();
    await here.online();
    await broker.kill();
    await until(() => !here.broker.connected, 'the loss');
    for (let i = 1; i <= 10; i++) await here.server.publish('out', `${i}`);
    await here.server.publish('out', 'x'.repeat(2_000_000));
    expect(here.stats).toMatchObject({ queued: 3, queuedBytes: 4, dropped: 8 });
    await broker.start();
    const reader = await other('out');
    await here.online();
    await until(() => reader.got.length >= 3, 'the three');
    expect(reader.got).toEqual(['out=8', 'out=9', 'out=10']);
  });

  describe('with `retain: marked`', () => {
    /** A server that lets devices in itself, too. */
    async function marking() {
      const devices = mqttTransport({ port: 0 });
      const here = node({}, { channels: { '#': { ...open, retain: 'marked' } } }, [devices]);
      /** What a device is given that comes now: `topic=payload`. */
      const last = async (filter: string) => {
        const { client, got } = await peer(`mqtt://127.0.0.1:${devices.port}`, filter);
        await client.publishAsync(filter.replace('#', 'end'), '', { qos: 1 });
        await until(() => got.some((each) => each.includes('/end=')), 'what comes after it');
        await client.endAsync();
        return got.filter((each) => !each.includes('/end')).sort();
      };
      await here.server.start();
      await here.online();
      return { here, devices, last };
    }

    test('goes out marked what devices mark', async () => {
      await broker.start();
      const { here, devices } = await marking();
      const device = await other('#');
      const own = await mqtt.connectAsync(`mqtt://127.0.0.1:${devices.port}`, { protocolVersion: protocol });
      endings.push(() => own.endAsync(true));
      await own.publishAsync('b/marked', 'one', { qos: 1, retain: true });
      await own.publishAsync('b/plain', 'two', { qos: 1 });
      await settled(here, device);
      const there = await other('b/#');
      await until(() => there.got.length > 0, 'what is retained');
      expect(there.got).toEqual(['b/marked=one!']);
    });

    test('what the broker keeps is the last value: at the start, as it changes, and after a loss', async () => {
      await broker.start();
      const device = await other('nothing', { clientId: 'device' });
      const say = (topic: string, payload: string, retain = true) =>
        device.client.publishAsync(topic, payload, { qos: 1, retain });
      await say('a/old', 'kept');
      await say('a/cleared', 'kept');
      const { here, last } = await marking();
      here.watch('a/old', 'a/cleared', 'a/live', 'a/later');
      if (protocol === 4) {
        // It does not say what it keeps of what is published.
        await say('a/live', 'one');
        await here.heard(() => here.told.includes('a/live=one'), 'the publication');
        return expect([here.told, await last('a/#')]).toEqual([['a/live=one'], []]);
      }
      await here.heard(() => here.told.length >= 2, 'what is kept');
      await say('a/live', 'unmarked', false);
      await say('a/live', 'one');
      await say('a/old', 'unmarked', false);
      await say('a/cleared', '');
      await here.heard(() => here.told.length >= 6, 'what is published');
      expect(await last('a/#')).toEqual(['a/live=one!', 'a/old=kept!']);
      // The other subscription takes the place of the first.
      here.clock.advance(5_000);
      await say('a/live', 'two');
      await here.heard(() => here.told.includes('a/live=two'), 'what is marked');
      await say('a/live', '');
      await say('a/later', 'one');
      await here.heard(() => here.told.includes('a/later=one'), 'what is marked');
      expect(await last('a/#')).toEqual(['a/later=one!', 'a/old=kept!']);
      const { length } = here.told;
      await broker.kill('SIGTERM');
      await until(() => !here.broker.connected, 'the loss');
      await broker.start();
      // At most once: a broker keeps nothing of it for who is away.
      const back = await peer(broker.url, 'nothing', { protocolVersion: protocol });
      endings.push(() => back.client.endAsync(true));
      await back.client.publishAsync('a/old', '', { retain: true });
      await back.client.publishAsync('a/later', 'two', { retain: true });
      await back.client.publishAsync('nothing', '', { qos: 1 });
      await here.online();
      await here.heard(() => here.told.length > length, 'what is kept');
      here.clock.advance(5_000);
      here.clock.advance(5_000);
      await here.heard(() => here.told.length >= length + 2, 'what is not');
      expect(here.told.slice(length)).toEqual(['a/later=two', 'a/old=']);
      expect(await last('a/#')).toEqual(['a/later=two!']);
    });

    test('what it has published itself is there when it comes back', async () => {
      if (protocol === 4) return;
      await broker.start();
      const { here, devices } = await marking();
      const own = await mqtt.connectAsync(`mqtt://127.0.0.1:${devices.port}`);
      await own.publishAsync('a/own', 'one', { qos: 1, retain: true });
      await own.endAsync();
      await here.heard(() => here.stats.sent === 1, 'the acknowledgement');
      await here.end();
      const { here: again, last } = await marking();
      await again.heard(() => (again.stats.received ?? 0) > 0, 'what is kept');
      expect(await last('a/#')).toEqual(['a/own=one!']);
    });
  });
});

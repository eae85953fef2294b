import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  bare,
  ends,
  gone,
  illFormed,
  lasting,
  publish,
  reader,
  record,
  subscribePacket5,
  textOf,
  versions,
  wire,
} from '../../test/conformance.ts';
import { open, publishPacket, Stage, subscribePacket } from '../../test/support.ts';

/** Section 3.3: PUBLISH; what is retained is in `3.3-retain.test.ts`, the ways of QoS in `4.3-qos.test.ts`. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  test.each([
    ['both bits of QoS', wire(0x36, 'a', 0, 1, bare(version)), 0x81],
    ['DUP with QoS 0', wire(0x38, 'a', bare(version)), 0x81],
    ['an ill-formed topic', wire(0x30, illFormed, bare(version)), 0x81],
    ['+ in a topic', wire(0x30, 'a/+', bare(version)), 0x81],
    ['# in a topic', wire(0x30, '#', bare(version)), 0x81],
    ['a topic that is longer than the packet', wire(0x30, Buffer.of(0, 9, 97)), 0x81],
    ['no topic', wire(0x30), 0x81],
    ['no packet id', wire(0x32, 'a'), 0x81],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, version, bytes, reasonCode));

  test('its DUP is not passed on: what is sent again has one of its own', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['a', 1]);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', 'x', { dup: true });
    expect(await heard.next('publish')).toMatchObject({ dup: false });
    await gone(stage, heard);
    const back = await stage.connected('reader', lasting(version), version);
    expect(await back.next('publish')).toMatchObject({ dup: true });
  });

  test('is sent with DUP 0 where it has QoS 0', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['a', 0]);
    const writer = await stage.connected('w', {}, version);
    await publish(writer, 'a', 'x', { dup: true });
    expect(await heard.next('publish')).toMatchObject({ dup: false, qos: 0 });
  });

  test('is given by what fits a filter, and by nothing else', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['a/+'], ['b/#'], ['c']);
    const fits = ['a/x', 'b', 'b/x', 'b/x/y', 'c'];
    for (const topic of ['a', ...fits, 'a/x/y', 'c/x', 'd', 'A/x']) await stage.server.publish(topic, 'x');
    const topics = (await heard.rest()).map((each) => each.cmd === 'publish' && each.topic);
    expect(topics).toEqual(fits);
  });

  test('is answered as its QoS says', async () => {
    await stage.serve();
    const device = await stage.connected('c', {}, version);
    device.send(publishPacket('a', 'x'));
    await device.quiet();
    device.send(publishPacket('a', 'x', { qos: 1, messageId: 1 }));
    await device.next('puback');
    device.send(publishPacket('a', 'x', { qos: 2, messageId: 2 }));
    await device.next('pubrec');
  });

  test('is given once where several filters fit, with the highest QoS', async () => {
    await stage.serve();
    const heard = await reader(stage, version, 'reader', ['a/b', 0], ['a/#', 2], ['+/b', 1]);
    await stage.server.publish('a/b', 'x');
    expect(await heard.next('publish')).toMatchObject({ qos: 2 });
    await heard.quiet();
  });

  test('which may not be is answered, and goes nowhere', async () => {
    await stage.serve({ channels: { open, '#': { canSubscribe: () => true, filters: true } } });
    const heard = await reader(stage, version, 'reader', ['#']);
    const writer = await stage.connected('w', {}, version);
    writer.send(publishPacket('closed', 'x', { qos: 1, messageId: 1 }));
    expect(await writer.next('puback')).toMatchObject(version === 5 ? { reasonCode: 0x87 } : {});
    writer.send(publishPacket('closed', 'x', { qos: 2, messageId: 2 }));
    expect(await writer.next('pubrec')).toMatchObject(version === 5 ? { reasonCode: 0x87 } : {});
    await heard.quiet();
  });
});

describe('MQTT 5', () => {
  test.each([
    ['neither a topic nor an alias', wire(0x30, '', 0), 0x82],
    ['alias 0', wire(0x30, 'a', 3, 0x23, 0, 0), 0x94],
    ['an alias above the maximum', wire(0x30, 'a', 3, 0x23, 0, 17), 0x94],
    ['an alias that stands for nothing', wire(0x30, '', 3, 0x23, 0, 5), 0x82],
    ['a subscription identifier in PUBLISH', wire(0x30, 'a', 2, 0x0b, 1), 0x82],
    ['a response topic with a wildcard', wire(0x30, 'a', 4, 0x08, '#'), 0x82],
    ['properties beyond the packet', wire(0x30, 'a', 9), 0x81],
  ])('%s ends it', (_, bytes, reasonCode) => ends(stage, 5, bytes, reasonCode));

  test('takes an alias for its topic, of this connection alone', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    device.send(subscribePacket(1, ['#']));
    await device.next('suback');
    device.send(
      publishPacket('a', '1', { properties: { topicAlias: 3 } }),
      publishPacket('', '2', { properties: { topicAlias: 3 } }),
      publishPacket('b', '3', { properties: { topicAlias: 3 } }),
      publishPacket('', '4', { properties: { topicAlias: 3 } }),
    );
    const heard = [];
    for (let i = 0; i < 4; i++) heard.push(await device.next('publish'));
    expect(heard.map((each) => `${each.topic} ${textOf(each)}`)).toEqual(['a 1', 'a 2', 'b 3', 'b 4']);
    expect(heard[0]).not.toHaveProperty('properties.topicAlias');
    const other = await stage.connected5('d');
    other.send(publishPacket('', '2', { properties: { topicAlias: 3 } }));
    expect(await other.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
  });

  test('takes all aliases up to the maximum, each for its topic, and none over to another connection', async () => {
    await stage.serve();
    const heard = await reader(stage, 5, 'reader', ['#']);
    const device = await stage.connected5('c', lasting(5));
    const aliases = Array.from({ length: 16 }, (_, i) => i + 1);
    for (const topicAlias of aliases)
      device.send(publishPacket(`a/${topicAlias}`, 'x', { properties: { topicAlias } }));
    for (const topicAlias of aliases) device.send(publishPacket('', 'y', { properties: { topicAlias } }));
    await device.quiet();
    const topics = (await heard.rest()).map((each) => each.cmd === 'publish' && each.topic);
    const named = aliases.map((each) => `a/${each}`);
    expect(topics).toEqual([...named, ...named]);
    await gone(stage, device);
    const back = await stage.connected5('c', lasting(5));
    back.send(publishPacket('', 'z', { properties: { topicAlias: 1 } }));
    expect(await back.next('disconnect')).toMatchObject({ reasonCode: 0x82 });
  });

  test.each([true, false])(
    'has its properties passed on as they came, an indicator %s too',
    async (payloadFormatIndicator) => {
      const server = await stage.serve({ channels: { '#': { ...open, history: { size: 5 } } } });
      const [device, old] = [await stage.connected5('c'), await stage.connected('old')];
      for (const each of [device, old]) {
        each.send(subscribePacket(1, ['#', 1]));
        await each.next('suback');
      }
      const properties = {
        payloadFormatIndicator,
        contentType: 'application/json; charset=utf-8',
        responseTopic: 'answers/c',
        correlationData: Buffer.of(0, 255),
        userProperties: { unit: 'C', tag: ['a', 'b'] },
      };
      device.send(publishPacket('a', '{"celsius": 21.50}', { qos: 1, messageId: 1, properties }));
      const came = await device.next('publish');
      await device.next('puback');
      expect(came.properties).toEqual({
        ...properties,
        userProperties: expect.objectContaining(properties.userProperties),
      });
      expect(textOf(came)).toBe('{"celsius": 21.50}');
      expect(textOf(await old.next('publish'))).toBe('{"celsius": 21.50}');
      const { publications } = await server.channel('a').history();
      expect(publications).toMatchObject([{ data: { celsius: 21.5 }, meta: { unit: 'C', tag: ['a', 'b'] } }]);
    },
  );

  test('of user properties gives those of one name in their order', async () => {
    await stage.serve();
    const device = await reader(stage, 5, 'c', ['a']);
    const bytes = record(device);
    const pair = (name: string, value: string) =>
      Buffer.of(0x26, 0, 1, ...Buffer.from(name), 0, 1, ...Buffer.from(value));
    const pairs = Buffer.concat([pair('x', '1'), pair('y', '2'), pair('x', '3')]);
    device.send(wire(0x30, 'a', pairs.length, pairs));
    await device.next('publish');
    expect(bytes().includes(pairs)).toBe(true);
  });

  test('of a browser or the server has the texts of its meta as user properties', async () => {
    await stage.serve();
    const device = await reader(stage, 5, 'c', ['a']);
    await stage.server.publish('a', 'x', {
      meta: { unit: 'C', tags: ['a', 'b', 3], deep: { no: 1 }, count: 2 },
    });
    expect((await device.next('publish')).properties).toEqual({
      userProperties: expect.objectContaining({ unit: 'C', tags: ['a', 'b'] }),
    });
  });

  test('expires: who comes too late gets nothing, others the time that is left', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    const device = await reader(stage, 5, 'c', ['a', 1]);
    await gone(stage, device);
    const writer = await stage.connected5('w');
    for (const [i, messageExpiryInterval] of [5, 60].entries())
      await publish(writer, 'a', `${i}`, { properties: { messageExpiryInterval } });
    stage.clock.advance(10_000);
    const back = await stage.connected5('c', { clean: false });
    expect(await back.next('publish')).toMatchObject({
      payload: Buffer.from('1'),
      properties: { messageExpiryInterval: 50 },
    });
    await back.quiet();
    stage.clock.advance(50_000);
    const late = await reader(stage, 5, 'late', ['a']);
    await late.quiet();
  });

  test('keeps nothing waiting from who is away when it has expired', async () => {
    await stage.serve({}, { limits: { maxQueued: 3 } });
    const device = await reader(stage, 5, 'c', ['a', 1]);
    await gone(stage, device);
    const writer = await stage.connected5('w');
    const say = (text: string, messageExpiryInterval: number) =>
      publish(writer, 'a', text, { properties: { messageExpiryInterval } });
    for (const [i, seconds] of [5, 60, 5].entries()) await say(`${i}`, seconds);
    stage.clock.advance(10_000);
    for (const text of ['3', '4', 'too many']) await say(text, 60);
    const back = await stage.connected5('c', { clean: false });
    const rest = await back.rest();
    expect(rest.map((each) => each.cmd === 'publish' && String(each.payload))).toEqual(['1', '3', '4']);
  });

  test('has the identifiers of all filters that it fits, and is given once', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    device.send(
      subscribePacket5(1, [{ topic: 'a/b', qos: 0 }], { subscriptionIdentifier: 1 }),
      subscribePacket5(2, [{ topic: 'a/#', qos: 1 }], { subscriptionIdentifier: 268_435_455 }),
      subscribePacket5(3, [{ topic: '+/b', qos: 0 }]),
    );
    for (let i = 0; i < 3; i++) await device.next('suback');
    await stage.server.publish('a/b', 'x');
    const both = await device.next('publish');
    expect(both).toMatchObject({ qos: 1, properties: { subscriptionIdentifier: [1, 268_435_455] } });
    await stage.server.publish('a/c', 'x');
    expect((await device.next('publish')).properties).toEqual({ subscriptionIdentifier: 268_435_455 });
    await stage.server.publish('b/b', 'x');
    expect(await device.next('publish')).not.toHaveProperty('properties');
    await device.quiet();
  });

  test('has in each copy, by itself and shared, the identifier of what that is for', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    device.send(
      subscribePacket5(1, [{ topic: 'a', qos: 0 }], { subscriptionIdentifier: 1 }),
      subscribePacket5(2, [{ topic: '$share/g/a', qos: 0 }], { subscriptionIdentifier: 2 }),
      subscribePacket5(3, [{ topic: '$share/h/a', qos: 0 }]),
    );
    for (let i = 0; i < 3; i++) await device.next('suback');
    await stage.server.publish('a', 'x');
    const copies = await device.rest();
    const identifiers = copies.map(
      (each) => each.cmd === 'publish' && each.properties?.subscriptionIdentifier,
    );
    expect(identifiers.sort()).toEqual([1, 2, undefined]);
  });
});

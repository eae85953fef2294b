import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connectPacket, open, publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

/** MQTT 5, by its sections. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const textOf = ({ payload }: { payload: string | Buffer }) => String(payload);

/** SUBSCRIBE with options of MQTT 5. */
function subscribePacket5(messageId: number, subscriptions: object[], properties?: object) {
  return { cmd: 'subscribe', messageId, subscriptions, properties } as never;
}

test('devices by MQTT.js publish with QoS 0, 1 and 2, and read', async () => {
  await stage.serve();
  const reader = await stage.device({ clientId: 'reader', protocolVersion: 5 });
  const writer = await stage.device({ clientId: 'writer', protocolVersion: 5 });
  const heard: string[] = [];
  reader.on('message', (topic, payload, { qos }) => heard.push(`${topic} ${payload} ${qos}`));
  await reader.subscribeAsync('a/+', { qos: 2 });
  for (const qos of [0, 1, 2] as const) await writer.publishAsync('a/b', `${qos}`, { qos });
  await until(() => heard.length === 3, 'all');
  expect(heard).toEqual(['a/b 0 0', 'a/b 1 1', 'a/b 2 2']);
});

describe('CONNECT (section 3.1)', () => {
  test('is told what the server has decided [MQTT-3.2.2-16] [MQTT-3.2.2-21]', async () => {
    await stage.serve({}, { limits: { maxInFlight: 7, maxKeepAliveMs: 60_000, maxSessionMs: 100_000 } });
    const { told } = await stage.connected5('', {
      clean: true,
      properties: { sessionExpiryInterval: 0xffffffff },
    });
    expect(told).toMatchObject({
      reasonCode: 0,
      sessionPresent: false,
      receiveMaximum: 7,
      maximumPacketSize: 262_144,
      topicAliasMaximum: 16,
      sessionExpiryInterval: 100,
      serverKeepAlive: 60,
    });
    expect((told as { assignedClientIdentifier?: string }).assignedClientIdentifier).toMatch(/^auto-/);
    const modest = await stage.connected5('c', { keepalive: 10 });
    expect(modest.told).not.toHaveProperty('serverKeepAlive');
    expect(modest.told).not.toHaveProperty('assignedClientIdentifier');
  });

  test('begins anew or goes on, and the session waits as long as it says [MQTT-3.1.2-23]', async () => {
    const server = await stage.serve();
    const fields = { clean: false, properties: { sessionExpiryInterval: 60 } };
    const gone = async (id: string, properties?: object) => {
      const device = await stage.connected5(id, fields);
      device.send({ cmd: 'disconnect', reasonCode: 0, properties } as never);
      await device.end();
      return device.told.sessionPresent;
    };
    expect(await gone('c')).toBe(false);
    stage.clock.advance(59_000);
    expect(await gone('c')).toBe(true);
    stage.clock.advance(60_000);
    expect(await gone('c')).toBe(false);
    expect((await stage.connected5('c', { clean: true })).told.sessionPresent).toBe(false);
    await gone('d', { sessionExpiryInterval: 0 });
    await until(() => !server.users.has('d'), 'its end');
    await gone('e', { sessionExpiryInterval: 0xffffffff });
    stage.clock.advance(3_600_000);
    expect((await stage.connected5('e', fields)).told.sessionPresent).toBe(true);
  });

  test('takes no session over that was to end with its connection [MQTT-4.1.0-2]', async () => {
    await stage.serve();
    const before = await stage.connected5('c');
    before.send(subscribePacket(1, ['a']));
    await before.next('suback');
    const after = await stage.connected5('c', { clean: false });
    expect(after.told.sessionPresent).toBe(false);
    await stage.server.publish('a', 'x');
    await after.quiet();
  });

  test('that is refused says why', async () => {
    await stage.serve({ host: '127.0.0.1', verifyClient: ({ token }) => token === 'right' });
    const answer = async (fields: object) => {
      const device = await stage.raw(5);
      device.send(connectPacket('c', { protocolVersion: 5, ...fields }));
      const { reasonCode } = await device.next('connack');
      await device.end();
      return reasonCode;
    };
    expect(await answer({ username: 'ada', password: Buffer.from('wrong') })).toBe(0x86);
    expect(await answer({})).toBe(0x87);
    expect(await answer({ properties: { authenticationMethod: 'SCRAM' } })).toBe(0x8c);
  });

  test.each([
    ['Receive Maximum 0 [section 3.1.2.11.3]', [0x21, 0, 0], 0x82],
    ['Maximum Packet Size 0 [section 3.1.2.11.4]', [0x27, 0, 0, 0, 0], 0x82],
    ['a property twice', [0x21, 0, 1, 0x21, 0, 1], 0x82],
    ['a property of other packets', [0x23, 0, 1], 0x82],
    ['a property that there is not', [0x7f, 0], 0x81],
    ['a flag that is neither 0 nor 1', [0x17, 2], 0x82],
    ['authentication data without a method', [0x16, 0, 0], 0x82],
  ])('with %s is none', async (_, properties, reasonCode) => {
    await stage.serve();
    const device = await stage.raw(5);
    const body = Buffer.of(
      0,
      4,
      ...Buffer.from('MQTT'),
      5,
      2,
      0,
      0,
      properties.length,
      ...properties,
      0,
      1,
      99,
    );
    device.send(Buffer.concat([Buffer.of(0x10, body.length), body]));
    expect(await device.next('connack')).toMatchObject({ reasonCode });
    await device.end();
  });
});

test('a version that there is not is refused [MQTT-3.1.2-2], and what is no MQTT ends it [MQTT-3.1.2-1]', async () => {
  await stage.serve();
  const say = async (name: string, version: number) => {
    const device = await stage.raw();
    const body = Buffer.of(0, 4, ...Buffer.from(name), version, 2, 0, 0, 0, 1, 99);
    device.send(Buffer.concat([Buffer.of(0x10, body.length), body]));
    await device.end();
    return device.packets;
  };
  expect(await say('MQTT', 6)).toMatchObject([{ cmd: 'connack', returnCode: 1 }]);
  expect(await say('MQTS', 5)).toEqual([]);
});

describe('DISCONNECT (section 3.14) says', () => {
  const last = async (device: Awaited<ReturnType<Stage['connected5']>>) => {
    const { reasonCode } = await device.next('disconnect');
    await device.end();
    return reasonCode;
  };

  test('that the session is taken over', async () => {
    await stage.serve();
    const before = await stage.connected5('c', { clean: false });
    await stage.connected5('c', { clean: false });
    expect(await last(before)).toBe(0x8e);
  });

  test('that nothing came', async () => {
    await stage.serve();
    const device = await stage.connected5('c', { keepalive: 10 });
    stage.clock.advance(16_000);
    expect(await last(device)).toBe(0x8d);
  });

  test('that the server goes', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    void stage.server.disconnect();
    const look = () => {
      stage.clock.advance(1_000);
      return device.closed;
    };
    await until(look, 'its end');
    expect(await last(device)).toBe(0x8b);
  });

  test.each([
    ['a packet too large', Buffer.of(0x30, 0xff, 0xff, 0x7f), 0x95],
    ['a second CONNECT [MQTT-3.1.0-2]', connectPacket('c', { protocolVersion: 5 }), 0x82],
    ['AUTH that was not asked for', Buffer.of(0xf0, 0), 0x82],
    ['neither a topic nor an alias', Buffer.of(0x30, 3, 0, 0, 0), 0x82],
    ['alias 0 [MQTT-3.3.2-8]', Buffer.of(0x30, 7, 0, 1, 97, 3, 0x23, 0, 0), 0x94],
    ['an alias above the maximum [MQTT-3.3.2-9]', Buffer.of(0x30, 7, 0, 1, 97, 3, 0x23, 0, 17), 0x94],
    ['an alias that stands for nothing', Buffer.of(0x30, 6, 0, 0, 3, 0x23, 0, 5), 0x82],
    ['a subscription identifier in PUBLISH [MQTT-3.3.4-6]', Buffer.of(0x30, 6, 0, 1, 97, 2, 0x0b, 1), 0x82],
    ['a response topic with a wildcard [MQTT-3.3.2-14]', Buffer.of(0x30, 8, 0, 1, 97, 4, 8, 0, 1, 35), 0x82],
    ['properties beyond the packet', Buffer.of(0x30, 4, 0, 1, 97, 9), 0x81],
    ['packet id 0 [MQTT-2.2.1-3]', Buffer.of(0x32, 6, 0, 1, 97, 0, 0, 0), 0x82],
    ['DUP with QoS 0 [MQTT-3.3.1-2]', Buffer.of(0x38, 4, 0, 1, 97, 0), 0x81],
    ['a wildcard in a topic [MQTT-3.3.2-2]', Buffer.of(0x30, 4, 0, 1, 35, 0), 0x81],
    [
      'subscription identifier 0 [section 3.8.2.1.2]',
      Buffer.of(0x82, 9, 0, 1, 2, 0x0b, 0, 0, 1, 97, 0),
      0x82,
    ],
    ['no filter [MQTT-3.8.3-2]', Buffer.of(0x82, 3, 0, 1, 0), 0x82],
    [
      'no local, and shared [MQTT-3.8.3-4]',
      subscribePacket5(1, [{ topic: '$share/g/a', qos: 0, nl: true }]),
      0x82,
    ],
    ['a share without a name [MQTT-4.8.2-1]', subscribePacket5(1, [{ topic: '$share//a', qos: 0 }]), 0x81],
    ['a share with a wildcard [MQTT-4.8.2-2]', subscribePacket5(1, [{ topic: '$share/+/a', qos: 0 }]), 0x81],
    ['flags of PUBREL [MQTT-3.6.1-1]', Buffer.of(0x60, 2, 0, 1), 0x81],
    ['flags of SUBSCRIBE [MQTT-3.8.1-1]', Buffer.of(0x80, 7, 0, 1, 0, 0, 1, 97, 0), 0x81],
    ['flags of UNSUBSCRIBE [MQTT-3.10.1-1]', Buffer.of(0xa0, 6, 0, 1, 0, 0, 1, 97), 0x81],
    ['flags of DISCONNECT [MQTT-3.14.1-1]', Buffer.of(0xe1, 0), 0x81],
    ['both bits of QoS [MQTT-3.3.1-4]', Buffer.of(0x36, 6, 0, 1, 97, 0, 1, 0), 0x81],
    ['reserved options [MQTT-3.8.3-5]', Buffer.of(0x82, 7, 0, 1, 0, 0, 1, 97, 0x40), 0x81],
    ['nothing to unsubscribe from [MQTT-3.10.3-2]', Buffer.of(0xa2, 3, 0, 1, 0), 0x82],
    [
      'a user property that is no UTF-8 [MQTT-1.5.7-1]',
      Buffer.of(0x30, 10, 0, 1, 97, 6, 0x26, 0, 1, 255, 0, 0),
      0x81,
    ],
    ['a number of more bytes than it needs [MQTT-1.5.5-1]', Buffer.of(0x30, 5, 0, 1, 97, 0x80, 0), 0x81],
    ['NUL in a topic [MQTT-1.5.4-2]', Buffer.of(0x30, 4, 0, 1, 0, 0), 0x81],
    ['an ill-formed topic [MQTT-1.5.4-1]', Buffer.of(0x30, 4, 0, 1, 255, 0), 0x81],
    ['a session that waits after all', Buffer.of(0xe0, 7, 0, 5, 0x11, 0, 0, 0, 9), 0x82],
  ])('what is wrong with %s, and nobody else notices', async (_, packet, reasonCode) => {
    await stage.serve();
    const other = await stage.connected5('other');
    const device = await stage.connected5('c');
    device.send(packet);
    expect(await last(device)).toBe(reasonCode);
    await other.quiet();
    expect(stage.logs.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('PUBLISH (section 3.3)', () => {
  test('is answered with a reason, and words where they are wanted [MQTT-3.1.2-29]', async () => {
    await stage.serve({
      channels: {
        'open/#': open,
        'slow/#': { ...open, maxPerSecond: 0.1 },
        closed: {},
      },
    });
    const [device, terse] = [
      await stage.connected5('c'),
      await stage.connected5('d', { properties: { requestProblemInformation: false } }),
    ];
    const answer = async (topic: string, properties = {}, payload: string | Buffer = 'x', by = device) => {
      by.send(publishPacket(topic, payload, { qos: 1, messageId: 1, properties }));
      return by.next('puback');
    };
    expect((await answer('open/a')).reasonCode).toBe(0x10);
    device.send(subscribePacket(2, ['open/+']));
    await device.next('suback');
    expect((await answer('open/a', {}, 'x', terse)).reasonCode).toBe(0);
    await device.next('publish');
    expect(await answer('closed')).toMatchObject({
      reasonCode: 0x87,
      properties: { reasonString: 'Not allowed.' },
    });
    expect(await answer('closed', {}, 'x', terse)).not.toHaveProperty('properties');
    expect((await answer('$SYS/a')).reasonCode).toBe(0x90);
    await answer('slow/a');
    expect((await answer('slow/a')).reasonCode).toBe(0x97);
    const payload = Buffer.of(0xc3, 0x28);
    expect((await answer('open/a', { payloadFormatIndicator: true }, payload)).reasonCode).toBe(0x99);
    expect((await answer('open/a', {}, payload, terse)).reasonCode).toBe(0);
  });

  test('takes an alias for its topic [MQTT-3.3.2-12], of this connection alone [MQTT-3.3.2-7]', async () => {
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

  test('has its properties passed on as they came [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-20]', async () => {
    const server = await stage.serve({ channels: { '#': { ...open, history: { size: 5 } } } });
    const [device, old] = [await stage.connected5('c'), await stage.connected('old')];
    for (const each of [device, old]) {
      each.send(subscribePacket(1, ['#', 1]));
      await each.next('suback');
    }
    const properties = {
      payloadFormatIndicator: true,
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
  });

  test('of user properties gives those of one name in their order [MQTT-3.3.2-18]', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    device.send(subscribePacket(1, ['a']));
    await device.next('suback');
    const chunks: Buffer[] = [];
    device.socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    const pair = (name: string, value: string) => [
      0x26,
      0,
      1,
      ...Buffer.from(name),
      0,
      1,
      ...Buffer.from(value),
    ];
    const pairs = [...pair('x', '1'), ...pair('y', '2'), ...pair('x', '3')];
    device.send(Buffer.of(0x30, 4 + pairs.length, 0, 1, 97, pairs.length, ...pairs));
    await device.next('publish');
    expect(Buffer.concat(chunks).includes(Buffer.from(pairs))).toBe(true);
  });

  test('that a device refuses is not sent again [MQTT-4.4.0-2], what is on its way does not expire [MQTT-4.3.3-7]', async () => {
    const server = await stage.serve();
    const fields = { clean: false, properties: { sessionExpiryInterval: 99 } };
    const device = await stage.connected5('c', fields);
    device.send(subscribePacket(1, ['a', 2]));
    await device.next('suback');
    const writer = await stage.connected5('w');
    for (const [i, qos] of ([1, 2, 2] as const).entries())
      writer.send(
        publishPacket('a', `${i}`, { qos, messageId: i + 1, properties: { messageExpiryInterval: 5 } }),
      );
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push((await device.next('publish')).messageId as number);
    device.send({ cmd: 'puback', messageId: ids[0], reasonCode: 0x83 } as never);
    device.send({ cmd: 'pubrec', messageId: ids[1], reasonCode: 0x83 } as never);
    await device.quiet();
    device.socket.destroy();
    await until(() => server.stats().clients.resumable === 1, 'its loss');
    stage.clock.advance(10_000);
    const back = await stage.connected5('c', fields);
    expect(await back.next('publish')).toMatchObject({ messageId: ids[2], dup: true });
    await back.quiet();
  });

  test('of a browser or the server has the texts of its meta as user properties', async () => {
    await stage.serve();
    const device = await stage.connected5('c');
    device.send(subscribePacket(1, ['a']));
    await device.next('suback');
    await stage.server.publish('a', 'x', {
      meta: { unit: 'C', tags: ['a', 'b', 3], deep: { no: 1 }, count: 2 },
    });
    expect((await device.next('publish')).properties).toEqual({
      userProperties: expect.objectContaining({ unit: 'C', tags: ['a', 'b'] }),
    });
  });

  test('expires: who comes too late gets nothing [MQTT-3.3.2-5], others the time that is left [MQTT-3.3.2-6]', async () => {
    const server = await stage.serve({ channels: { '#': { ...open, retain: true } } });
    const device = await stage.connected5('c', { clean: false, properties: { sessionExpiryInterval: 999 } });
    device.send(subscribePacket(1, ['a', 1]));
    await device.next('suback');
    device.socket.destroy();
    await until(() => server.stats().clients.resumable === 1, 'its loss');
    const writer = await stage.connected5('w');
    for (const [i, messageExpiryInterval] of [5, 60].entries()) {
      writer.send(
        publishPacket('a', `${i}`, { qos: 1, messageId: 1, properties: { messageExpiryInterval } }),
      );
      await writer.next('puback');
    }
    stage.clock.advance(10_000);
    const back = await stage.connected5('c', { clean: false });
    expect(await back.next('publish')).toMatchObject({
      payload: Buffer.from('1'),
      properties: { messageExpiryInterval: 50 },
    });
    await back.quiet();
    stage.clock.advance(50_000);
    const late = await stage.connected5('late');
    late.send(subscribePacket(1, ['a']));
    await late.next('suback');
    await late.quiet();
  });

  test('that is too large for a device is not sent to it [MQTT-3.1.2-24] [MQTT-3.1.2-25]', async () => {
    await stage.serve();
    const device = await stage.connected5('c', { properties: { maximumPacketSize: 60, receiveMaximum: 1 } });
    device.send(subscribePacket(1, ['a', 1]));
    await device.next('suback');
    await stage.server.publish('a', 'x'.repeat(60));
    await stage.server.publish('a', 'fits');
    expect(textOf(await device.next('publish'))).toBe('fits');
    await stage.server.publish('a', 'waits');
    await device.quiet();
    device.send({ cmd: 'puback', messageId: 2 });
    expect(textOf(await device.next('publish'))).toBe('waits');
  });
});

describe('QoS 2 (section 4.3.3)', () => {
  test.each([4, 5] as const)(
    'a device of version %i publishes once, however often it says so [MQTT-4.3.3-10]',
    async (version) => {
      const server = await stage.serve();
      const connect = () =>
        version === 5
          ? stage.connected5('c', { clean: false, properties: { sessionExpiryInterval: 99 } })
          : stage.connected('c', { clean: false });
      const packet = (dup: boolean) => publishPacket('a', 'x', { qos: 2, messageId: 7, dup });
      const device = await connect();
      device.send(packet(false));
      expect(await device.next('pubrec')).toMatchObject({ messageId: 7 });
      device.send(packet(true));
      await device.next('pubrec');
      device.socket.destroy();
      await until(() => server.stats().clients.resumable === 1, 'its loss');
      const back = await connect();
      back.send(packet(true));
      await back.next('pubrec');
      expect(server.stats().publications.published).toBe(1);
      back.send({ cmd: 'pubrel', messageId: 7 });
      expect(await back.next('pubcomp')).toMatchObject({ messageId: 7 });
      back.send({ cmd: 'pubrel', messageId: 7 });
      const unknown = await back.next('pubcomp');
      if (version === 5) expect(unknown.reasonCode).toBe(0x92);
      back.send(packet(false));
      await back.next('pubrec');
      expect(server.stats().publications.published).toBe(2);
    },
  );

  test('is received when the stream has it', async () => {
    let allow = (_: boolean) => {};
    const canPublish = () =>
      new Promise<boolean>((resolve) => {
        allow = resolve;
      });
    await stage.serve({ channels: { slow: { canPublish } } });
    const device = await stage.connected5('c');
    device.send(publishPacket('slow', 'x', { qos: 2, messageId: 1 }));
    await device.quiet();
    allow(false);
    expect(await device.next('pubrec')).toMatchObject({ messageId: 1, reasonCode: 0x87 });
    device.send({ cmd: 'pubrel', messageId: 1 });
    expect(await device.next('pubcomp')).toMatchObject({ reasonCode: 0x92 });
  });

  test('more than may be on their way end it [MQTT-3.3.4-7]', async () => {
    await stage.serve({}, { limits: { maxInFlight: 2 } });
    const device = await stage.connected5('c');
    for (let messageId = 1; messageId <= 2; messageId++) {
      device.send(publishPacket('a', 'x', { qos: 2, messageId }));
      await device.next('pubrec');
    }
    device.send(publishPacket('a', 'x', { qos: 2, messageId: 3 }));
    expect(await device.next('disconnect')).toMatchObject({ reasonCode: 0x93 });
  });

  test('a device is given it once: what it has is only released again [MQTT-4.4.0-1]', async () => {
    const server = await stage.serve();
    const fields = { clean: false, properties: { sessionExpiryInterval: 99 } };
    const device = await stage.connected5('c', fields);
    device.send(subscribePacket(1, ['a', 2]));
    await device.next('suback');
    for (const text of ['one', 'two']) await server.publish('a', text);
    const [one, two] = [await device.next('publish'), await device.next('publish')];
    expect([one.qos, two.qos]).toEqual([2, 2]);
    device.send({ cmd: 'pubrec', messageId: one.messageId as number });
    await device.next('pubrel');
    device.socket.destroy();
    await until(() => server.stats().clients.resumable === 1, 'its loss');
    const back = await stage.connected5('c', fields);
    expect(await back.next('pubrel')).toMatchObject({ messageId: one.messageId });
    expect(await back.next('publish')).toMatchObject({ messageId: two.messageId, dup: true });
    back.send({ cmd: 'pubcomp', messageId: one.messageId as number });
    back.send({ cmd: 'pubrec', messageId: 99 });
    expect(await back.next('pubrel')).toMatchObject({ messageId: 99, reasonCode: 0x92 });
    await back.quiet();
  });
});

describe('SUBSCRIBE (section 3.8)', () => {
  test('is answered with a reason for each filter, UNSUBSCRIBE too', async () => {
    await stage.serve({ channels: { 'a/#': open, closed: {} } }, { limits: { maxSubscriptions: 3 } });
    const device = await stage.connected5('c');
    device.send(subscribePacket(1, ['a/b', 2], ['closed', 1], ['$SYS/#'], ['a/+', 1], ['a/c']));
    expect(await device.next('suback')).toMatchObject({ granted: [2, 0x87, 0x8f, 1, 0x97] });
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/b', 'other'] });
    expect(await device.next('unsuback')).toMatchObject({ granted: [0, 0x11] });
  });

  test('no local: not what the device itself publishes [MQTT-3.8.3-3]', async () => {
    await stage.serve();
    const [device, other] = [await stage.connected5('c'), await stage.connected5('d')];
    device.send(subscribePacket5(1, [{ topic: 'a', qos: 0, nl: true }]));
    await device.next('suback');
    device.send(publishPacket('a', 'own'));
    await device.quiet();
    other.send(publishPacket('a', 'other'));
    expect(textOf(await device.next('publish'))).toBe('other');
  });

  test('retain as published, and what only is retained where it is marked [MQTT-3.3.1-12] [MQTT-3.3.1-13]', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: 'marked' } } });
    const [as, plain] = [await stage.connected5('as'), await stage.connected5('plain')];
    as.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rap: true }]));
    plain.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rap: false }]));
    for (const each of [as, plain]) await each.next('suback');
    const writer = await stage.connected5('w');
    const lastOf = async () => {
      const reader = await stage.connected5('reader');
      reader.send(subscribePacket(1, ['a']), { cmd: 'pingreq' });
      await until(() => reader.packets.at(-1)?.cmd === 'pingresp', 'all');
      return reader.packets.filter(({ cmd }) => cmd === 'publish').map((each) => textOf(each as never));
    };
    const say = async (payload: string, retain: boolean) => {
      writer.send(publishPacket('a', payload, { retain, qos: 1, messageId: 1 }));
      await writer.next('puback');
      const flags = [(await as.next('publish')).retain, (await plain.next('publish')).retain];
      return [...flags, ...(await lastOf())];
    };
    expect(await say('kept', true)).toEqual([true, false, 'kept']);
    expect(await say('passing', false)).toEqual([false, false, 'kept']);
    expect(await say('', false)).toEqual([false, false, 'kept']);
    expect(await say('', true)).toEqual([true, false]);
  });

  test('retain handling: always, for what is new, never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    await stage.server.publish('a', 'last');
    const device = await stage.connected5('c');
    const given = async (rh: number) => {
      const before = device.packets.filter(({ cmd }) => cmd === 'publish').length;
      device.send(subscribePacket5(1, [{ topic: 'a', qos: 0, rh }]), { cmd: 'pingreq' });
      const count = () => device.packets.filter(({ cmd }) => cmd === 'pingresp').length;
      const pings = count();
      await until(() => count() > pings, 'the answer');
      return device.packets.filter(({ cmd }) => cmd === 'publish').length - before;
    };
    expect([await given(2), await given(1), await given(0), await given(2)]).toEqual([0, 0, 1, 0]);
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] });
    expect(await given(1)).toBe(1);
  });

  test('identifiers come with what they are for, overlapping filters give it once [MQTT-3.3.4-3] [MQTT-3.3.4-4]', async () => {
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
});

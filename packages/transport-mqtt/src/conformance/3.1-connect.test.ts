import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bare, connectWire, ends, lasting, versions, wire } from '../../test/conformance.ts';
import { connectPacket, publishPacket, Stage, subscribePacket, until } from '../../test/support.ts';

/** Section 3.1: CONNECT; wills are in `3.1-will.test.ts`. */

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

describe.each(versions)('version %i', (version) => {
  /** What is said to who sends this first, and then closed. */
  async function answersTo(bytes: Buffer) {
    await stage.serve();
    const device = await stage.raw(version);
    device.send(bytes);
    await device.end();
    expect(stage.server.users.size).toBe(0);
    return device.packets;
  }

  test('is first', async () => {
    expect(await answersTo(wire(0xc0))).toEqual([]);
  });

  test('comes once, and is answered once', () => ends(stage, version, connectWire(version, 0x02, 'c'), 0x82));

  test.each([
    ['a reserved flag that is set', connectWire(version, 0x03, 'c')],
    ['no client id', connectWire(version, 0x02)],
    ['a QoS of a will, and no will', connectWire(version, 0x0a, 'c')],
    ['a will to be retained, and no will', connectWire(version, 0x22, 'c')],
    ['a will of QoS 3', connectWire(version, 0x1e, 'c', bare(version), 'gone', 'x')],
    ['a will without its payload', connectWire(version, 0x06, 'c', bare(version), 'gone')],
    ['a will whose topic is a filter', connectWire(version, 0x06, 'c', bare(version), 'gone/#', 'x')],
    ['no user name where there should be one', connectWire(version, 0x82, 'c')],
    ['a user name where there should be none', connectWire(version, 0x02, 'c', 'ada')],
    ['no password where there should be one', connectWire(version, 0xc2, 'c', 'ada')],
    ['a password where there should be none', connectWire(version, 0x82, 'c', 'ada', 'secret')],
    ['a field beyond the end', wire(0x10, 'MQTT', version, 2, 0, 0, bare(version), Buffer.of(0, 9, 99))],
  ])('with %s is not let in', async (_, bytes) => {
    const answers = await answersTo(bytes);
    if (version === 4) expect(answers).toEqual([]);
    else for (const each of answers) expect(each).toMatchObject({ cmd: 'connack', reasonCode: 0x81 });
  });

  test('has its fields in their order', async () => {
    const asked: unknown[] = [];
    await stage.serve({
      host: '127.0.0.1',
      verifyClient: ({ userId, token, device }) => asked.push({ userId, token, device }) > 0,
    });
    const device = await stage.raw(version);
    device.send(connectWire(version, 0xc6, 'id', bare(version), 'gone', 'will', 'ada', 'secret'));
    await device.next('connack');
    expect(asked).toEqual([{ userId: 'ada', token: 'secret', device: 'id' }]);
    const heard: unknown[] = [];
    stage.server.channel('gone').publications$.subscribe(({ data }) => heard.push(data));
    device.socket.destroy();
    await until(() => heard.length > 0, 'the will');
    expect(heard).toEqual(['will']);
  });

  test('may have any client id of 1 to 23 letters and digits', async () => {
    await stage.serve();
    for (const id of ['0', '0123456789abcdefghijklm', 'nopqrstuvwxyzABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ']) {
      await stage.connected(id, {}, version);
      expect(stage.server.users.has(id)).toBe(true);
    }
  });

  test('with a client id that is too long is refused', async () => {
    const answers = await answersTo(connectWire(version, 0x02, 'c'.repeat(256)));
    expect(answers).toMatchObject([version === 5 ? { reasonCode: 0x85 } : { returnCode: 2 }]);
  });

  test('without a client id is given one, which nobody else has', async () => {
    await stage.serve();
    const devices = [await stage.connected('', {}, version), await stage.connected('', {}, version)];
    expect(stage.server.stats().clients.online).toBe(2);
    expect(stage.server.users.size).toBe(2);
    if (version === 5) {
      const ids = devices.map(({ told }) => (told as Record<string, unknown>).assignedClientIdentifier);
      expect(ids.every((id) => stage.server.users.has(id as string))).toBe(true);
    }
  });

  test('of an id that is there takes its place', async () => {
    await stage.serve();
    const before = await stage.connected('c', lasting(version), version);
    const after = await stage.connected('c', lasting(version), version);
    await before.end();
    const why = version === 5 ? [{ cmd: 'disconnect', reasonCode: 0x8e }] : [];
    expect(before.packets.slice(1)).toMatchObject(why);
    expect(await after.rest()).toEqual([]);
    expect(stage.server.stats()).toMatchObject({ clients: { online: 1 }, connections: { resumed: 1 } });
  });

  test('goes on with its session, or begins anew, as it says', async () => {
    await stage.serve();
    const came = async (fields: object) => {
      const device = await stage.connected('c', fields, version);
      await stage.server.publish('a', 'x');
      const heard = (await device.rest()).length;
      device.send(subscribePacket(1, ['a']));
      await device.next('suback');
      device.socket.destroy();
      await until(() => stage.server.stats().clients.online === 0, 'its loss');
      return [device.told.sessionPresent, heard];
    };
    expect(await came(lasting(version))).toEqual([false, 0]);
    expect(await came(lasting(version))).toEqual([true, 1]);
    expect(await came({ ...lasting(version), clean: true })).toEqual([false, 0]);
  });

  test('that is refused is the last that is read', async () => {
    await stage.serve({ host: '127.0.0.1', verifyClient: () => false });
    const device = await stage.raw(version);
    device.send(
      connectPacket('c', { protocolVersion: version, username: 'ada' }),
      publishPacket('a', 'x', { qos: 1, messageId: 1 }),
      subscribePacket(2, ['a']),
    );
    await device.end();
    expect(device.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
    expect(stage.server.stats().publications.published).toBe(0);
  });

  test('says how long nothing may come', async () => {
    await stage.serve();
    const device = await stage.connected('c', { keepalive: 10 }, version);
    const quiet = await stage.connected('quiet', { keepalive: 0 }, version);
    stage.clock.advance(14_999);
    await device.quiet();
    stage.clock.advance(14_999);
    expect(device.closed).toBe(false);
    stage.clock.advance(1);
    await device.end();
    expect(stage.server.stats().disconnects).toMatchObject({ STALE: 1 });
    stage.clock.advance(3_600_000);
    await quiet.quiet();
  });
});

test('in 3.1.1 a password has a user name', async () => {
  await stage.serve();
  const device = await stage.raw(4);
  device.send(connectWire(4, 0x42, 'c', 'secret'));
  await device.end();
  expect(device.packets).toEqual([]);
});

test('of a version that there is not is refused, and what is no MQTT ends it', async () => {
  await stage.serve();
  const say = async (name: string, version: number) => {
    const device = await stage.raw();
    device.send(wire(0x10, name, version, 2, 0, 0, 'c'));
    await device.end();
    return device.packets;
  };
  expect(await say('MQTT', 6)).toMatchObject([{ cmd: 'connack', returnCode: 1 }]);
  expect(await say('MQTS', 5)).toEqual([]);
});

describe('MQTT 5', () => {
  test('is told what the server has decided', async () => {
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

  test('begins anew or goes on, and the session waits as long as it says', async () => {
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
    device.send(wire(0x10, 'MQTT', 5, 2, 0, 0, properties.length, Buffer.from(properties), 'c'));
    expect(await device.next('connack')).toMatchObject({ reasonCode });
    await device.end();
  });

  test('may have a password alone', async () => {
    await stage.serve();
    const device = await stage.raw(5);
    device.send(connectWire(5, 0x42, 'c', 'secret'));
    expect(await device.next('connack')).toMatchObject({ reasonCode: 0 });
  });

  test.each([true, false, undefined])(
    'that asks for response information: %s, is given none',
    async (asked) => {
      await stage.serve();
      const properties = asked === undefined ? {} : { requestResponseInformation: asked };
      const { told } = await stage.connected5('c', { properties });
      expect(told).not.toHaveProperty('responseInformation');
    },
  );

  test('that takes aliases is sent none', async () => {
    await stage.serve();
    for (const properties of [{}, { topicAliasMaximum: 0 }, { topicAliasMaximum: 9 }]) {
      const device = await stage.connected5('c', { properties });
      device.send(subscribePacket(1, ['a']), publishPacket('a', '1'), publishPacket('a', '2'));
      await device.next('suback');
      for (let i = 0; i < 2; i++) {
        const heard = await device.next('publish');
        expect(heard.topic).toBe('a');
        expect(heard).not.toHaveProperty('properties.topicAlias');
      }
    }
  });

  test('says what size the device takes: nothing larger is sent, and that is as if it had been', async () => {
    await stage.serve();
    const device = await stage.connected5('c', { properties: { maximumPacketSize: 60, receiveMaximum: 1 } });
    device.send(subscribePacket(1, ['a', 1]));
    await device.next('suback');
    await stage.server.publish('a', 'x'.repeat(60));
    await stage.server.publish('a', 'fits');
    expect(String((await device.next('publish')).payload)).toBe('fits');
    await stage.server.publish('a', 'waits');
    await device.quiet();
    device.send({ cmd: 'puback', messageId: 2 });
    expect(String((await device.next('publish')).payload)).toBe('waits');
    const many = Array.from({ length: 60 }, (_, i): [string] => [`b/${i}`]);
    device.send(subscribePacket(2, ...many));
    expect(await device.rest()).toEqual([]);
  });

  test('of a device that takes less than an answer is refused', async () => {
    await stage.serve();
    for (const [maximumPacketSize, answers] of [
      [10, [{ cmd: 'connack', reasonCode: 0x95 }]],
      [4, []],
    ] as const) {
      const device = await stage.raw(5);
      device.send(connectPacket('c', { protocolVersion: 5, properties: { maximumPacketSize } }));
      await device.end();
      expect(device.packets).toMatchObject(answers);
    }
  });
});

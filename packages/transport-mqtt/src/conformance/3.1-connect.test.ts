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

  test.each([
    ['goes on with its session', false, 1],
    ['begins anew', true, 0],
  ])('of an id that is there takes its place, and %s', async (_, clean, resumed) => {
    await stage.serve();
    const before = await stage.connected('c', lasting(version), version);
    const after = await stage.connected('c', { ...lasting(version), clean }, version);
    await before.end();
    const why = version === 5 ? [{ cmd: 'disconnect', reasonCode: 0x8e }] : [];
    expect(before.packets.slice(1)).toMatchObject(why);
    expect(await after.rest()).toEqual([]);
    expect(stage.server.stats()).toMatchObject({ clients: { online: 1 }, connections: { resumed } });
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
  expect(await say('MQIsdp', 3)).toMatchObject([{ cmd: 'connack', returnCode: 1 }]);
  for (const version of [4, 5]) {
    expect(await say('MQIsdp', version)).toMatchObject([{ cmd: 'connack', returnCode: 1 }]);
    expect(await say('MQTS', version)).toEqual([]);
  }
});

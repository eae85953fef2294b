import { Socket } from 'node:net';
import { channelsLike } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { connectPacket, open, publishPacket, Stage, subscribePacket, until } from '../test/support.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const textOf = ({ payload }: { payload: string | Buffer }) => String(payload);

test('devices by MQTT.js publish and subscribe, and are clients and users', async () => {
  const server = await stage.serve();
  const reader = await stage.device({ clientId: 'reader' });
  const writer = await stage.device({ clientId: 'writer' });
  const heard: string[] = [];
  reader.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
  expect(await reader.subscribeAsync(['tele/+/SENSOR', 'plain'], { qos: 1 })).toMatchObject([
    { qos: 1 },
    { qos: 1 },
  ]);
  await writer.publishAsync('tele/kitchen/SENSOR', '21.5', { qos: 1 });
  await writer.publishAsync('tele/kitchen/STATE', 'no', { qos: 1 });
  await writer.publishAsync('plain', 'yes', { qos: 0 });
  await until(() => heard.length === 2, 'both');
  expect(heard).toEqual(['tele/kitchen/SENSOR 21.5', 'plain yes']);
  const user = server.users.get('reader');
  const [client] = user?.clients ?? [];
  expect(client).toMatchObject({ device: 'reader', transport: 'mqtt', online: true });
  expect(user?.status.status).toBe('ONLINE');
  expect(server.stats().clients).toMatchObject({ online: 2 });
  await reader.endAsync();
  await until(() => server.users.size === 1, 'the end of its session');
});

describe('CONNECT', () => {
  test('asks the verifier, and is refused as the specification says', async () => {
    const asked: unknown[] = [];
    await stage.serve({
      host: '127.0.0.1',
      verifyClient({ userId, token, device, transport }) {
        asked.push({ userId, token, device, transport });
        if (token === 'broken') throw new Error('no database');
        return token === 'right';
      },
    });
    const answer = async (fields: object) => {
      const device = await stage.raw();
      device.send(connectPacket('c', fields));
      const { returnCode } = await device.next('connack');
      if (returnCode !== 0) await device.end();
      return returnCode;
    };
    expect(await answer({ username: 'ada', password: Buffer.from('right') })).toBe(0);
    expect(await answer({ username: 'ada', password: Buffer.from('wrong') })).toBe(4);
    expect(await answer({ username: 'ada', password: Buffer.from('broken') })).toBe(3);
    expect(await answer({})).toBe(5);
    expect(await answer({ protocolId: 'MQIsdp', protocolVersion: 3 })).toBe(1);
    const nameless = await stage.raw();
    nameless.send(Buffer.from('\x10\x0c\0\x04MQTT\x04\0\0\0\0\0', 'latin1'));
    expect(await nameless.next('connack')).toMatchObject({ returnCode: 2 });
    expect(asked[0]).toEqual({ userId: 'ada', token: 'right', device: 'c', transport: 'mqtt' });
  });

  test('may be followed at once by what else there is to say', async () => {
    const server = await stage.serve();
    const device = await stage.raw();
    device.send(
      connectPacket('c'),
      subscribePacket(1, ['a', 1]),
      publishPacket('a', 'x', { qos: 1, messageId: 7 }),
    );
    await device.next('connack');
    expect(await device.next('suback')).toMatchObject({ granted: [1] });
    expect((await device.next('publish')).payload.toString()).toBe('x');
    expect(await device.next('puback')).toMatchObject({ messageId: 7 });
    expect(server.stats().publications.published).toBe(1);
  });

  test('that is never sent ends it', async () => {
    await stage.serve();
    const device = await stage.raw();
    await until(() => stage.server.stats().clients.connecting === 1, 'the connection');
    stage.clock.advance(10_000);
    await device.end();
  });

  test('of a device that names nobody is taken from this machine alone', async () => {
    await stage.serve({ verifyClient: () => true, host: '127.0.0.1' });
    const device = await stage.raw();
    device.send(connectPacket('c'));
    expect(await device.next('connack')).toMatchObject({ returnCode: 5 });
  });
});

describe('a client id', () => {
  test('is not taken over by another principal', async () => {
    await stage.serve();
    const ada = await stage.connected('c', { username: 'ada' });
    const eve = await stage.raw();
    eve.send(connectPacket('c', { username: 'eve' }));
    expect(await eve.next('connack')).toMatchObject({ returnCode: 5 });
    await ada.quiet();
  });

  test('that several come under at once is the last one’s', async () => {
    await stage.serve();
    const devices = await Promise.all(Array.from({ length: 5 }, () => stage.raw()));
    for (const device of devices) device.send(connectPacket('c', { clean: false }));
    await until(() => devices.filter(({ closed }) => closed).length === 4, 'one that is left');
    await until(() => stage.server.stats().clients.online === 1, 'one client');
  });
});

test('topics may be allowed by user and client id, which cannot be wildcards', async () => {
  const policy = {
    canPublish: channelsLike('tele/%u/%c/#'),
    canSubscribe: channelsLike('cmnd/%u/%c/+'),
    filters: true,
  };
  await stage.serve({ channels: { '#': policy } });
  const device = await stage.connected('d1', { username: 'ada' });
  device.send(subscribePacket(1, ['cmnd/ada/d1/+'], ['cmnd/ada/+/x'], ['cmnd/eve/d1/x']));
  expect(await device.next('suback')).toMatchObject({ granted: [0, 128, 128] });
  const eve = await stage.connected('+', { username: '#' });
  eve.send(subscribePacket(1, ['cmnd/#'], ['cmnd/#/+/x'.replace('#', 'ada')]));
  expect(await eve.next('suback')).toMatchObject({ granted: [128, 128] });
  for (const [topic, messageId] of [
    ['tele/ada/d1/x', 1],
    ['tele/ada/d2/x', 2],
  ] as const) {
    device.send(publishPacket(topic, 'x', { qos: 1, messageId }));
    await device.next('puback');
  }
  expect(stage.server.stats()).toMatchObject({ publications: { published: 1 }, errors: { FORBIDDEN: 5 } });
});

describe('a session', () => {
  test('gives a device that comes back what it missed, in order, and again what it did not acknowledge', async () => {
    await stage.serve();
    const writer = await stage.connected('writer');
    const first = await stage.connected('c', { clean: false });
    first.send(subscribePacket(1, ['a/#', 1], ['b', 0]));
    await first.next('suback');
    writer.send(publishPacket('a/1', 'one', { qos: 1, messageId: 1 }));
    const sent = await first.next('publish');
    first.socket.destroy();
    await until(() => stage.server.stats().clients.resumable === 1, 'its loss');
    writer.send(
      publishPacket('a/2', 'two', { qos: 1, messageId: 2 }),
      publishPacket('a/3', 'at most once'),
      publishPacket('b', 'at most once', { qos: 1, messageId: 3 }),
      publishPacket('a/4', 'four', { qos: 1, messageId: 4 }),
    );
    await writer.next('puback');
    for (let i = 0; i < 3; i++) await writer.next('puback');
    const second = await stage.raw();
    second.send(connectPacket('c', { clean: false }));
    expect(await second.next('connack')).toMatchObject({ sessionPresent: true });
    const again = await second.next('publish');
    expect([textOf(again), again.dup, again.messageId]).toEqual(['one', true, sent.messageId]);
    const others = [await second.next('publish'), await second.next('publish')];
    expect(others.map((each) => [textOf(each), each.dup])).toEqual([
      ['two', false],
      ['four', false],
    ]);
    await second.quiet();
  });

  test('is no more where the device wants a clean one, or does not come back', async () => {
    const server = await stage.serve({}, { limits: { maxSessionMs: 60_000 } });
    for (const renew of [
      () => stage.connected('c').then((device) => device.socket.destroy()),
      () => stage.clock.advance(60_000),
    ]) {
      const device = await stage.connected('c', { clean: false });
      device.send(subscribePacket(1, ['a', 1]));
      await device.next('suback');
      device.send({ cmd: 'disconnect' });
      await until(() => server.stats().clients.resumable === 1, 'its goodbye');
      await renew();
      await until(() => server.users.size === 0, 'the end of the session');
      const back = await stage.raw();
      back.send(connectPacket('c', { clean: false }));
      expect(await back.next('connack')).toMatchObject({ sessionPresent: false });
      back.send({ cmd: 'disconnect' });
      await until(() => server.stats().clients.resumable === 1, 'its goodbye');
      await (await stage.connected('c')).socket.destroy();
      await until(() => server.users.size === 0, 'the end of the session');
    }
  });
});

describe('SUBSCRIBE', () => {
  test('is granted by policies, as everybody’s is', async () => {
    await stage.serve({
      channels: {
        'open/#': open,
        'names/#': { canSubscribe: () => true },
        'mine/+': { canSubscribe: ({ user, channel }) => channel === `mine/${user.id}`, filters: true },
      },
    });
    const device = await stage.connected('c');
    const filters = ['open/+', 'names/a', 'names/#', 'mine/c', 'mine/d', '$SYS/#', 'other'];
    device.send(subscribePacket(9, ...filters.map((filter) => [filter, 2] as [string, 2])));
    expect(await device.next('suback')).toMatchObject({
      messageId: 9,
      granted: [2, 2, 128, 2, 128, 128, 128],
    });
  });

  test('gives what fits several filters once, with the highest QoS', async () => {
    await stage.serve();
    const device = await stage.connected('c');
    device.send(subscribePacket(1, ['a/b', 0], ['a/#', 1], ['+/b', 0]));
    await device.next('suback');
    await stage.server.publish('a/b', 'x');
    expect(await device.next('publish')).toMatchObject({ qos: 1 });
    await device.quiet();
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/#'] });
    expect(await device.next('unsuback')).toMatchObject({ messageId: 2 });
    await stage.server.publish('a/b', 'y');
    expect(await device.next('publish')).toMatchObject({ qos: 0 });
    await device.quiet();
  });

  test('is followed by last values, marked, which an empty retained publication removes', async () => {
    await stage.serve({ channels: { '#': { ...open, retain: true } } });
    const writer = await stage.connected('writer');
    writer.send(publishPacket('a/1', 'one', { qos: 1, messageId: 1, retain: true }));
    await writer.next('puback');
    writer.send(publishPacket('a/2', 'two', { qos: 1, messageId: 2, retain: true }));
    await writer.next('puback');
    writer.send(publishPacket('a/1', '', { qos: 1, messageId: 3, retain: true }));
    await writer.next('puback');
    const device = await stage.connected('c');
    device.send(subscribePacket(1, ['a/+', 0]));
    await device.next('suback');
    expect(await device.next('publish')).toMatchObject({ topic: 'a/2', retain: true });
    await stage.server.publish('a/2', 'live');
    expect(await device.next('publish')).toMatchObject({ topic: 'a/2', retain: false });
    await device.quiet();
  });

  test('ends when the right does', async () => {
    let allowed = true;
    await stage.serve({ channels: { a: { canSubscribe: () => allowed } } });
    const device = await stage.connected('c');
    device.send(subscribePacket(1, ['a']));
    await device.next('suback');
    allowed = false;
    await stage.server.recheckRights();
    await stage.server.publish('a', 'x');
    await device.quiet();
  });
});

describe('PUBLISH', () => {
  test('is acknowledged when the stream has it, and one after the other', async () => {
    let allow = (_: boolean) => {};
    await stage.serve({
      channels: {
        '#': open,
        slow: {
          canPublish: () =>
            new Promise<boolean>((resolve) => {
              allow = resolve;
            }),
        },
      },
    });
    const device = await stage.connected('c');
    device.send(
      publishPacket('slow', 'x', { qos: 1, messageId: 1 }),
      publishPacket('fast', 'y', { qos: 1, messageId: 2 }),
    );
    await device.quiet();
    expect(stage.server.stats().publications.published).toBe(0);
    allow(true);
    expect(await device.next('puback')).toMatchObject({ messageId: 1 });
    expect(await device.next('puback')).toMatchObject({ messageId: 2 });
  });

  test('that may not be goes nowhere, and is acknowledged', async () => {
    await stage.serve({ channels: {} });
    const device = await stage.connected('c');
    device.send(publishPacket('a', 'x', { qos: 1, messageId: 1 }));
    await device.next('puback');
    expect(stage.server.stats()).toMatchObject({ publications: { published: 0 }, errors: { FORBIDDEN: 1 } });
  });

  test('that could be sent again is not acknowledged', async () => {
    await stage.serve({ channels: { a: { ...open, maxPerSecond: 0.1 } } });
    const device = await stage.connected('c');
    device.send(
      publishPacket('a', 'x', { qos: 1, messageId: 1 }),
      publishPacket('a', 'y', { qos: 1, messageId: 2 }),
    );
    expect(await device.next('puback')).toMatchObject({ messageId: 1 });
    await device.end();
    expect(device.packets).toHaveLength(2);
  });
});

describe('what comes', () => {
  test.each([
    ['256 MB announced before CONNECT', Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
    ['a length of five bytes', Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 1)],
    ['what is no MQTT', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ])('%s ends it at once', async (_, bytes) => {
    await stage.serve();
    const device = await stage.raw();
    device.send(bytes);
    await device.end();
  });

  test('faster than its budget is read later, and nobody else waits', async () => {
    await stage.serve({ limits: { maxFramesPerSecond: 5 } });
    const [device, other] = [await stage.connected('c'), await stage.connected('other')];
    for (let i = 1; i <= 15; i++) device.send(publishPacket('a', 'x', { qos: 1, messageId: i }));
    for (let i = 1; i <= 10; i++) await device.next('puback');
    await other.quiet();
    expect(device.packets).toHaveLength(11);
    const late = async () => {
      stage.clock.advance(1_000);
      return device.packets.length === 16;
    };
    await until(late, 'the rest');
    expect(stage.server.stats().disconnects).toEqual({});
  });

  test('byte by byte is the same', async () => {
    await stage.serve();
    const device = await stage.connected('c');
    device.send(subscribePacket(1, ['a']));
    await device.next('suback');
    for (const byte of Buffer.from('\x30\xc8\x01\0\x01a', 'latin1')) device.send(Buffer.of(byte));
    device.send(Buffer.alloc(197, 'x'));
    expect((await device.next('publish')).payload).toHaveLength(197);
  });
});

test('who reads nothing is sent nothing more at most once, and is disconnected by what must get there', async () => {
  await stage.serve({ limits: { maxOutboxBytes: 1 << 20, maxBytesPerSecond: 1e9 } });
  const [frozen, reader] = [
    await stage.connected('frozen', { clean: false }),
    await stage.connected('reader'),
  ];
  for (const device of [frozen, reader]) {
    device.send(subscribePacket(1, ['fast', 0], ['sure', 1]));
    await device.next('suback');
  }
  frozen.socket.pause();
  const writer = await stage.connected('writer');
  const payload = Buffer.alloc(100_000);
  for (let i = 0; i < 150; i++) {
    writer.send(publishPacket('fast', payload));
    await reader.next('publish');
  }
  expect(stage.server.stats().clients.online).toBe(3);
  for (let i = 1; stage.server.stats().clients.online === 3 && i < 100; i++) {
    writer.send(publishPacket('sure', payload, { qos: 1, messageId: i }));
    await writer.next('puback');
    const { messageId } = await reader.next('publish');
    reader.send({ cmd: 'puback', messageId: messageId as number });
  }
  expect(stage.server.stats().disconnects).toEqual({ SLOW_READER: 1 });
  expect(stage.server.stats().clients).toMatchObject({ online: 2, resumable: 1 });
}, 20_000);

test('acknowledgements of what came in one piece leave in one', async () => {
  await stage.serve();
  const device = await stage.connected('c');
  const write = jest.spyOn(Socket.prototype, 'write');
  try {
    const ids = [1, 2, 3];
    device.send(...ids.map((messageId) => publishPacket('a', 'x', { qos: 1, messageId })));
    for (const messageId of ids) expect(await device.next('puback')).toMatchObject({ messageId });
    device.send(publishPacket('a', 'x', { qos: 1, messageId: 4 }));
    expect(await device.next('puback')).toMatchObject({ messageId: 4 });
    const acknowledging = write.mock.calls
      .map(([bytes]) => bytes as Buffer)
      .filter(([first]) => first === 0x40);
    expect(acknowledging.map(({ length }) => length)).toEqual([12, 4]);
  } finally {
    write.mockRestore();
  }
});

test('very many in one piece are taken one after the other, however few may be on their way', async () => {
  await stage.serve({ limits: { maxFramesPerSecond: 100_000 } }, { limits: { maxInFlight: 1 } });
  const device = await stage.connected('c');
  const ids = Array.from({ length: 10_000 }, (_, i) => i + 1);
  device.send(...ids.map((messageId) => publishPacket('a', 'x', { qos: 1, messageId })));
  for (const messageId of ids) expect((await device.next('puback')).messageId).toBe(messageId);
});

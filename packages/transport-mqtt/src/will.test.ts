import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connectPacket, open, publishPacket, type RawDevice, Stage, until } from '../test/support.ts';

/** Sections 3.1.2.5 to 3.1.2.7 of MQTT 3.1.1. */

let stage: Stage;
let heard: string[];
beforeEach(() => {
  stage = new Stage();
  heard = [];
});
afterEach(() => stage.end());

const will = { topic: 'tele/c/LWT', payload: Buffer.from('Offline'), qos: 1, retain: true } as const;

async function serve(options: Parameters<Stage['serve']>[0] = {}): Promise<void> {
  await stage.serve({ channels: { '#': { ...open, retain: true } }, ...options });
  stage.server
    .channel('tele/c/LWT')
    .publications$.subscribe(({ data, from }) => heard.push(`${data} of ${from?.userId}`));
}

async function refused(fields: object): Promise<number | undefined> {
  const device = await stage.raw();
  device.send(connectPacket('c', fields));
  const { returnCode } = await device.next('connack');
  await device.end();
  return returnCode;
}

const ends: readonly [string, (device: RawDevice) => unknown][] = [
  ['its connection is lost', (device) => device.socket.destroy()],
  ['it is silent for too long', () => stage.clock.advance(15_000)],
  ['what it sends is malformed', (device) => device.send(Buffer.of(0xf0, 0))],
  ['the server ends it', () => [...(stage.server.users.get('c')?.clients ?? [])][0]?.disconnect()],
  ['a newer connection takes its place', () => stage.connected('c', { clean: false })],
  ['a newer connection wants a clean session', () => stage.connected('c')],
];

describe.each([true, false])('a will, with a clean session: %s,', (clean) => {
  test.each(ends)('is published where %s [MQTT-3.1.2-8]', async (_, end) => {
    await serve();
    const device = await stage.connected('c', { will, clean, keepalive: 10 });
    expect(heard).toEqual([]);
    await end(device);
    await device.end();
    await until(() => heard.length > 0, 'the will');
    expect(heard).toEqual(['Offline of c']);
    // Once, and it is the last value.
    const reader = await stage.connected('reader');
    reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'tele/#', qos: 0 }] });
    await reader.next('suback');
    expect(await reader.next('publish')).toMatchObject({ topic: 'tele/c/LWT', retain: true });
    await reader.quiet();
    expect(heard).toHaveLength(1);
  });

  test('is forgotten where the device says that it leaves [MQTT-3.1.2-10]', async () => {
    await serve();
    const device = await stage.connected('c', { will, clean });
    device.send({ cmd: 'disconnect' });
    await device.end();
    // And the next connection has none.
    const next = await stage.connected('c', { clean });
    next.socket.destroy();
    await until(() => stage.server.stats().clients.online === 0, 'its end');
    await (await stage.connected('other')).quiet();
    expect(heard).toEqual([]);
  });
});

test('a will comes after what the device has published before', async () => {
  await serve();
  const device = await stage.connected('c', { will });
  device.send(publishPacket('tele/c/LWT', 'Online', { qos: 1, messageId: 1 }));
  device.socket.end();
  await until(() => heard.length === 2, 'both');
  expect(heard).toEqual(['Online of c', 'Offline of c']);
});

test.each([
  ['is taken over', (_: RawDevice) => {}],
  ['is lost', (device: RawDevice) => device.socket.destroy()],
])(
  'a will that waits for a check is not told after what its device says when it is back: the connection %s',
  async (_, end) => {
    const waiting: (() => void)[] = [];
    const canPublish = ({ data }: { data: unknown }) =>
      data !== 'Offline' || new Promise<boolean>((resolve) => waiting.push(() => resolve(true)));
    await serve({ channels: { '#': { ...open, canPublish } } });
    const device = await stage.raw();
    device.send(connectPacket('c', { will }));
    await until(() => waiting.length === 1, 'the check at CONNECT');
    waiting[0]?.();
    await device.next('connack');
    end(device);
    const back = await stage.raw();
    back.send(connectPacket('c'), publishPacket('tele/c/LWT', 'Online', { qos: 1, messageId: 1 }));
    await until(() => waiting.length === 2, 'the will');
    await (await stage.connected('other')).quiet();
    expect([heard, back.packets]).toEqual([[], []]);
    waiting[1]?.();
    await back.next('connack');
    await back.next('puback');
    expect(heard).toEqual(['Offline of c', 'Online of c']);
  },
);

describe('a CONNECT is refused where the will', () => {
  const channels = { 'tele/+/LWT': { canPublish: ({ data }: { data: unknown }) => data !== 'no' } };

  test('may not be published, and nothing of it is left', async () => {
    await serve({ channels });
    expect(await refused({ will: { ...will, topic: 'other' }, clean: false })).toBe(5);
    expect(await refused({ will: { ...will, payload: Buffer.from('no') }, clean: false })).toBe(5);
    await until(() => stage.server.users.size === 0, 'the end of the session');
    expect(heard).toEqual([]);
  });

  test('may not be published: the session that was there waits on, and the will of before is out', async () => {
    await serve({ channels });
    await stage.connected('c', { clean: false, will });
    expect(await refused({ will: { ...will, topic: 'other' }, clean: false })).toBe(5);
    await until(() => stage.server.stats().clients.resumable === 1, 'its end');
    expect(heard).toEqual(['Offline of c']);
  });

  test.each([
    ['has a wildcard in its topic', { topic: 'a/+' }],
    ['has NUL in its topic', { topic: 'a\0' }],
    ['has QoS 3 [MQTT-3.1.2-14]', { qos: 3 }],
  ])('%s', async (_, fields) => {
    await serve();
    const device = await stage.raw();
    const packet = connectPacket('c', { will: { ...will, ...fields } });
    device.send(packet);
    await device.end();
    expect(device.packets).toEqual([]);
  });
});

test('the rights of the moment hold when a will is published', async () => {
  let allowed = true;
  await serve({ channels: { '#': { ...open, canPublish: () => allowed } } });
  const device = await stage.connected('c', { will });
  allowed = false;
  device.socket.destroy();
  await until(() => stage.server.stats().errors.FORBIDDEN === 1, 'its refusal');
  expect(heard).toEqual([]);
});

test('a server that stops publishes no wills, and defers them where it has a store: nobody would be there to read them', async () => {
  await serve();
  const device = await stage.connected('c', { will });
  const stopped = stage.server.disconnect();
  await device.end();
  stage.clock.advance(10_000);
  await stopped;
  expect(heard).toEqual([]);
});

import { createServer, provide, tokens } from '@callboard/core';
import { collectingLogger, LiveClock, turn, until } from '@callboard/testkit';
import { mqttTransport } from '@callboard/transport-mqtt';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connectDevice, leave } from '../test/device.ts';
import { presence } from './index.ts';

/** Devices over MQTT, by real sockets. */

const begin = async () => {
  const clock = new LiveClock();
  const mqtt = mqttTransport({ port: 0 });
  const server = createServer({
    transports: [mqtt],
    plugins: [presence({ graceMs: 30_000, graceAfterCloseMs: 5_000 })],
    channels: { '#': { canSubscribe: () => true, canPublish: () => true } },
    logger: collectingLogger([]),
    provide: [provide(tokens.clock, clock)],
  });
  await server.start();
  const events: string[] = [];
  server.events$.subscribe((event) => {
    const { type } = event;
    events.push(type === 'STATUS_CHANGE' ? `${(event as { status: string }).status}` : type);
  });
  const wills: unknown[] = [];
  server.channel('gone').publications$.subscribe(({ data }) => wills.push(data));
  const stop = async () => {
    let isOver = false;
    const over = server.disconnect({ graceMs: 0 }).finally(() => {
      isOver = true;
    });
    await until(() => {
      clock.advance(1_000);
      return isOver;
    }, 'the end of the server');
    await over;
  };
  const device = () => connectDevice(mqtt.port as number, 'lamp');
  const status = () => server.users.get('lamp')?.status.status;
  return { clock, server, events, wills, stop, device, status };
};
let stage: Awaited<ReturnType<typeof begin>>;

beforeEach(async () => {
  stage = await begin();
});
afterEach(() => stage.stop());

test('a will that comes late, of a connection that was taken over, signs nobody off', async () => {
  const { clock, events, wills, device, status } = stage;
  const [old] = [await device(), await device()];
  await until(() => wills.length === 1, 'the will');
  old.destroy();
  for (let i = 0; i < 100; i++) {
    clock.advance(1_000);
    await turn();
  }
  expect(status()).toBe('ONLINE');
  expect(events.filter((event) => event === 'AWAY' || event === 'OFFLINE' || event === 'USER_LEFT')).toEqual(
    [],
  );
});

test('a device that is lost and comes back in time was there all along; one that does not is OFFLINE after the grace', async () => {
  const { clock, events, wills, device, status } = stage;
  for (let i = 0; i < 3; i++) {
    const socket = await device();
    await until(() => stage.server.users.get('lamp')?.clients.size === 1, 'the device');
    socket.destroy();
    await until(() => wills.length === i + 1, 'the will');
    clock.advance(20_000);
    expect(status()).toBe('ONLINE');
  }
  expect(events.filter((event) => event === 'OFFLINE')).toEqual([]);
  clock.advance(11_000);
  expect([status(), events.filter((event) => event === 'OFFLINE')]).toEqual(['OFFLINE', ['OFFLINE']]);
  await device();
  await until(() => status() === 'ONLINE', 'the device');
});

test('a device that leaves has the grace of one that is lost, as its session waits', async () => {
  const { clock, events, wills, device, status } = stage;
  leave(await device());
  await until(() => events.includes('CLIENT_LOST'), 'its leaving');
  clock.advance(29_000);
  expect([status(), wills]).toEqual(['ONLINE', []]);
  clock.advance(2_000);
  expect(status()).toBe('OFFLINE');
});

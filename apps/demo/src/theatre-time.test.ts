import { type Clock, definePlugin } from '@callboard/core';
import { createHarness, SimulatedClock, until } from '@callboard/testkit';
import { afterEach, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { TheatreClock } from './shared/theatre-clock.ts';
import type { Door } from './signed-in.ts';
import { byClock, clockRoutes } from './theatre-time.ts';

const hour = 3_600_000;
let app: FastifyInstance | undefined;

afterEach(() => app?.close());

test('a plugin goes by the theatre’s clock, its server by its own', async () => {
  const theatre = new TheatreClock(new SimulatedClock(0));
  theatre.set(hour);
  const plugin = definePlugin({ name: 'hours', setup: ({ clock }): { clock: Clock } => ({ clock }) });
  const { clock, server } = await createHarness({
    plugins: [byClock(plugin, theatre)],
  });
  expect(server.hours.clock.now()).toBe(hour);
  expect(clock.now()).not.toBe(hour);
  await server.disconnect();
});

test('time is not moved while something is under way by it', async () => {
  const clock = new TheatreClock(new SimulatedClock(0));
  let isBusy = true;
  let asked = 0;
  app = Fastify();
  const door = { signedIn: async () => ({ id: 'orla' }) } as unknown as Door;
  await app.register(clockRoutes, { clock, door, isBusy: () => ++asked > 0 && isBusy });
  const moved = fetch(`${await app.listen({ host: '127.0.0.1', port: 0 })}/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ by: 'hour' }),
  });
  await until(() => asked >= 10, 'the route to ask');
  expect(clock.get()).toBe(0);
  isBusy = false;
  expect(await (await moved).json()).toEqual({ aheadMs: hour });
  expect(clock.get()).toBe(hour);
});

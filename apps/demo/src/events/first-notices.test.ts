import { silentLogger } from '@callboard/core';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hourMs, notice } from '../../test/api.ts';
import { createDemo, type Demo } from '../demo.ts';
import { pinFirstNotices } from './first-notices.ts';

const limits = { eventsEach: 2, subscriptionsEach: 10 };
let demo: Demo;

beforeEach(() => open({ firstNotices: true }));
afterEach(() => demo.stop());

async function open(options: { firstNotices?: boolean; production?: boolean; secret?: string }) {
  demo = await createDemo({ port: 0, limits, logger: silentLogger, passwordWork: 16, ...options });
  await demo.start();
}
const board = async () => (await demo.events.list(undefined, { limit: 50 })).events;
const owners = async () => (await board()).map(({ owner }) => owner.id);
const again = async () => {
  await pinFirstNotices(demo.events, demo.clock.now());
  await demo.notices.catchUp();
};

test('whoever comes first finds notices of all of the company, and is told of what they are down for two hours later', async () => {
  expect(await owners()).toEqual(['barnaby', 'orla', 'winifred', 'teodor']);
  const [, { id, startsAt } = { id: '', startsAt: '' }] = await board();
  const { notification } = (await demo.server.notify.history(`event/${id}/1`)) ?? {};
  expect(notification).toMatchObject({ state: 'scheduled', at: Date.parse(startsAt) });
  // The first of its lead times is a day.
  expect(Date.parse(startsAt) - 24 * hourMs).toBeLessThanOrEqual(demo.clock.now() + 2 * hourMs);
  expect(Date.parse(startsAt) - 24 * hourMs).toBeGreaterThan(demo.clock.now() + hourMs);
});

test('they are there once, however often the demo is started; what was taken down comes back, what has begun is put off', async () => {
  const before = await board();
  await again();
  expect(await board()).toEqual(before);
  await demo.events.remove(before[1]?.id as string, 'orla');
  demo.clock.set(6 * hourMs);
  await again();
  const after = await board();
  expect(after.map(({ headline }) => headline).sort()).toEqual(before.map(({ headline }) => headline).sort());
  expect(after.find(({ owner }) => owner.id === 'barnaby')).toMatchObject({ id: before[0]?.id, version: 2 });
});

test('who has posted as many as they may has theirs another time, and nobody waits for them', async () => {
  for (const { id, owner } of await board()) await demo.events.remove(id, owner.id);
  for (let i = 0; i < limits.eventsEach; i++) await demo.events.post('barnaby', notice());
  await again();
  expect((await owners()).filter((id) => id !== 'barnaby').sort()).toEqual(['orla', 'teodor', 'winifred']);
});

test.each([
  ['unless they are asked for', {}],
  [
    'in production, where the company is not',
    { firstNotices: true, production: true, secret: 'a secret of this test, 32 bytes long or more' },
  ],
])('there are none %s', async (_, options) => {
  await demo.stop();
  await open(options);
  expect(await board()).toEqual([]);
});

import { type Client, createClient, type Publication } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lineTo } from '../test/line-to.ts';
import { createDemo, type Demo } from './demo.ts';
import { MAX_SEATS_EACH } from './shared/limits.ts';
import type { LiveHouse } from './shared/show-channel.ts';

let demo: Demo;
let clients: Client[];

beforeEach(async () => {
  clients = [];
  const patience = { graceAfterCloseMs: 0 };
  demo = await createDemo({ port: 0, seats: 8, passwordWork: 16, logger: silentLogger, patience });
  await demo.start();
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await demo.stop({ graceMs: 100 });
});

async function clientOf(userId: string): Promise<Client> {
  const client = createClient({ ...(await lineTo(demo, userId)), backoff: { minMs: 1, maxMs: 5 } });
  clients.push(client);
  await client.connect();
  return client;
}

const take = (client: Client, show = 'moths') =>
  client.sendToServer<{ seat: string }>({ type: 'TAKE_SEAT', show });
const giveBack = (client: Client, seat: string, show = 'moths') =>
  client.sendToServer({ type: 'RETURN_SEAT', show, seat });

/** What a client is told of a show from now on. */
async function watch(client: Client, show = 'moths') {
  const told: Publication[] = [];
  const channel = client.channel(`show/${show}`);
  channel.subscribe((publication) => void told.push(publication));
  await channel.joined();
  return { channel, told, left: () => told.map(({ data }) => (data as LiveHouse).left) };
}
const lastIs = (told: readonly Publication[], left: number, watching?: number) =>
  until(
    () => {
      const house = told.at(-1)?.data as LiveHouse | undefined;
      return house?.left === left && (watching === undefined || house.watching === watching);
    },
    `${left} left, ${watching ?? 'any number'} watching`,
  );

describe('the channel of a show', () => {
  test('tells who comes late how it is, at once, and then each change', async () => {
    const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
    await take(orla);
    const { told } = await watch(teodor);
    await lastIs(told, 7);
    expect(told[0]).toMatchObject({ retained: true, data: { left: 7, of: 8, taken: ['A1'] } });
    await take(orla);
    await lastIs(told, 6);
    await giveBack(orla, 'A1');
    await lastIs(told, 7);
    expect(told.at(-1)?.data).toMatchObject({ taken: ['A2'] });
    expect(told.at(-1)?.from).toBeUndefined();
  });

  test('tells nobody who has left it, or looks at another show', async () => {
    const [orla, teodor, barnaby] = [
      await clientOf('orla'),
      await clientOf('teodor'),
      await clientOf('barnaby'),
    ];
    const [here, elsewhere] = [await watch(teodor), await watch(barnaby, 'vellum')];
    await lastIs(here.told, 8);
    await here.channel.leave();
    expect(demo.server.channel('show/moths').subscribers.size).toBe(0);
    await take(orla);
    // Replies come after whatever was sent before.
    for (const each of [teodor, barnaby]) await each.sendToServer({ type: 'SEATS_LEFT', show: 'moths' });
    expect([...here.left(), ...elsewhere.left()].filter((left) => left !== 8)).toEqual([]);
  });

  test('goes on where it was for who comes back', async () => {
    const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
    const { told } = await watch(teodor);
    await lastIs(told, 8);
    teodor.drop();
    for (let i = 0; i < 3; i++) await take(orla);
    await teodor.connect();
    await lastIs(told, 5);
  });

  test.each(['show/hamlet', 'show', 'show/moths/more', 'shows/moths'])(
    '%s is not to be had',
    async (name) => {
      const orla = await clientOf('orla');
      const channel = orla.channel(name);
      channel.subscribe(() => {});
      await expect(channel.joined()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    },
  );

  test('is the server’s to write to', async () => {
    const orla = await clientOf('orla');
    const published = orla.channel('show/moths').publish({ left: 99, of: 99, taken: [], watching: 0 });
    await expect(published).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('says how many people look, however many tabs they have', async () => {
    const [orla, again, teodor] = [await clientOf('orla'), await clientOf('orla'), await clientOf('teodor')];
    const { told } = await watch(orla);
    await lastIs(told, 8, 1);
    await watch(again);
    const { channel } = await watch(teodor);
    await lastIs(told, 8, 2);
    await channel.leave();
    await lastIs(told, 8, 1);
    // Who does not want to be seen does not look.
    await orla.sendToServer({ type: 'PRESENCE_CHOOSE', choice: 'invisible' });
    await lastIs(told, 8, 0);
  });

  test('is there again when the server is', async () => {
    await take(await clientOf('orla'));
    await demo.server.disconnect({ graceMs: 100 });
    await demo.server.start();
    const { told } = await watch(await clientOf('teodor'));
    await lastIs(told, 7);
  });
});

describe('reservations', () => {
  test('many at once get as many seats as there are, each of them once', async () => {
    const people = await Promise.all(['orla', 'teodor', 'winifred', 'barnaby'].map(clientOf));
    const asked = people.flatMap((each) => Array.from({ length: MAX_SEATS_EACH }, () => take(each)));
    const answers = await Promise.allSettled(asked);
    const sold = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value.seat] : []));
    expect(sold.sort()).toEqual(['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8']);
    const refused = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect(refused).toEqual(Array(8).fill('SOLD_OUT'));
  });

  test('a retry takes no second seat', async () => {
    const orla = await clientOf('orla');
    const asked = take(orla);
    orla.drop();
    const { retry } = await asked.then(
      () => ({ retry: async () => ({ seat: 'A1' }) }),
      (error) => error as { retry: () => Promise<{ seat: string }> },
    );
    expect(await retry()).toMatchObject({ seat: 'A1' });
    expect(demo.houses.of('moths').left).toBe(7);
  });

  test('a seat comes back once, and from who has it alone', async () => {
    const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
    await take(orla);
    await expect(giveBack(teodor, 'A1')).rejects.toMatchObject({ code: 'NOT_YOURS', effect: 'none' });
    const twice = await Promise.allSettled([giveBack(orla, 'A1'), giveBack(orla, 'A1')]);
    expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(demo.houses.of('moths').left).toBe(8);
  });

  test('each has a few, for each show', async () => {
    const orla = await clientOf('orla');
    for (let i = 0; i < MAX_SEATS_EACH; i++) await take(orla);
    await expect(take(orla)).rejects.toMatchObject({ code: 'TOO_MANY', effect: 'none' });
    await take(orla, 'vellum');
    expect(await orla.sendToServer({ type: 'MY_SEATS' })).toEqual({
      seats: { moths: ['A1', 'A2', 'A3', 'A4'], vellum: ['A1'] },
    });
  });

  test('all tabs of who has it are told, and nobody else', async () => {
    const [one, two, teodor] = [await clientOf('orla'), await clientOf('orla'), await clientOf('teodor')];
    const told: unknown[] = [];
    for (const each of [one, two]) each.subscribe('YOUR_SEATS', (action) => void told.push(action));
    const others: unknown[] = [];
    teodor.subscribe('YOUR_SEATS', (action) => void others.push(action));
    await take(one);
    await until(() => told.length === 2, 'both tabs');
    expect(told).toEqual(Array(2).fill({ type: 'YOUR_SEATS', show: 'moths', seats: ['A1'] }));
    await teodor.sendToServer({ type: 'SEATS_LEFT' });
    expect(others).toEqual([]);
  });

  test.each([
    { type: 'TAKE_SEAT', show: 'hamlet' },
    { type: 'TAKE_SEAT', show: '__proto__' },
    { type: 'RETURN_SEAT', show: 'moths' },
    { type: 'RETURN_SEAT', seat: 'A1' },
    { type: 'RETURN_SEAT', show: 'moths', seat: 'A'.repeat(9) },
  ])('%j is not understood', async (action) => {
    const orla = await clientOf('orla');
    await expect(orla.sendToServer(action)).rejects.toMatchObject({ code: 'INVALID_ACTION' });
  });
});

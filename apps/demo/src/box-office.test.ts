import { type Client, createClient } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lineTo } from '../test/line-to.ts';
import { createDemo, type Demo } from './demo.ts';

const secret = 'a secret of this test, 32 bytes long or more';
let demo: Demo;
let clients: Client[];

beforeEach(async () => {
  clients = [];
  demo = await createDemo({ port: 0, secret, seats: 2, passwordWork: 16, logger: silentLogger });
  await demo.start();
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await demo.stop();
});

async function clientWith(userId: string, token?: string): Promise<Client> {
  const client = createClient(await lineTo(demo, userId, token));
  clients.push(client);
  return client;
}

async function clientOf(userId: string): Promise<Client> {
  const client = await clientWith(userId);
  await state(client, 'online');
  return client;
}

/** Resolves once the client's connection is in this state. */
function state(client: Client, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => client.actor.getSnapshot().value === wanted && resolve();
    client.actor.subscribe(look);
    look();
  });
}

const next = (client: Client, type: string) =>
  new Promise<unknown>((resolve) => {
    const off = client.subscribe(type, (action) => {
      off();
      resolve(action);
    });
  });

const mark = (listed: boolean, counter: number) => ({ listed, stamp: [counter, 'a tab'] });

describe('who may come in', () => {
  test.each<[string, () => Promise<string> | string]>([
    ['nonsense', () => 'nonsense'],
    ['somebody else’s', () => demo.passes.issue('teodor')],
  ])('not with a token that is %s', async (_, token) => {
    const client = await clientWith('orla', await token());
    await state(client, 'closed');
    expect(client.actor.getSnapshot().context.ending?.name).toBe('UNAUTHORIZED');
  });

  test('not who has a token and no account', async () => {
    const client = await clientWith('guest-gone');
    await state(client, 'closed');
    expect(client.actor.getSnapshot().context.ending?.name).toBe('UNAUTHORIZED');
  });
});

describe('notes', () => {
  test('reach who is in, in every tab', async () => {
    const [orla, one, two] = [await clientOf('orla'), await clientOf('teodor'), await clientOf('teodor')];
    const arrived = Promise.all([next(one, 'NOTE'), next(two, 'NOTE')]);
    await orla.sendToUser({ type: 'NOTE', text: '  Beginners, please ' }, 'teodor');
    expect(await arrived).toEqual([
      { type: 'NOTE', text: 'Beginners, please' },
      { type: 'NOTE', text: 'Beginners, please' },
    ]);
  });

  test('for who is not in are refused', async () => {
    const orla = await clientOf('orla');
    await expect(orla.sendToUser({ type: 'NOTE', text: 'Hello?' }, 'barnaby')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      effect: 'none',
    });
  });

  test('for who is in and wants not to be seen are refused alike, and the list of the company says so', async () => {
    const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
    const company = async () => {
      const { endPoint, token } = await lineTo(demo, 'orla');
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${endPoint.replace('ws', 'http')}/api/company`, { headers });
      const { company } = (await response.json()) as { company: { id: string; isIn: boolean }[] };
      return company.filter(({ isIn }) => isIn).map(({ id }) => id);
    };
    expect((await company()).sort()).toEqual(['orla', 'teodor']);
    await teodor.sendToServer({ type: 'PRESENCE_CHOOSE', choice: 'invisible' });
    expect(await company()).toEqual(['orla']);
    await expect(orla.sendToUser({ type: 'NOTE', text: 'Hello?' }, 'teodor')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      effect: 'none',
    });
  });

  test('are all that one may send to others', async () => {
    const [orla] = [await clientOf('orla'), await clientOf('teodor')];
    const update = { type: 'SHORTLIST_UPDATE', state: {} };
    await expect(orla.sendToUser(update, 'teodor')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test.each(['', '   ', 'x'.repeat(281), 44])('are no note as %j', async (text) => {
    const [orla] = [await clientOf('orla'), await clientOf('teodor')];
    const sent = orla.sendToUser({ type: 'NOTE', text }, 'teodor');
    await expect(sent).rejects.toMatchObject({ code: 'INVALID_ACTION' });
  });
});

describe('the shortlist', () => {
  test('is the sum of what a user’s tabs have sent, whichever came first', async () => {
    const [one, two] = [await clientOf('orla'), await clientOf('orla')];
    await one.broadcast({
      type: 'SHORTLIST_UPDATE',
      state: { moths: mark(false, 2), vellum: mark(true, 1) },
    });
    await two.broadcast({ type: 'SHORTLIST_UPDATE', state: { moths: mark(true, 1) } });
    expect(await (await clientOf('orla')).sendToServer({ type: 'SHORTLIST' })).toEqual({
      state: { moths: mark(false, 2), vellum: mark(true, 1) },
    });
  });

  test('is nobody else’s', async () => {
    const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
    await orla.broadcast({ type: 'SHORTLIST_UPDATE', state: { moths: mark(true, 1) } });
    expect(await teodor.sendToServer({ type: 'SHORTLIST' })).toEqual({ state: {} });
  });

  test.each([
    ['a show that is not on the bill', { hamlet: mark(true, 1) }],
    ['half a mark', { moths: { listed: true } }],
    ['a stamp that does not count', { moths: { listed: true, stamp: ['1', 'a'] } }],
    ['nothing', undefined],
  ])('does not take %s', async (_, state) => {
    const orla = await clientOf('orla');
    const sent = orla.broadcast({ type: 'SHORTLIST_UPDATE', state });
    await expect(sent).rejects.toMatchObject({ code: 'INVALID_ACTION' });
    expect(await orla.sendToServer({ type: 'SHORTLIST' })).toEqual({ state: {} });
  });
});

test('a seat is taken once, whoever asks, until there is none', async () => {
  const [orla, teodor] = [await clientOf('orla'), await clientOf('teodor')];
  const take = (client: Client) => client.sendToServer({ type: 'TAKE_SEAT' });
  expect(await take(orla)).toEqual({ seat: 'A1', left: 1, of: 2, taken: ['A1'] });
  expect(await take(teodor)).toEqual({ seat: 'A2', left: 0, of: 2, taken: ['A1', 'A2'] });
  await expect(take(orla)).rejects.toMatchObject({ code: 'SOLD_OUT', effect: 'none' });
  const tonight = { left: 0, of: 2, taken: ['A1', 'A2'] };
  expect(await orla.sendToServer({ type: 'SEATS_LEFT' })).toEqual(tonight);
  expect(demo.houses.of('understudy').state).toEqual(tonight);
});

test('my tabs are mine, and whether they are there', async () => {
  const [one, two] = [await clientOf('orla'), await clientOf('orla')];
  await clientOf('teodor');
  expect(await one.sendToServer({ type: 'MY_TABS' })).toEqual({
    tabs: [
      { clientId: one.id, online: true },
      { clientId: two.id, online: true },
    ],
  });
});

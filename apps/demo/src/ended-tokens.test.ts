import type { AddressInfo } from 'node:net';
import { type Client, createClient } from '@callboard/client';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { Devices } from '../test/devices.ts';
import { lineTo } from '../test/line-to.ts';
import { api, demo, reopen, tokens, withRest } from '../test/rest-stage.ts';
import { watching } from '../test/watching.ts';
import { Accounts } from './accounts.ts';
import { PASSWORD_CHANGED } from './shared/pass.ts';
import { cardPath } from './shared/programme.ts';

interface Signed {
  readonly token: string;
  readonly user: { readonly id: string };
}

const login = { email: 'ada@example.org', password: 'correct horse' };
let ada: Signed;
let clients: Client[];

withRest();
beforeEach(async () => {
  clients = [];
  await signUp();
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
});

async function signUp() {
  ada = (await api.ask<Signed>('POST', '/sign-up', { body: { ...login, name: 'Ada Byrne' } })).body;
}

const port = () => (demo.web.server.address() as AddressInfo).port;

async function clientWith(token: string, userId = ada.user.id): Promise<Client> {
  const client = createClient(await lineTo(demo, userId, token));
  clients.push(client);
  return client;
}

/** Why the client's connection ended for good. */
async function ending(client: Client) {
  await until(() => client.actor.getSnapshot().value === 'closed', 'the end');
  return client.actor.getSnapshot().context.ending;
}

async function connected(token: string, userId?: string): Promise<Client> {
  const client = await clientWith(token, userId);
  await client.connect();
  return client;
}

/** The new token, and the next version of the profile. */
async function changePassword(token = ada.token, client?: string) {
  const { status, body } = await api.ask<{ token: string; version: number }>(
    'PATCH',
    cardPath(ada.user.id).slice(4),
    {
      ...{ token, headers: { 'if-match': 'W/"1"' } },
      body: { password: { current: login.password, next: 'another horse', client } },
    },
  );
  expect(status).toBe(200);
  return body;
}
const look = (token: string) => api.ask('GET', cardPath(ada.user.id).slice(4), { token });

describe('a change of the password', () => {
  test('ends all tokens that there are, wherever they are from; the one it gives, and later ones, are good', async () => {
    const { body: another } = await api.ask<Signed>('POST', '/sign-in', { body: login });
    const { body: renewed } = await api.ask<Signed>('POST', '/renew', { token: ada.token });
    const { token } = await changePassword();
    for (const ended of [ada.token, another.token, renewed.token]) {
      expect(await look(ended)).toMatchObject({ status: 401, body: { error: { code: 'NO_PASS' } } });
      expect((await api.ask('GET', '/events', { token: ended })).status).toBe(401);
      expect((await api.ask('POST', '/renew', { token: ended })).status).toBe(401);
    }
    const { body: later } = await api.ask<Signed>('POST', '/renew', { token });
    const password = 'another horse';
    const { body: anew } = await api.ask<Signed>('POST', '/sign-in', { body: { ...login, password } });
    for (const good of [token, later.token, anew.token]) expect((await look(good)).status).toBe(200);
    // Who proves that they know the password has signed in.
    expect(decodeJwt(token).auth_time).toBeGreaterThanOrEqual(decodeJwt(ada.token).auth_time as number);
  });

  test('closes the connections that there are, with a reason, but for that of the client that it names', async () => {
    const [own, other] = [await connected(ada.token), await connected(ada.token)];
    const orla = await connected(tokens.orla, 'orla');
    const { id } = own;
    const { token } = await changePassword(ada.token, id);
    expect(await ending(other)).toMatchObject({ code: PASSWORD_CHANGED, reason: 'PASSWORD_CHANGED' });
    await own.refresh(token);
    expect([own.isConnected(), orla.isConnected()]).toEqual([true, true]);
    expect([...(demo.server.users.get(ada.user.id)?.clients ?? [])]).toMatchObject([{ id }]);
  });

  test('closes all of them where it names none, or one that is another’s; and lets nobody in any more', async () => {
    const [one, two] = [await connected(ada.token), await connected(ada.token)];
    const { token } = await changePassword(ada.token, 'orlas-client');
    for (const client of [one, two]) expect((await ending(client))?.code).toBe(PASSWORD_CHANGED);
    expect((await ending(await clientWith(ada.token)))?.name).toBe('UNAUTHORIZED');
    await expect(new Devices().connect(demo, ada.user.id, ada.token)).rejects.toMatchObject({ code: 4 });
    await expect((await connected(token)).refresh(ada.token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('closes also who was let in just before, and was not there yet', async () => {
    const { of } = Accounts.prototype;
    let letIn = () => {};
    const asked = new Promise<void>((resolve) => {
      Accounts.prototype.of = async function (bearer) {
        Accounts.prototype.of = of;
        const account = await of.call(this, bearer);
        resolve();
        await new Promise<void>((go) => {
          letIn = go;
        });
        return account;
      };
    });
    try {
      const late = await clientWith(ada.token);
      await asked;
      await changePassword();
      letIn();
      expect((await ending(late))?.code).toBe(PASSWORD_CHANGED);
    } finally {
      Accounts.prototype.of = of;
    }
  });

  test('ends what is watched with a token of before, unless its client brings the new one', async () => {
    let shown = Promise.resolve(ada.token);
    const who = { userId: ada.user.id, token: ada.token, shown: () => shown };
    const own = await watching<{ version: number }>(port(), who, cardPath(ada.user.id));
    clients.push(own.client);
    shown = changePassword(ada.token, own.client.id).then(({ token }) => token);
    await until(() => own.last().version === 2, 'the page of the new version');
    expect(own.watch.state).toMatchObject({ state: 'live' });
  });
});

test('who asks with a token that was ended takes nothing from its owner', async () => {
  await reopen({ requestsPerSecond: 2 });
  await signUp();
  const { token } = await changePassword();
  const ended = await Promise.all(Array.from({ length: 10 }, () => look(ada.token)));
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set([401, 429]));
  expect((await look(token)).status).toBe(200);
});

test('what else is changed ends no token', async () => {
  const { status, body } = await api.ask<{ token?: string }>('PATCH', cardPath(ada.user.id).slice(4), {
    ...{ token: ada.token, headers: { 'if-match': 'W/"1"' } },
    body: { about: 'Counts.', email: { current: login.password, next: 'new@example.org' } },
  });
  expect([status, body.token]).toEqual([200, undefined]);
  expect((await look(ada.token)).status).toBe(200);
});

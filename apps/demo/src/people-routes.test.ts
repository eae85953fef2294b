import { collectingLogger } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Api, tokensOf } from '../test/api.ts';
import { createDemo, type Demo } from './demo.ts';
import { Passwords } from './passwords.ts';

interface Profile {
  readonly id: string;
  readonly about: string;
  readonly views: number;
  readonly version: number;
}
interface Signed {
  readonly token: string;
  readonly user: { readonly id: string; readonly name: string };
}

let demo: Demo;
let api: Api;
let logger: ReturnType<typeof collectingLogger>;
let ada: Signed;

const good = { name: 'Ada Byrne', password: 'correct horse' };

beforeEach(async () => {
  logger = collectingLogger();
  demo = await createDemo({
    port: 0,
    logger,
    passwordWork: 16,
    requestsPerSecond: 1_000,
    attemptsPerMinute: 1_000,
  });
  api = new Api(await demo.start());
  ada = (await api.ask<Signed>('POST', '/sign-up', { body: good })).body;
});
afterEach(() => demo.stop());

const profile = (id: string, token?: string) => api.ask<Profile>('GET', `/people/${id}`, { token });
const change = (id: string, token: string | undefined, body: unknown, tag = 'W/"1"') =>
  api.ask<Profile>('PATCH', `/people/${id}`, { token, body, headers: { 'if-match': tag } });
const signIn = (name: string, password: string) =>
  api.ask<Signed>('POST', '/sign-in', { body: { name, password } });

describe('a profile', () => {
  test('is for its owner, and counts how often it was looked at; changes alone make it another version', async () => {
    const first = await profile(ada.user.id, ada.token);
    expect(first).toMatchObject({ status: 200, body: { ...ada.user, about: '', views: 1, version: 1 } });
    expect(first.headers.get('etag')).toBe('W/"1"');
    expect((await profile(ada.user.id, ada.token)).body).toMatchObject({ views: 2, version: 1 });
    const changed = await change(ada.user.id, ada.token, { about: 'Counts\nengines' });
    expect(changed).toMatchObject({ status: 200, body: { about: 'Counts\nengines', views: 2, version: 2 } });
    expect(changed.headers.get('etag')).toBe('W/"2"');
  });

  test('of another is neither shown nor changed, whether there is one or not', async () => {
    for (const id of ['orla', 'nobody']) {
      expect(await profile(id, ada.token)).toMatchObject({
        status: 403,
        body: { error: { code: 'NOT_YOURS' } },
      });
      const mine = { about: 'Mine', password: { current: 'break-a-leg', next: 'correct horse' } };
      expect(await change(id, ada.token, mine)).toMatchObject({
        status: 403,
        body: { error: { code: 'NOT_YOURS' } },
      });
    }
    for (const path of ['orla', ada.user.id]) {
      expect((await profile(path)).status).toBe(401);
      expect((await change(path, undefined, { about: 'Mine' })).status).toBe(401);
    }
    const { orla } = await tokensOf(demo);
    expect((await profile('orla', orla)).body).toMatchObject({ about: '', views: 1, version: 1 });
    expect((await signIn('Orla Finch', 'break-a-leg')).status).toBe(200);
  });

  test('of which an old version is changed stays as it is', async () => {
    await change(ada.user.id, ada.token, { about: 'First' });
    expect(await change(ada.user.id, ada.token, { about: 'Second' })).toMatchObject({
      status: 412,
      body: { error: { code: 'STALE' } },
    });
    expect((await profile(ada.user.id, ada.token)).body.about).toBe('First');
    const blind = await api.ask('PATCH', `/people/${ada.user.id}`, {
      token: ada.token,
      body: { about: 'x' },
    });
    expect([blind.status, blind.body.error.code]).toEqual([428, 'NO_VERSION']);
  });

  test.each([
    ['nothing', {}],
    ['an empty name', { name: '' }],
    ['a name that is too long', { name: 'x'.repeat(41) }],
    ['too much about oneself', { about: 'x'.repeat(141) }],
    ['another role', { role: 'Stage manager' }],
    ['views', { views: 1_000 }],
    ['a password in clear', { password: 'another horse' }],
    ['a short password', { password: { current: good.password, next: 'short' } }],
    ['a password without the one before', { password: { next: 'another horse' } }],
    ['a list', []],
  ])('is not changed to %s', async (_, body) => {
    const answer = await change(ada.user.id, ada.token, body);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'INVALID']);
  });
});

describe('a name', () => {
  test('may be changed to one that nobody has', async () => {
    expect((await change(ada.user.id, ada.token, { name: 'Ada King' })).status).toBe(200);
    expect((await signIn('ADA KING', good.password)).body.user).toMatchObject({
      id: ada.user.id,
      name: 'Ada King',
    });
    expect((await signIn(good.name, good.password)).status).toBe(401);
    const taken = await change(ada.user.id, ada.token, { name: 'orla finch' }, 'W/"2"');
    expect([taken.status, taken.body.error.code]).toEqual([409, 'NAME_TAKEN']);
  });

  test('and a password of the company’s stay, as everybody is one of them; what they say of themselves need not', async () => {
    const { orla } = await tokensOf(demo);
    for (const body of [{ name: 'Orla' }, { password: { current: 'break-a-leg', next: 'another horse' } }]) {
      const answer = await change('orla', orla, body);
      expect([answer.status, answer.body.error.code]).toEqual([403, 'OF_THE_HOUSE']);
    }
    expect((await change('orla', orla, { about: 'Says go.' })).status).toBe(200);
  });
});

describe('a password', () => {
  const next = 'another horse';

  test('is changed by who knows it', async () => {
    const wrong = await change(ada.user.id, ada.token, { password: { current: 'incorrect horse', next } });
    expect([wrong.status, wrong.body.error.code]).toEqual([401, 'WRONG']);
    expect(
      (await change(ada.user.id, ada.token, { password: { current: good.password, next } })).status,
    ).toBe(200);
    expect((await signIn(good.name, good.password)).status).toBe(401);
    expect((await signIn(good.name, next)).status).toBe(200);
  });

  test('is nowhere in clear: not in the database, in no answer and in no log', async () => {
    const answers = [
      ada,
      await signIn(good.name, good.password),
      await signIn(good.name, 'incorrect horse'),
      await change(ada.user.id, ada.token, { password: { current: good.password, next } }),
      await change(ada.user.id, ada.token, { password: { current: 'incorrect horse', next } }, 'W/"2"'),
      await profile(ada.user.id, ada.token),
      await api.ask('GET', '/company', { token: ada.token }),
      await api.ask('POST', '/sign-up', { body: { ...good, name: '' } }),
      await api.ask('POST', '/sign-up', { body: `{"password":"${good.password}"` }),
    ];
    const kept = await demo.database.db.selectFrom('people').selectAll().execute();
    expect(kept.find(({ id }) => id === ada.user.id)?.password).toMatch(/^\$argon2id\$/);
    for (const text of [answers, kept, logger.logs].map((each) => JSON.stringify(each))) {
      for (const password of [good.password, next, 'incorrect horse', 'break-a-leg'])
        expect(text).not.toContain(password);
    }
    for (const answer of answers) expect(JSON.stringify(answer)).not.toContain('argon2');
  });
});

test('a name that nobody has and a wrong password take the same work, and are answered alike', async () => {
  const { matches } = Passwords.prototype;
  const checked: string[] = [];
  Passwords.prototype.matches = function (kept, password) {
    checked.push(kept.replace(/[^$]*\$[^$]*$/, ''));
    return matches.call(this, kept, password);
  };
  try {
    const wrong = await signIn(good.name, 'incorrect horse');
    const unknown = await signIn('Nobody At All', 'incorrect horse');
    expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body]);
    // One hash each, of the same kind and cost.
    expect(checked).toEqual(['$argon2id$v=19$m=16,t=2,p=1$', '$argon2id$v=19$m=16,t=2,p=1$']);
  } finally {
    Passwords.prototype.matches = matches;
  }
});

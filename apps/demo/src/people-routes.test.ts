import { collectingLogger } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Api, notice, tokensOf } from '../test/api.ts';
import { createDemo, type Demo } from './demo.ts';
import { Passwords } from './passwords.ts';

interface Profile {
  readonly id: string;
  readonly about: string;
  readonly views: number;
  readonly version: number;
  readonly token?: string;
}
interface Signed {
  readonly token: string;
  readonly user: { readonly id: string; readonly name: string };
}

let demo: Demo;
let api: Api;
let logger: ReturnType<typeof collectingLogger>;
let ada: Signed;

const login = { email: 'ada@example.org', password: 'correct horse' };
const good = { ...login, name: 'Ada Byrne' };

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
const signIn = (password: string, email = login.email) =>
  api.ask<Signed>('POST', '/sign-in', { body: { email, password } });

describe('a profile', () => {
  test('is for its owner, and counts how often it was looked at; changes alone make it another version', async () => {
    const first = await profile(ada.user.id, ada.token);
    expect(first).toMatchObject({
      status: 200,
      body: { ...ada.user, email: login.email, about: '', views: 1, version: 1 },
    });
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
    expect((await signIn('break-a-leg', 'orla@tallow-street.example')).status).toBe(200);
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
    ['an e-mail without the password', { email: { next: 'new@example.org' } }],
    ['an e-mail by itself', { email: 'new@example.org' }],
    ['an e-mail that is none', { email: { current: good.password, next: 'new' } }],
    ['a list', []],
  ])('is not changed to %s', async (_, body) => {
    const answer = await change(ada.user.id, ada.token, body);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'INVALID']);
  });
});

describe('a name', () => {
  test('may be changed to one that nobody has', async () => {
    expect((await change(ada.user.id, ada.token, { name: 'Ada King' })).status).toBe(200);
    expect((await signIn(good.password)).body.user).toMatchObject({ id: ada.user.id, name: 'Ada King' });
    const taken = await change(ada.user.id, ada.token, { name: 'orla finch' }, 'W/"2"');
    expect([taken.status, taken.body.error.code]).toEqual([409, 'NAME_TAKEN']);
  });

  test('and a password of the company’s stay, as everybody is one of them; what they say of themselves need not', async () => {
    const { orla } = await tokensOf(demo);
    const current = 'break-a-leg';
    for (const body of [
      { name: 'Orla' },
      { email: { current, next: 'orla@example.org' } },
      { password: { current, next: 'another horse' } },
    ]) {
      const answer = await change('orla', orla, body);
      expect([answer.status, answer.body.error.code]).toEqual([403, 'OF_THE_HOUSE']);
    }
    expect((await change('orla', orla, { about: 'Says go.' })).status).toBe(200);
  });
});

describe('an e-mail', () => {
  const to = (next: string, current = good.password) => ({ email: { current, next } });

  test('is changed by who knows the password, to one that nobody has, however it is written', async () => {
    const wrong = await change(ada.user.id, ada.token, to('new@example.org', 'incorrect horse'));
    expect([wrong.status, wrong.body.error.code]).toEqual([401, 'WRONG']);
    const taken = await change(ada.user.id, ada.token, to('Orla@Tallow-Street.example'));
    expect([taken.status, taken.body.error.code]).toEqual([409, 'EMAIL_TAKEN']);
    const changed = await change(ada.user.id, ada.token, to('New@Example.org'));
    expect(changed).toMatchObject({ status: 200, body: { email: 'new@example.org', version: 2 } });
    expect((await signIn(good.password)).status).toBe(401);
    expect((await signIn(good.password, 'new@example.ORG')).status).toBe(200);
    // The password is what it was, and tokens are as good.
    expect((await profile(ada.user.id, ada.token)).status).toBe(200);
  });

  test('is told to its owner alone', async () => {
    const { orla } = await tokensOf(demo);
    const { body: event } = await api.post(ada.token, notice());
    await api.putDown(event.id, orla);
    const answers = [
      ada,
      await signIn(good.password),
      await api.ask('GET', '/company', { token: orla }),
      await profile(ada.user.id, orla),
      await api.get(event.id, orla),
      await api.list(orla),
      await api.ask('POST', '/sign-up', { body: { ...good, name: 'Another' } }),
      logger.logs,
    ];
    for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(/ada@example|@tallow-street/);
    expect((await profile(ada.user.id, ada.token)).body).toMatchObject({ email: login.email });
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
    expect((await signIn(good.password)).status).toBe(401);
    expect((await signIn(next)).status).toBe(200);
  });

  test('is nowhere in clear: not in the database, in no answer and in no log', async () => {
    const answers = [
      ada,
      await signIn(good.password),
      await signIn('incorrect horse'),
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

test('an e-mail that nobody has and a wrong password take the same work, and are answered alike', async () => {
  const { matches } = Passwords.prototype;
  const checked: string[] = [];
  Passwords.prototype.matches = function (kept, password) {
    checked.push(kept.replace(/[^$]*\$[^$]*$/, ''));
    return matches.call(this, kept, password);
  };
  try {
    const wrong = await signIn('incorrect horse');
    const unknown = await signIn('incorrect horse', 'nobody@example.org');
    expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body]);
    // One hash each, of the same kind and cost.
    expect(checked).toEqual(['$argon2id$v=19$m=16,t=2,p=1$', '$argon2id$v=19$m=16,t=2,p=1$']);
  } finally {
    Passwords.prototype.matches = matches;
  }
});

test('whether a password is right is told to who guesses as seldom as at the door', async () => {
  await demo.stop();
  demo = await createDemo({ port: 0, logger, passwordWork: 16, attemptsPerMinute: 3 });
  api = new Api(await demo.start());
  ada = (await api.ask<Signed>('POST', '/sign-up', { body: good })).body;
  const guess = () =>
    change(ada.user.id, ada.token, { password: { current: 'incorrect horse', next: 'another horse' } });
  expect([(await guess()).status, (await guess()).status, (await guess()).status]).toEqual([401, 401, 429]);
  expect((await signIn(good.password)).status).toBe(429);
});

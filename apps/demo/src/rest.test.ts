import { collectingLogger } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt, SignJWT } from 'jose';
import { createDemo, type Demo, type DemoOptions } from './demo.ts';
import { COMPANY_PASSWORD, company, emailOf } from './shared/company.ts';
import { shows } from './shared/shows.ts';

const secret = 'a secret of this test, 32 bytes long or more';
let demo: Demo;
let port: number;
let logger: ReturnType<typeof collectingLogger>;

beforeEach(() => open());
afterEach(() => demo.stop());

async function open(options: Partial<DemoOptions> = {}) {
  logger = collectingLogger();
  demo = await createDemo({ port: 0, secret, logger, passwordWork: 16, ...options });
  port = await demo.start();
}

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${port}/api${path}`, init);
  return { status: response.status, body: (await response.json()) as Answer, headers: response.headers };
}
interface Answer {
  readonly token: string;
  readonly user: { readonly id: string };
  readonly error: { readonly code: string };
}

const post = (path: string, payload: unknown, type = 'application/json') =>
  ask(path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });

const get = (path: string, token?: string) =>
  ask(path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });

const login = { email: 'ada@example.org', password: 'correct horse' };
const good = { ...login, name: 'Ada Byrne' };

describe('sign-up', () => {
  test('gives an account, and a token for it', async () => {
    const { status, body, headers } = await post('/sign-up', good);
    expect(status).toBe(201);
    expect(body).toEqual({
      token: expect.any(String),
      user: { id: expect.stringMatching(/^guest-/), name: 'Ada Byrne', role: 'Guest' },
    });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await demo.passes.bearer(body.token)).toEqual({ id: body.user.id, tokenVersion: 1 });
    expect((await get('/company', body.token)).status).toBe(200);
  });

  test.each(['Ada Byrne', 'ada byrne', 'Ada  Byrne', 'Ａda Byrne'])(
    'a name is taken once: %s',
    async (name) => {
      await post('/sign-up', good);
      const { status, body } = await post('/sign-up', { ...good, name, email: 'another@example.org' });
      expect([status, body.error.code]).toEqual([409, 'NAME_TAKEN']);
    },
  );

  test.each(['ada@example.org', 'ADA@Example.Org'])('an e-mail is taken once: %s', async (email) => {
    await post('/sign-up', good);
    const { status, body } = await post('/sign-up', { ...good, name: 'Another', email });
    expect([status, body.error.code]).toEqual([409, 'EMAIL_TAKEN']);
  });

  test('of two at the same time one gets in', async () => {
    const both = await Promise.all([post('/sign-up', good), post('/sign-up', good)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  test('nobody signs up as one of the company', async () => {
    expect((await post('/sign-up', { ...good, name: 'Orla Finch' })).status).toBe(409);
  });
});

describe('a token', () => {
  const renew = (token: string) =>
    ask('/renew', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  const ago = (seconds: number) => Math.floor(Date.now() / 1_000) - seconds;
  const day = 24 * 3_600;

  test('that is good is exchanged for another one, up to a week after its holder signed in', async () => {
    const { status, body } = await renew(await demo.passes.issue('orla', { signedInAt: ago(7 * day - 60) }));
    expect([status, body.user]).toMatchObject([200, { id: 'orla' }]);
    expect((await get('/company', body.token)).status).toBe(200);
    const late = await demo.passes.issue('orla', { signedInAt: ago(7 * day + 60) });
    expect((await get('/company', late)).status).toBe(200);
    // Renewing does not make it younger.
    for (const token of [
      late,
      await new SignJWT({})
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('tallow-street')
        .setSubject('orla')
        .setExpirationTime('1h')
        .sign(demo.passes.secret),
    ])
      expect(await renew(token)).toMatchObject({ status: 401, body: { error: { code: 'NO_PASS' } } });
    expect((await demo.passes.renew(body.token))?.split('.').length).toBe(3);
    const { auth_time } = decodeJwt(body.token);
    expect(auth_time).toBeLessThanOrEqual(ago(7 * day - 60));
  });

  test('that has run out, is another’s or none is exchanged for nothing', async () => {
    const expired = await new SignJWT({ auth_time: ago(60) })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('tallow-street')
      .setSubject('orla')
      .setExpirationTime('-1s')
      .sign(demo.passes.secret);
    for (const token of [expired, 'a.bad.token', await demo.passes.issue('nobody')])
      expect((await renew(token)).status).toBe(401);
    expect((await ask('/renew', { method: 'POST' })).status).toBe(401);
  });
});

describe('sign-in', () => {
  test('with the password one signed up with', async () => {
    const { body: signedUp } = await post('/sign-up', good);
    const { status, body } = await post('/sign-in', { ...login, email: 'ADA@example.ORG' });
    expect(status).toBe(200);
    expect(body.user).toEqual(signedUp.user);
    expect(await demo.passes.bearer(body.token)).toEqual({ id: signedUp.user.id, tokenVersion: 1 });
  });

  test('each of the company, with theirs', async () => {
    for (const { id, name, role } of company) {
      const { body } = await post('/sign-in', { email: emailOf(id), password: COMPANY_PASSWORD });
      expect(body.user).toEqual({ id, name, role });
    }
  });

  test('a wrong password and an unknown e-mail are not told apart', async () => {
    await post('/sign-up', good);
    const wrong = await post('/sign-in', { ...login, password: 'incorrect horse' });
    const unknown = await post('/sign-in', { ...login, email: 'nobody@example.org' });
    expect(wrong.status).toBe(401);
    expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body]);
  });
});

describe('what is refused before anybody looks at it', () => {
  const longest = `${'a'.repeat(64)}@${'x'.repeat(181)}.example`;
  const nonsense: [string, unknown][] = [
    ['no JSON', '{"email":"ada'],
    ['nothing', ''],
    ['null', null],
    ['a list', [good]],
  ];
  const bad: [string, object][] = [
    ['no e-mail', { email: undefined }],
    ['an empty e-mail', { email: '' }],
    ['an e-mail without an @', { email: 'ada.example.org' }],
    ['an e-mail without a host', { email: 'ada@' }],
    ['an e-mail without a domain', { email: 'ada@example' }],
    ['an e-mail with a space before it', { email: ' ada@example.org' }],
    ['an e-mail with a line end in it', { email: 'ada@example.org\nbcc' }],
    ['two e-mails', { email: 'ada@example.org,eve@example.org' }],
    ['an e-mail with a letter that looks like another', { email: 'аda@example.org' }],
    ['an e-mail that is too long', { email: `${longest}x` }],
    ['an e-mail that is a number', { email: 44 }],
    ['no password', { password: undefined }],
    ['a short password', { password: '1234567' }],
    ['a password that is too long', { password: 'x'.repeat(201) }],
    ['a password that is a number', { password: 1234567890 }],
    ['something besides', { role: 'Stage manager' }],
  ];
  const badNames: [string, object][] = [
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['a name that is too long', { name: 'x'.repeat(41) }],
    ['a name with a space before it', { name: ' Ada' }],
    ['a name of spaces', { name: '   ' }],
    ['a name with a line end in it', { name: 'Ada\nByrne' }],
    ['a name that cannot be seen', { name: '\u200b' }],
    ['a name that is a number', { name: 44 }],
  ];
  for (const [route, payload, wrong] of [
    ['/sign-up', good, [...bad, ...badNames]],
    ['/sign-in', login, [...bad, ['a name', { name: good.name }]] satisfies typeof bad],
  ] as const) {
    const cases = [...nonsense, ...wrong.map(([what, field]) => [what, { ...payload, ...field }] as const)];
    test.each(cases)(`${route}: %s`, async (_, body) => {
      const answer = await post(route, body);
      expect([answer.status, answer.body.error.code]).toEqual([400, 'INVALID']);
    });

    test(`${route}: too large`, async () => {
      const { status, body } = await post(route, { ...payload, password: 'x'.repeat(5_000) });
      expect([status, body.error.code]).toEqual([413, 'TOO_LARGE']);
    });

    test(`${route}: no JSON by its type`, async () => {
      expect((await post(route, 'name=Ada', 'text/plain')).status).toBe(415);
    });
  }

  test('the largest that is good is taken', async () => {
    const largest = { email: longest, name: 'x'.repeat(40), password: 'y'.repeat(200) };
    expect((await post('/sign-up', largest)).status).toBe(201);
  });
});

test('after so many attempts it is enough, for signing up and in together', async () => {
  await demo.stop();
  await open({ attemptsPerMinute: 3 });
  for (const route of ['/sign-in', '/sign-up', '/sign-in']) expect((await post(route, '{')).status).toBe(400);
  for (const route of ['/sign-in', '/sign-up']) {
    const { status, body, headers } = await post(route, good);
    expect([status, body.error.code]).toEqual([429, 'TOO_OFTEN']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await get('/shows')).status).toBe(200);
});

test('the bill is for everybody', async () => {
  expect(await get('/shows')).toMatchObject({ status: 200, body: { shows } });
});

describe('the company', () => {
  const tokenWith = async (change: (jwt: SignJWT) => SignJWT, key = secret) =>
    change(
      new SignJWT()
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('tallow-street')
        .setSubject('orla')
        .setExpirationTime('1h'),
    ).sign(new TextEncoder().encode(key));

  test('is shown to who is signed in, and nothing that is secret with it', async () => {
    const { status, body } = await get('/company', await tokenWith((jwt) => jwt));
    expect(status).toBe(200);
    expect(body).toEqual({ company: company.map(({ id, name, role }) => ({ id, name, role, isIn: false })) });
  });

  test.each<[string, () => Promise<string>]>([
    ['nonsense', async () => 'nonsense'],
    ['another secret', () => tokenWith((jwt) => jwt, 'another secret that is long enough as well')],
    ['another issuer', () => tokenWith((jwt) => jwt.setIssuer('elsewhere'))],
    ['expired', () => tokenWith((jwt) => jwt.setExpirationTime('-1s'))],
    ['of somebody who is not there', () => tokenWith((jwt) => jwt.setSubject('nobody'))],
    ['unsigned', async () => `${btoa('{"alg":"none"}')}.${btoa('{"sub":"orla","iss":"tallow-street"}')}.`],
  ])('is not shown with a token that is no good: %s', async (_, token) => {
    expect((await get('/company', await token())).status).toBe(401);
  });

  test('is not shown without one', async () => {
    expect((await get('/company')).status).toBe(401);
  });
});

test('no token and no password is logged', async () => {
  const { body } = await post('/sign-up', good);
  await post('/sign-in', { ...good, password: 'incorrect horse' });
  await get('/company', `${body.token}x`);
  const log = JSON.stringify(logger.logs);
  for (const word of [body.token, good.password, 'incorrect horse']) expect(log).not.toContain(word);
});

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import type { Credentials } from './api.ts';
import { type JwtOptions, jwt } from './jwt.ts';

const now = Date.UTC(2026, 0, 1);
const clock = { now: () => now };
const inSeconds = (seconds: number) => now / 1000 + seconds;
const secret = 'a secret of 32 bytes or a little more';
const key = new TextEncoder().encode(secret);

const hs256 = (payload: JWTPayload, alg = 'HS256', by: Uint8Array = key) =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(by);

function ask(options: JwtOptions, token: string | undefined, userId = '44') {
  return jwt({ clock, ...options })({ userId, token } as Credentials);
}

describe('with a secret', () => {
  test('the token’s user is let in, with claims and an end', async () => {
    const token = await hs256({ sub: '44', role: 'admin', exp: inSeconds(60) });
    expect(await ask({ secret }, token)).toEqual({
      userId: '44',
      claims: { sub: '44', role: 'admin', exp: inSeconds(60) },
      expiresAtMs: now + 60_000,
    });
    expect(await ask({ secret: key }, token)).toMatchObject({ userId: '44' });
    expect(await ask({ secret }, await hs256({ sub: '44' }))).toEqual({
      userId: '44',
      claims: { sub: '44' },
    });
  });

  test('no token, no entry', async () => {
    expect(await ask({ secret }, undefined)).toBe(false);
    expect(await ask({ secret }, '')).toBe(false);
  });

  test('a token of another user', async () => {
    const token = await hs256({ sub: '45' });
    expect(await ask({ secret }, token)).toBe(false);
    expect(await ask({ secret }, token, '45')).toMatchObject({ userId: '45' });
  });

  test.each<[string, JWTPayload]>([
    ['no claim', {}],
    ['an object', { sub: { toString: '44' } as never }],
    ['a list', { sub: ['44'] as never }],
    ['null', { sub: null as never }],
    ['another text', { sub: '044' }],
    ['a fraction', { sub: 44.5 as never }],
  ])('a claim that names nobody: %s', async (_, payload) =>
    expect(await ask({ secret }, await hs256({ ...payload, exp: inSeconds(9) }))).toBe(false),
  );

  test('a number in the claim is the same user', async () =>
    expect(await ask({ secret, userIdClaim: 'uid' }, await hs256({ uid: 44, sub: '45' }))).toMatchObject({
      userId: '44',
    }));

  test('a claim that an object inherits is none', async () =>
    expect(await ask({ secret, userIdClaim: 'constructor' }, await hs256({ sub: '44' }))).toBe(false));

  test('time: expired, not yet, and how far clocks may differ', async () => {
    const expired = await hs256({ sub: '44', exp: inSeconds(-1) });
    // Good but for its age: its end is in the past, and so the connection's, with TOKEN_EXPIRED.
    expect(await ask({ secret }, expired)).toMatchObject({ userId: '44', expiresAtMs: now - 1_000 });
    expect(await ask({ secret }, await hs256({ sub: '44', exp: inSeconds(0) }))).toMatchObject({
      expiresAtMs: now,
    });
    expect(await ask({ secret }, await hs256({ sub: '45', exp: inSeconds(-1) }))).toBe(false);
    expect(await ask({ secret, issuer: 'x' }, expired)).toBe(false);
    expect(await ask({ secret: 'another secret, as long as it must be' }, expired)).toBe(false);
    expect(await ask({ secret, clockToleranceMs: 5_000 }, expired)).toMatchObject({
      expiresAtMs: now + 4_000,
    });
    const early = await hs256({ sub: '44', nbf: inSeconds(3) });
    expect(await ask({ secret }, early)).toBe(false);
    expect(await ask({ secret, clockToleranceMs: 5_000 }, early)).toMatchObject({ userId: '44' });
  });

  test('issuer and audience', async () => {
    const token = await hs256({ sub: '44', iss: 'https://id.example', aud: ['chat', 'shop'] });
    expect(await ask({ secret, issuer: 'https://id.example', audience: 'chat' }, token)).toBeTruthy();
    expect(await ask({ secret, issuer: ['https://b.example', 'https://id.example'] }, token)).toBeTruthy();
    expect(await ask({ secret, issuer: 'https://other.example' }, token)).toBe(false);
    expect(await ask({ secret, audience: 'admin' }, token)).toBe(false);
    expect(await ask({ secret, issuer: 'https://id.example' }, await hs256({ sub: '44' }))).toBe(false);
    expect(await ask({ secret, audience: 'chat' }, await hs256({ sub: '44' }))).toBe(false);
  });

  test('what somebody else signed, what nobody signed, what was changed, what is none', async () => {
    const token = await hs256({ sub: '44' });
    const [header, , signature] = token.split('.');
    const body = (payload: object) => Buffer.from(JSON.stringify(payload)).toString('base64url');
    const none = new UnsecuredJWT({ sub: '44' }).encode();
    for (const forged of [
      await hs256({ sub: '44' }, 'HS256', new Uint8Array(32)),
      await hs256({ sub: '44' }, 'HS512', Buffer.alloc(64, key)),
      none,
      `${body({ alg: 'NONE' })}.${none.split('.')[1]}.`,
      `${body({ alg: 'nOnE' })}.${none.split('.')[1]}.${signature}`,
      `${body({ alg: 'HS256', crit: ['exp'] })}.${none.split('.')[1]}.${signature}`,
      `${body({ alg: 'HS256', b64: false, crit: ['b64'] })}.${none.split('.')[1]}.${signature}`,
      `${header}.${body({ sub: '44', role: 'admin' })}.${signature}`,
      `${header}.${body(['44'])}.${signature}`,
      token.slice(0, -2),
      `${token}.x`,
      'x',
      '..',
      'x.y.z',
      '\u0000',
      'ä.ö.ü',
      JSON.stringify({ sub: '44' }),
    ]) {
      expect(await ask({ secret }, forged)).toBe(false);
    }
  });

  test('algorithms are those that are named', async () => {
    const long = Buffer.alloc(64, 7);
    const token = await hs256({ sub: '44' }, 'HS512', long);
    expect(await ask({ secret: long }, token)).toBe(false);
    expect(await ask({ secret: long, algorithms: ['HS512'] }, token)).toBeTruthy();
    expect(await ask({ secret: long, algorithms: ['HS256', 'HS512'] }, token)).toBeTruthy();
  });

  test('options that make no sense, or no safety', () => {
    expect(() => jwt({ secret: 'x'.repeat(31) })).toThrow(RangeError);
    expect(() => jwt({ secret: 'ä'.repeat(16) })).not.toThrow();
    expect(() => jwt({ secret: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => jwt({ secret: '' })).toThrow(RangeError);
    expect(() => jwt({ secret, algorithms: ['HS512'] })).toThrow(RangeError);
    for (const algorithm of ['none', 'NONE', 'RS256', 'ES256', 'A128KW', 'constructor', ''])
      expect(() => jwt({ secret, algorithms: [algorithm] })).toThrow(TypeError);
    expect(() => jwt({ secret, algorithms: [] })).toThrow(TypeError);
    expect(() => jwt({ jwks: { keys: [] }, algorithms: ['HS256'] })).toThrow(TypeError);
    expect(() => jwt({} as never)).toThrow(TypeError);
    expect(() => jwt({ secret, jwks: { keys: [] } } as never)).toThrow(TypeError);
    expect(() => jwt({ jwksUrl: 'no url' })).toThrow('Invalid URL');
  });
});

describe('with public keys', () => {
  type Pair = {
    readonly alg: string;
    readonly kid: string;
    readonly jwk: JWK;
    readonly privateKey: CryptoKey;
  };
  const pairs: Pair[] = [];
  beforeAll(async () => {
    for (const [alg, kid] of [
      ['RS256', 'rsa'],
      ['ES256', 'ec'],
      ['EdDSA', 'ed'],
      ['ES256', 'ec2'],
    ] as const) {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      pairs.push({ alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } });
    }
  });
  const sign = (
    { alg, kid, privateKey }: Pair,
    payload: JWTPayload = { sub: '44' },
    header: object = { kid },
  ) => new SignJWT(payload).setProtectedHeader({ alg, ...header }).sign(privateKey);
  const pair = (kid: string) => pairs.find((each) => each.kid === kid) as Pair;
  const jwks = (...kids: string[]) => ({ keys: kids.map((kid) => pair(kid).jwk) });

  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    if (server?.listening) await new Promise((resolve) => server?.close(resolve));
  });
  async function serve(answer: () => { status?: number; body: string }) {
    const asked = { times: 0 };
    server = createServer((_request, response) => {
      asked.times++;
      const { status = 200, body } = answer();
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json` };
  }

  test.each(['rsa', 'ec', 'ed'])('at hand: %s', async (kid) => {
    const options = { jwks: jwks('rsa', 'ec', 'ed') };
    expect(await ask(options, await sign(pair(kid)))).toMatchObject({ userId: '44' });
    expect(await ask(options, await sign(pair(kid)), '45')).toBe(false);
    expect(await ask({ jwks: jwks('ec2') }, await sign(pair(kid)))).toBe(false);
    expect(await ask({ ...options, algorithms: ['PS512'] }, await sign(pair(kid)))).toBe(false);
  });

  test('a token that does not name its key is tried with all that fit', async () => {
    const options = { jwks: jwks('rsa', 'ec', 'ec2') };
    for (const kid of ['rsa', 'ec', 'ec2'])
      expect(await ask(options, await sign(pair(kid), { sub: '44' }, {}))).toMatchObject({ userId: '44' });
    const { privateKey } = await generateKeyPair('ES256');
    expect(await ask(options, await sign({ ...pair('ec'), privateKey }, { sub: '44' }, {}))).toBe(false);
    expect(await ask(options, await sign(pair('ec2'), { sub: '44', exp: inSeconds(-1) }, {}))).toMatchObject({
      expiresAtMs: now - 1_000,
    });
  });

  test('a public key is no secret: nothing that is signed with it passes', async () => {
    const { jwk } = pair('rsa');
    const forged = await hs256({ sub: '44' }, 'HS256', Buffer.from(JSON.stringify(jwk)));
    expect(await ask({ jwks: jwks('rsa') }, forged)).toBe(false);
    expect(await ask({ jwks: { keys: [{ kty: 'oct', k: 'AAAA', kid: 'x' }] } }, forged)).toBe(false);
    expect(await ask({ jwks: jwks('rsa') }, new UnsecuredJWT({ sub: '44' }).encode())).toBe(false);
  });

  test('a key that the token brings along is not looked at', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const own = await sign(
      { ...pair('ec'), privateKey },
      { sub: '44' },
      { jwk, jku: 'http://attacker.example' },
    );
    expect(await ask({ jwks: jwks('ec') }, own)).toBe(false);
  });

  test('fetched once, and again for a key that is new', async () => {
    let keys = jwks('rsa');
    const { asked, url } = await serve(() => ({ body: JSON.stringify(keys) }));
    const verify = jwt({ jwksUrl: url, clock });
    const accepts = async (kid: string) =>
      verify({ userId: '44', token: await sign(pair(kid)) } as Credentials);
    expect(await accepts('rsa')).toMatchObject({ userId: '44' });
    expect(await accepts('rsa')).toMatchObject({ userId: '44' });
    expect(asked.times).toBe(1);
    // A stranger's key makes nobody fetch over and over: not again for 30 seconds.
    keys = jwks('rsa', 'ec');
    for (let i = 0; i < 5; i++) expect(await accepts('ec')).toBe(false);
    expect(asked.times).toBe(1);
    expect(
      await jwt({ jwksUrl: new URL(url), clock })({
        userId: '44',
        token: await sign(pair('ec')),
      } as Credentials),
    ).toMatchObject({ userId: '44' });
  });

  test.each([
    ['that fails', { status: 500, body: '{}' }],
    ['that sends away', { status: 302, body: '{"keys":[]}' }],
    ['that has no keys', { body: '{"error":"no"}' }],
    ['that gives no JSON', { body: '<html>' }],
  ])('a source %s is nobody’s fault but its own', async (_, answer) => {
    const { url } = await serve(() => answer);
    await expect(ask({ jwksUrl: url }, await sign(pair('rsa')))).rejects.toThrow();
  });

  test('nor is one that is not there; when it is back, so are the users', async () => {
    let up = false;
    const { url } = await serve(() =>
      up ? { body: JSON.stringify(jwks('rsa')) } : { status: 503, body: '' },
    );
    const verify = jwt({ jwksUrl: url, clock });
    const token = await sign(pair('rsa'));
    await expect(verify({ userId: '44', token } as Credentials)).rejects.toThrow();
    up = true;
    expect(await verify({ userId: '44', token } as Credentials)).toMatchObject({ userId: '44' });
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    await expect(ask({ jwksUrl: url }, token)).rejects.toThrow();
    // What is no token at all is refused without asking anybody.
    expect(await ask({ jwksUrl: url }, 'x.y.z')).toBe(false);
    expect(await ask({ jwksUrl: url }, await hs256({ sub: '44' }))).toBe(false);
  });
});

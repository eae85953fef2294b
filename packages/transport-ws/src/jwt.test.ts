import { createServer } from 'node:http';
import { consoleLogger } from '@callboard/core';
import { jwt } from '@callboard/core/jwt';
import { afterEach, expect, jest, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { LiveClock, type Running, Stage, turn, until } from '../test/support.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
  jest.restoreAllMocks();
});

const secret = 'a secret of 32 bytes or a little more';
const token = (payload: JWTPayload) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));

/** A server with simulated time, that tells a client its claims. */
async function serve(
  options = {},
): Promise<{ running: Running; clock: LiveClock; inSeconds(s: number): number }> {
  const clock = new LiveClock();
  const running = await stage.serve({
    clock,
    verifyClient: jwt({ secret, clock }),
    handlers: { CLAIMS: ({ client }) => client.claims },
    ...options,
  });
  return { running, clock, inSeconds: (seconds) => clock.now() / 1000 + seconds };
}

test('the claims of a token reach handlers', async () => {
  const { running, inSeconds } = await serve();
  const claims = { sub: '44', role: 'admin', exp: inSeconds(60) };
  const client = await running.connect(44, { token: await token(claims) });
  expect(await client.expectReply(client.call({ type: 'CLAIMS' }))).toEqual(claims);
});

test('a bearer token of the handshake will do', async () => {
  const { running } = await serve();
  const authorization = `Bearer ${await token({ sub: '44' })}`;
  await expect(running.connect(44, { headers: { authorization } })).resolves.toBeDefined();
});

test('without a token, with a wrong one, or with somebody else’s: UNAUTHORIZED, for good', async () => {
  const { running, inSeconds } = await serve();
  const old = await token({ sub: '45', exp: inSeconds(-1) });
  for (const wrong of [undefined, 'x', await token({ sub: '45' }), old]) {
    const client = running.client(44, wrong === undefined ? {} : { token: wrong });
    await client.dial();
    expect((await client.expectClose('UNAUTHORIZED')).disconnect).toMatchObject({ reconnect: false });
  }
  expect(running.server.stats()).toMatchObject({ users: 0, disconnects: { UNAUTHORIZED: 4 } });
});

test('with one that has expired: come back with a fresh one', async () => {
  const { running, inSeconds } = await serve();
  const client = running.client(44, { token: await token({ sub: '44', exp: inSeconds(-1) }) });
  await client.dial();
  expect((await client.expectClose('TOKEN_EXPIRED')).disconnect).toMatchObject({ reconnect: true });
});

test('the connection ends with the token; the session goes on with a new one', async () => {
  const { running, clock, inSeconds } = await serve();
  const client = await running.connect(44, { token: await token({ sub: '44', exp: inSeconds(20) }) });
  clock.advance(19_999);
  await client.expectReply(client.call({ type: 'CLAIMS' }));
  clock.advance(1);
  expect((await client.expectClose('TOKEN_EXPIRED')).disconnect).toMatchObject({ reconnect: true });
  const fresh = await token({ sub: '44', exp: inSeconds(60) });
  expect(await client.resume({ token: fresh })).toMatchObject({ resumed: true, clientId: client.clientId });
});

test('a session is not resumed with the old token, nor with somebody else’s', async () => {
  const { running, clock, inSeconds } = await serve();
  const old = await token({ sub: '44', exp: inSeconds(20) });
  const client = await running.connect(44, { token: old });
  clock.advance(20_000);
  await client.expectClose('TOKEN_EXPIRED');
  const { resumption } = client;
  await client.dial({ resume: resumption });
  await client.expectClose('TOKEN_EXPIRED');
  const thief = running.client(45, { token: await token({ sub: '45' }) });
  expect(await thief.connect({ resume: resumption })).toMatchObject({ resumed: false, userId: '45' });
});

test('a live connection is refreshed: new claims, a later end; a refused token changes nothing', async () => {
  const { running, clock, inSeconds } = await serve();
  const client = await running.connect(44, { token: await token({ sub: '44', exp: inSeconds(10) }) });
  const later = { sub: '44', role: 'admin', exp: inSeconds(20) };
  const refreshed = client.request({ op: 'refresh', token: await token(later) });
  expect(await client.expectReply(refreshed)).toEqual({ expiresAtMs: clock.now() + 20_000 });
  expect(await client.expectReply(client.call({ type: 'CLAIMS' }))).toEqual(later);
  for (const wrong of ['x', await token({ sub: '45' }), await token({ sub: '44', exp: inSeconds(-1) })]) {
    await client.expectError(client.request({ op: 'refresh', token: wrong }), 'UNAUTHORIZED');
  }
  clock.advance(15_000);
  expect(await client.expectReply(client.call({ type: 'CLAIMS' }))).toEqual(later);
  clock.advance(5_000);
  await client.expectClose('TOKEN_EXPIRED');
});

test('keys that cannot be fetched: come back later', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'a' }] });
  let up = false;
  const provider = createServer((_request, response) => response.writeHead(up ? 200 : 503).end(keys));
  const port = await stage.listen(provider);
  const { running, inSeconds, clock } = await serve();
  const remote = await stage.serve({
    clock,
    verifyClient: jwt({ jwksUrl: `http://127.0.0.1:${port}/`, clock }),
    handlers: {},
  });
  expect(running.server.stats().users).toBe(0);
  const signed = await new SignJWT({ sub: '44', exp: inSeconds(9) })
    .setProtectedHeader({ alg: 'ES256', kid: 'a' })
    .sign(privateKey);
  const client = remote.client(44, { token: signed });
  await client.dial();
  expect((await client.expectClose('VERIFY_FAILED')).disconnect).toMatchObject({ reconnect: true });
  up = true;
  await client.connect();
});

test('tokens and sessions are never logged', async () => {
  const lines: string[] = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((line) => {
    lines.push(String(line));
    return true;
  });
  const { running, inSeconds, clock } = await serve({ logger: consoleLogger({ level: 'debug' }) });
  const tokens = [
    await token({ sub: '44', exp: inSeconds(20) }),
    await token({ sub: '45', exp: inSeconds(20) }),
    await token({ sub: '44', exp: inSeconds(-1) }),
    'no-token-at-all',
  ];
  const sessions: string[] = [];
  for (const given of tokens) {
    const client = running.client(44, { token: given, headers: { authorization: `Bearer ${given}` } });
    await client.dial();
    await until(
      () => client.closed !== undefined || client.frames.some(({ op }) => op === 'connected'),
      'it',
    );
    if (client.closed !== undefined) continue;
    sessions.push(client.resumption.session);
    client.request({ op: 'refresh', token: tokens[1] as string });
    await turn();
    client.raw(`{"op":"refresh","mid":9,"token":"${given}"`);
    await client.expectClose('MALFORMED_FRAME');
  }
  const failing = await stage.serve({
    logger: consoleLogger({ level: 'debug' }),
    clock,
    verifyClient: async (credentials) => {
      await jwt({ secret, clock })(credentials);
      throw new Error('the verifier is broken');
    },
  });
  const client = failing.client(44, { token: tokens[0] as string });
  await client.dial();
  await client.expectClose('VERIFY_FAILED');
  clock.advance(20_000);
  const log = lines.join('');
  expect(log).toContain('the verifier is broken');
  for (const each of [...tokens, ...sessions]) {
    expect(log).not.toContain(each);
    expect(log).not.toContain(each.split('.').at(-1));
  }
  expect(sessions).toHaveLength(1);
});

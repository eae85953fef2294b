import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import type { Credentials, Principal, VerifyClient } from './api.ts';

const DAY_MS = 86_400_000;
const broken = new Error('no database');

describe('verifyClient', () => {
  test('is not asked without a user id', async () => {
    let asked = 0;
    const { client } = await createHarness({ verifyClient: () => ++asked > 0 });
    for (const userId of [undefined, '', null, true, 1.5, {}, '\u0000', 'x'.repeat(256)]) {
      const tab = client(undefined);
      await tab.open();
      tab.raw(JSON.stringify({ op: 'connect', version: 1, userId }));
      await tab.expectClose('USER_ID_MISSING');
    }
    expect(asked).toBe(0);
  });

  test('sees what the client says and what the transport knows', async () => {
    const seen: Credentials[] = [];
    const { connect } = await createHarness({
      verifyClient: (credentials) => {
        seen.push(credentials);
        return true;
      },
    });
    const peer = {
      address: '10.0.0.7',
      secure: false,
      origin: 'https://app.example',
      headers: { 'x-kind': 'test' },
      query: new URLSearchParams('a=1'),
      token: 'of the handshake',
    };
    await connect(44, { token: 't', device: 'kitchen', peer });
    await connect('44', { peer });
    expect(seen[0]).toEqual({ ...peer, transport: 'memory', userId: '44', token: 't', device: 'kitchen' });
    expect(seen[1]).toMatchObject({ userId: '44', token: 'of the handshake', device: undefined });
  });

  test.each<[string, VerifyClient, 'UNAUTHORIZED' | 'VERIFY_FAILED' | 'TOKEN_EXPIRED', boolean]>([
    ['says no', () => false, 'UNAUTHORIZED', false],
    ['says no later', async () => false, 'UNAUTHORIZED', false],
    ['says nothing', () => undefined as never, 'UNAUTHORIZED', false],
    ['says yes to another user', () => ({ userId: 2 }), 'UNAUTHORIZED', false],
    ['throws', () => fail(), 'VERIFY_FAILED', true],
    ['rejects', async () => fail(), 'VERIFY_FAILED', true],
    ['accepts what has expired', () => ({ expiresAtMs: 1 }), 'TOKEN_EXPIRED', true],
  ])('that %s: the connection ends', async (_, verifyClient, code, reconnect) => {
    const { server, client, logs } = await createHarness({ verifyClient });
    const tab = client(1, { token: 'a secret token' });
    await tab.dial();
    const { disconnect } = await tab.expectClose(code);
    expect(disconnect).toMatchObject({ reconnect });
    expect([server.users.size, server.stats().clients.connecting]).toEqual([0, 0]);
    const failures = logs.filter(({ level }) => level === 'error');
    expect(failures).toHaveLength(code === 'VERIFY_FAILED' ? 1 : 0);
    if (code === 'VERIFY_FAILED') expect(failures[0]?.fields.cause).toBe(broken);
    expect(JSON.stringify(logs)).not.toContain('a secret token');
  });

  test('that does not answer in time: VERIFY_TIMEOUT, and a late yes changes nothing', async () => {
    let answer: (yes: boolean) => void = () => {};
    const { server, clock, client } = await createHarness({
      verifyClient: () => new Promise((resolve) => (answer = resolve)),
    });
    const tab = client(1);
    await tab.dial();
    await clock.advanceAsync(9_999);
    expect(server.stats().clients.connecting).toBe(1);
    await clock.advanceAsync(1);
    await tab.expectClose('VERIFY_TIMEOUT');
    answer(true);
    await clock.settle();
    expect([server.users.size, server.stats().clients]).toEqual([
      0,
      { online: 0, resumable: 0, connecting: 0 },
    ]);
  });

  test('that answers when the client has gone: nothing is left of it', async () => {
    let answer: (yes: boolean) => void = () => {};
    const { server, clock, client } = await createHarness({
      verifyClient: () => new Promise((resolve) => (answer = resolve)),
    });
    const tab = client(1);
    await tab.dial();
    tab.cut();
    answer(true);
    await clock.settle();
    expect([server.users.size, server.stats().clients]).toEqual([
      0,
      { online: 0, resumable: 0, connecting: 0 },
    ]);
  });

  test('takes no second frame while it is being asked', async () => {
    const { client } = await createHarness({ verifyClient: () => new Promise(() => {}) });
    const tab = client(1);
    await tab.dial();
    tab.call({ type: 'A' });
    await tab.expectClose('CONNECT_EXPECTED');
  });

  test('gives claims to handlers, those of the latest answer', async () => {
    let role = 'cook';
    const { connect } = await createHarness({
      verifyClient: () => ({ userId: '1', claims: { role } }),
      handlers: { ROLE: ({ client }) => client.claims },
    });
    const tab = await connect(1);
    expect(await tab.expectReply(tab.call({ type: 'ROLE' }))).toEqual({ role: 'cook' });
    role = 'waiter';
    await tab.expectReply(tab.request({ op: 'refresh', token: 'new' }));
    expect(await tab.expectReply(tab.call({ type: 'ROLE' }))).toEqual({ role: 'waiter' });
    role = 'guest';
    tab.cut();
    await tab.resume();
    expect(await tab.expectReply(tab.call({ type: 'ROLE' }))).toEqual({ role: 'guest' });
  });
});

describe('a token that expires', () => {
  test.each([1, 60_000, 30 * DAY_MS])('after %d ms ends the connection at that time', async (inMs) => {
    const {
      clock,
      connect,
      until: _,
    } = await createHarness({
      verifyClient: (): Principal => ({ expiresAtMs: clock.now() + inMs }),
      limits: { pingIntervalMs: DAY_MS, pongTimeoutMs: DAY_MS / 2 },
    });
    const tab = await connect(1);
    await clock.advanceAsync(inMs - 1);
    await tab.expectNothing();
    await clock.advanceAsync(1);
    expect((await tab.expectClose('TOKEN_EXPIRED')).disconnect).toMatchObject({ reconnect: true });
    expect((await tab.resume()).resumed).toBe(true);
  });

  test('is put off by a refresh, for good by one that does not expire', async () => {
    let lifeMs: number | undefined = 60_000;
    const { clock, connect } = await createHarness({
      verifyClient: (): Principal | true =>
        lifeMs === undefined ? true : { expiresAtMs: clock.now() + lifeMs },
    });
    const tab = await connect(1);
    await clock.advanceAsync(59_000);
    const expiresAtMs = clock.now() + lifeMs;
    expect(await tab.expectReply(tab.request({ op: 'refresh', token: 't' }))).toEqual({ expiresAtMs });
    await clock.advanceAsync(59_000);
    await tab.expectNothing();
    lifeMs = undefined;
    expect(await tab.expectReply(tab.request({ op: 'refresh', token: 't' }))).toEqual({});
    await clock.advanceAsync(DAY_MS);
    await tab.expectNothing();
  });

  test('stays as it is where a refresh is refused or the verifier is broken', async () => {
    let verify: VerifyClient = () => ({ expiresAtMs: clock.now() + 60_000, claims: { first: true } });
    const { clock, connect, logs } = await createHarness({
      verifyClient: (credentials) => verify(credentials),
      handlers: { CLAIMS: ({ client }) => client.claims },
    });
    const tab = await connect(1);
    verify = () => false;
    await tab.expectError(tab.request({ op: 'refresh', token: 'bad' }), 'UNAUTHORIZED');
    verify = () => fail();
    expect(await tab.expectError(tab.request({ op: 'refresh', token: 'bad' }), 'UNAVAILABLE')).toMatchObject({
      retryable: true,
    });
    expect(logs.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(await tab.expectReply(tab.call({ type: 'CLAIMS' }))).toEqual({ first: true });
    await clock.advanceAsync(59_999);
    await tab.expectNothing();
    await clock.advanceAsync(1);
    await tab.expectClose('TOKEN_EXPIRED');
  });

  test('is not put off by a refresh that does not answer', async () => {
    let verify: VerifyClient = () => ({ expiresAtMs: clock.now() + 60_000 });
    const { clock, connect, server } = await createHarness({
      verifyClient: (credentials) => verify(credentials),
    });
    const tab = await connect(1);
    verify = () => new Promise(() => {});
    const mid = tab.request({ op: 'refresh', token: 't' });
    await clock.advanceAsync(30_000);
    await tab.expectError(mid, 'CHECK_TIMEOUT');
    expect(server.stats().requests.running).toBe(0);
  });
});

function fail(): never {
  throw broken;
}

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createCallboard, silentLogger } from '@callboard/core';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Stage, until } from '../test/support.ts';
import { type Answer, ask, asking } from '../test/wire.ts';
import { refusals } from './answer.ts';
import { httpTransport } from './index.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const verdict = ({ status, code }: Answer) => (code === undefined ? status : `${status} ${code}`);
const app = 'https://app.example';
const evil = 'https://attacker.example';

test('the errors are those of PROTOCOL.md', () => {
  const protocol = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');
  const [, section = ''] = protocol.split('\n#### What is refused\n');
  const [table = ''] = section.split('\n#');
  const rows = [...table.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, status, code]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(rows)).toEqual(refusals);
});

describe('an opening', () => {
  test('gives a secret and says how much a body may hold', async () => {
    const running = await stage.serve({ limits: { maxFrameBytes: 1_000 } });
    const [one, two] = [await running.ask({ method: 'POST' }), await running.ask({ method: 'POST' })];
    expect(one.status).toBe(201);
    const body = JSON.parse(one.body);
    expect(body).toEqual({
      protocol: 'callboard.v1.json',
      connection: expect.stringMatching(/^[\w-]{22}$/),
      maxBodyBytes: 2_000,
    });
    expect(JSON.parse(two.body).connection).not.toBe(body.connection);
    expect(one.headers).toMatchObject({
      'cache-control': 'no-store, no-transform',
      'content-type': 'application/json',
    });
    expect(running.links).toBe(2);
  });

  test.each([
    [{ cookie: 'sid=1' }, '403 ORIGIN_REFUSED'],
    [{ origin: evil }, '403 ORIGIN_REFUSED'],
    [{ origin: 'null' }, '403 ORIGIN_REFUSED'],
    [{ origin: app }, 201],
    [{ origin: app, cookie: 'sid=1' }, 201],
    [{}, 201],
  ])('is checked like an upgrade: %j is answered with %s', async (headers, expected) => {
    const running = await stage.serve({ verifyClient: () => true, origins: [app] });
    const answer = await running.ask({ method: 'POST', headers });
    expect(verdict(answer)).toBe(expected);
    expect(running.links).toBe(expected === 201 ? 1 : 0);
  });

  test('comes from this machine alone, where there is no verifier', async () => {
    const running = await stage.serve();
    const post = (headers: Record<string, string>) => running.ask({ method: 'POST', headers }).then(verdict);
    expect(await post({ host: 'attacker.example' })).toBe('403 LOOPBACK_ONLY');
    expect(await post({ 'x-forwarded-for': '127.0.0.1' })).toBe('403 LOOPBACK_ONLY');
    expect(await post({})).toBe(201);
  });

  test('comes over TLS, where that is demanded, and so does all that follows', async () => {
    const running = await stage.serve({ verifyClient: () => true, requireSecure: true, trustProxy: true });
    const secure = { 'x-forwarded-proto': 'https' };
    expect(verdict(await running.ask({ method: 'POST' }))).toBe('403 TLS_REQUIRED');
    const id = await running.open(secure);
    expect(verdict(await running.post(id, 1, ''))).toBe('403 TLS_REQUIRED');
    expect(verdict(await running.poll(id, 1))).toBe('403 TLS_REQUIRED');
    expect(verdict(await running.post(id, 1, '', secure))).toBe(204);
  });

  test('is counted by address', async () => {
    const running = await stage.serve({ limits: { maxConnectionsPerAddress: 2 } });
    const [first] = [await running.open(), await running.open()];
    const refused = await running.ask({ method: 'POST' });
    expect([verdict(refused), refused.headers['retry-after']]).toEqual(['429 TOO_MANY_CONNECTIONS', '5']);
    await running.post(first, 1, '', { 'callboard-close': '1000' });
    expect(verdict(await running.ask({ method: 'POST' }))).toBe(201);
  });

  test('is refused while the server drains; what is open goes on', async () => {
    let release: ((value: unknown) => void) | undefined;
    const running = await stage.serve({
      handlers: { WAIT: () => new Promise((resolve) => (release = resolve)) },
    });
    const client = await running.connect(44, { mode: 'poll' });
    const mid = client.call({ type: 'WAIT' });
    await until(() => release !== undefined, 'the call');
    const done = running.server.disconnect();
    const refused = await running.ask({ method: 'POST' });
    expect([verdict(refused), refused.headers['retry-after']]).toEqual(['503 UNAVAILABLE', '5']);
    release?.('done');
    expect(await client.expectReply(mid)).toBe('done');
    await client.expectClose(3000);
    await done;
  });

  test('shows the verifier what an upgrade would', async () => {
    const seen: object[] = [];
    const running = await stage.serve({
      origins: [app],
      verifyClient: ({ userId, token, origin, secure, headers, query, transport }) => {
        seen.push({ userId, token, origin, secure, cookie: headers.cookie, x: query.get('x'), transport });
        return true;
      },
    });
    const headers = { origin: app, cookie: 'sid=1', authorization: 'Bearer a-token' };
    const opened = await ask(`${running.url}?x=1`, { method: 'POST', headers });
    const { connection } = JSON.parse(opened.body);
    await running.post(connection, 1, '{"op":"connect","version":1,"userId":44}');
    expect((await running.poll(connection, 1)).body).toContain('"op":"connected"');
    expect(seen).toEqual([
      {
        ...{ userId: '44', token: 'a-token', origin: app, secure: false },
        ...{ cookie: 'sid=1', x: '1', transport: 'http' },
      },
    ]);
  });
});

describe('a page of another origin', () => {
  const cors = ({ headers }: Answer) => [
    headers['access-control-allow-origin'],
    headers['access-control-allow-credentials'],
  ];
  const allowed = [app, 'true'];
  const none = [undefined, undefined];

  test('that may connect may ask and read', async () => {
    const running = await stage.serve({
      verifyClient: () => true,
      origins: [app],
      limits: { maxConnectionsPerAddress: 1 },
    });
    const preflight = await running.ask({
      method: 'OPTIONS',
      headers: {
        origin: app,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'callboard-connection,callboard-frame',
      },
    });
    expect([verdict(preflight), cors(preflight)]).toEqual([204, allowed]);
    expect(preflight.headers).toMatchObject({
      vary: 'origin',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': expect.stringContaining('callboard-connection, callboard-frame'),
      'access-control-max-age': '7200',
    });
    const opening = await running.ask({ method: 'POST', headers: { origin: app, cookie: 'sid=1' } });
    expect([verdict(opening), cors(opening)]).toEqual([201, allowed]);
    const id = JSON.parse(opening.body).connection;
    const post = await running.post(id, 1, '', { origin: app });
    expect([verdict(post), cors(post)]).toEqual([204, allowed]);
    // Refusals too, or it could not tell them from a network that fails.
    const refused = await running.ask({ method: 'POST', headers: { origin: app } });
    expect([verdict(refused), cors(refused)]).toEqual(['429 TOO_MANY_CONNECTIONS', allowed]);
  });

  test.each(['OPTIONS', 'GET', 'POST'])('that may not is refused and reads nothing: %s', async (method) => {
    const running = await stage.serve({ verifyClient: () => true, origins: [app] });
    const id = await running.open();
    for (const origin of [evil, 'null', `${app}.attacker.example`]) {
      const headers = { origin, 'callboard-connection': id, 'callboard-frame': 1 };
      const answer = await running.ask({ method, headers });
      expect([verdict(answer), cors(answer)]).toEqual(['403 ORIGIN_REFUSED', none]);
    }
  });

  test('has no say in what comes from the page’s own server: it sends no Origin with a GET', async () => {
    const running = await stage.serve({ verifyClient: () => true });
    const own = { origin: `http://${running.origin}`, cookie: 'sid=1' };
    const id = await running.open(own);
    await running.post(id, 1, '{}', own);
    const poll = { cookie: 'sid=1', 'callboard-connection': id, 'callboard-poll': 1 };
    const answer = await running.ask({ headers: poll });
    expect([answer.status, cors(answer)]).toEqual([200, none]);
    expect(answer.body).toContain('event: close');
  });
});

describe('a request that is none', () => {
  const cases: [string, object, string | number][] = [
    ['GET', {}, '400 CONNECTION_MISSING'],
    ['GET', { 'callboard-connection': 'x' }, '404 UNKNOWN_CONNECTION'],
    ['GET', { 'callboard-connection': '' }, '404 UNKNOWN_CONNECTION'],
    ['GET', { 'callboard-connection': '__proto__' }, '404 UNKNOWN_CONNECTION'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': 'x' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '0' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '1.0' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '-1' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '1e3' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '1, 1' }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '9'.repeat(30) }, '400 INVALID_HEADER'],
    ['GET', { 'callboard-connection': 'ID', 'callboard-poll': '2' }, '409 OUT_OF_SEQUENCE'],
    ['POST', { 'callboard-connection': 'x', 'callboard-frame': '1' }, '404 UNKNOWN_CONNECTION'],
    ['POST', { 'callboard-connection': 'ID' }, '400 INVALID_HEADER'],
    ['POST', { 'callboard-connection': 'ID', 'callboard-frame': '' }, '400 INVALID_HEADER'],
    ['POST', { 'callboard-connection': 'ID', 'callboard-frame': '2' }, '409 OUT_OF_SEQUENCE'],
    ...['', 'x', '999', '2000', '5000', '10000', '1000 %', '1000  x', '1000,1000'].map(
      (close): [string, object, string] => [
        'POST',
        { 'callboard-connection': 'ID', 'callboard-frame': '1', 'callboard-close': close },
        '400 INVALID_HEADER',
      ],
    ),
    [
      'POST',
      { 'callboard-connection': 'ID', 'callboard-frame': '1', 'content-encoding': 'gzip' },
      '415 ENCODED_BODY',
    ],
    ['PUT', { 'callboard-connection': 'ID' }, '405 METHOD_NOT_ALLOWED'],
    ['DELETE', { 'callboard-connection': 'ID' }, '405 METHOD_NOT_ALLOWED'],
  ];
  test.each(cases)('%s %j: %s, and the connection lives', async (method, headers, expected) => {
    const running = await stage.serve();
    const id = await running.open();
    const given = Object.entries(headers).map(([name, value]) => [name, value === 'ID' ? id : value]);
    const answer = await running.ask({
      method,
      headers: Object.fromEntries(given),
      body: method === 'GET' ? '' : '{}',
    });
    expect(verdict(answer)).toBe(expected);
    if (method === 'PUT') expect(answer.headers.allow).toBe('GET, POST, OPTIONS');
    expect(running.links).toBe(1);
    expect(verdict(await running.post(id, 1, '', { 'callboard-close': '1000' }))).toBe(204);
    expect([running.links, running.errors]).toEqual([0, []]);
  });
});

describe('beside others', () => {
  test('on the path of the WebSocket transport; each gets its own', async () => {
    const running = await stage.serve({ transports: [webSocketTransport(), httpTransport()] });
    const [one, two] = [await running.connect(44), await running.connect(44, { mode: 'poll' })];
    const upgrade = await asking(running.url, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    });
    one.broadcast({ type: 'NOTE' });
    await two.expectMessage({ type: 'NOTE' });
    expect(upgrade.statusCode).toBe(101);
  });

  test('leaves all other paths, and their methods, to the application', async () => {
    const http = createServer((request, response) =>
      response.end(`the app: ${request.method} ${request.url}`),
    );
    const port = await stage.listen(http);
    await stage.serve({ httpServer: http, transports: [httpTransport({ path: '/live' })] });
    const at = (path: string, method = 'GET') => ask(`http://127.0.0.1:${port}${path}`, { method });
    for (const path of ['/', '/callboard', '/live/', '/live/x', '/livelier', '//live', '/Live'])
      expect((await at(path)).body).toBe(`the app: GET ${path}`);
    expect(verdict(await at('/live?x=1', 'POST'))).toBe(201);
    expect((await at('/live')).code).toBe('CONNECTION_MISSING');
  });

  test('two servers of an application share one HTTP server', async () => {
    const http = createServer((_, response) => response.end('the app'));
    const port = await stage.listen(http);
    const at = (path: string) => `http://127.0.0.1:${port}${path}`;
    await stage.serve({ httpServer: http, transports: [httpTransport({ path: '/one' })] });
    const two = createCallboard({
      httpServer: http,
      transports: [httpTransport({ path: '/two' })],
      logger: silentLogger,
    });
    await two.start();
    for (const path of ['/one', '/two']) expect((await ask(at(path), { method: 'POST' })).status).toBe(201);
    await two.disconnect({ graceMs: 1 });
    expect((await ask(at('/two'), { method: 'POST' })).body).toBe('the app');
    expect((await ask(at('/one'), { method: 'POST' })).status).toBe(201);
  });
});

test.each([{ pollMs: 0 }, { heartbeatMs: -1 }, { lostMs: Number.NaN }])(
  'times that are none are refused: %j',
  (options) => {
    expect(() => httpTransport(options)).toThrow(RangeError);
  },
);

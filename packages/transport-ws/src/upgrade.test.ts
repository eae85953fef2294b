import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openWire, type Running, Stage, until, upgradeRequest } from '../test/support.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

/** What a raw upgrade is answered with: the status, and the code of a refusal. */
async function answer(
  running: Running,
  path: string,
  headers: readonly string[] = [],
  host = running.origin,
) {
  const socket = await running.tcp();
  socket.write(upgradeRequest(host, path, headers));
  const [data] = await once(socket, 'data');
  socket.destroy();
  const [, status, code] = /^HTTP\/1\.1 (\d+) (?:[\s\S]*"code":"(\w+)")?/.exec(String(data)) ?? [];
  return code === undefined ? Number(status) : `${status} ${code}`;
}

const REFUSED = '403 ORIGIN_REFUSED';
const evil = 'Origin: https://attacker.example';

describe('the path', () => {
  const cases: [string, string | number][] = [
    ['/callboard', REFUSED],
    ['/callboard?x=1', REFUSED],
    ['/callboard?', REFUSED],
    ['/callboard?/../x', REFUSED],
    ['//callboard', '404 NOT_FOUND'],
    ['/callboard/', '404 NOT_FOUND'],
    ['/callboard/x', '404 NOT_FOUND'],
    ['/Callboard', '404 NOT_FOUND'],
    ['/%63allboard', '404 NOT_FOUND'],
    ['/callboard%3f', '404 NOT_FOUND'],
    ['/x/../callboard', '404 NOT_FOUND'],
    ['/./callboard', '404 NOT_FOUND'],
    ['/callboard;x', '404 NOT_FOUND'],
    ['/callboard#x', '404 NOT_FOUND'],
    ['/callboard\\', '404 NOT_FOUND'],
    ['http://127.0.0.1/callboard', '404 NOT_FOUND'],
    ['http://attacker.example/callboard', '404 NOT_FOUND'],
    ['*', '404 NOT_FOUND'],
    ['callboard', 400],
  ];
  test.each(cases)('%s does not get past the checks: %s', async (path, expected) => {
    const running = await stage.serve({ verifyClient: () => true });
    expect(await answer(running, path, [evil])).toBe(expected);
    expect(running.server.stats().connections.accepted).toBe(0);
    await until(async () => (await running.connections()) === 0, 'the end of the socket');
  });
});

describe('the origin', () => {
  test.each<[string, string[], string | number]>([
    ['listed', ['Origin: https://app.example'], 101],
    ['none', [], 101],
    ['none, with a cookie', ['Cookie: sid=1'], REFUSED],
    ['listed, with a cookie', ['Origin: https://app.example', 'Cookie: sid=1'], 101],
    ['foreign', [evil], REFUSED],
    ['null', ['Origin: null'], REFUSED],
    ['empty', ['Origin:'], REFUSED],
    ['listed twice', ['Origin: https://app.example', 'Origin: https://app.example'], REFUSED],
    ['listed, then foreign', ['Origin: https://app.example', evil], REFUSED],
    ['foreign, then listed', [evil, 'Origin: https://app.example'], REFUSED],
    ['foreign in another case', ['ORIGIN: https://attacker.example'], REFUSED],
    ['foreign, and a draft’s header', [evil, 'Sec-WebSocket-Origin: https://app.example'], REFUSED],
    ['with a host that claims to be it', [evil, 'X-Forwarded-Host: attacker.example'], REFUSED],
  ])('%s', async (_, headers, expected) => {
    const running = await stage.serve({ verifyClient: () => true, origins: ['https://app.example'] });
    expect(await answer(running, '/callboard', headers)).toBe(expected);
  });

  test.each<[string, (origin: string) => [string, string[]], string | number]>([
    ['own', (own) => [own, [`Origin: http://${own}`]], 101],
    ['own, at another port', (own) => [own, ['Origin: http://127.0.0.1:1']], REFUSED],
    ['foreign with a foreign Host', () => ['attacker.example', [evil]], 101],
    ['foreign with its host as user', () => ['attacker.example@127.0.0.1', [evil]], REFUSED],
    ['foreign with a second Host', (own) => [own, [evil, 'Host: attacker.example']], REFUSED],
  ])('%s, where none is listed', async (_, asked, expected) => {
    const running = await stage.serve({ verifyClient: () => true });
    const [host, headers] = asked(running.origin);
    expect(await answer(running, '/callboard', headers, host)).toBe(expected);
  });
});

describe('without a verifier', () => {
  test.each<[string, string[], string | undefined, string | number]>([
    ['this machine', [], undefined, 101],
    ['a proxy on it', ['X-Forwarded-For: 127.0.0.1'], undefined, '403 LOOPBACK_ONLY'],
    ['a proxy on it, in another case', ['FORWARDED: for=127.0.0.1'], undefined, '403 LOOPBACK_ONLY'],
    ['a foreign name (DNS rebinding)', [], 'attacker.example', '403 LOOPBACK_ONLY'],
    ['a foreign name with its own page', [evil], 'attacker.example', '403 LOOPBACK_ONLY'],
    ['a foreign page', [evil], undefined, REFUSED],
  ])('%s', async (_, headers, host, expected) => {
    const running = await stage.serve();
    expect(await answer(running, '/callboard', headers, host)).toBe(expected);
  });

  test('nothing but loopback is listened on', async () => {
    const running = await stage.serve({ host: undefined as never });
    expect(running.server.httpServer.address()).toMatchObject({ address: '127.0.0.1' });
    await expect(stage.serve({ host: '0.0.0.0' })).rejects.toThrow('loopback only');
    await expect(stage.serve({ host: '127.0.0.1.attacker.example' })).rejects.toThrow('loopback only');
  });

  test('an IPv4 address in IPv6 is known', async () => {
    const running = await stage
      .serve({ verifyClient: undefined as never, host: '::1' })
      .catch(() => undefined);
    if (running === undefined) return; // This machine has no IPv6.
    const socket = connectTcp(running.server.port as number, '::1');
    stage.after(() => socket.destroy());
    socket.write(upgradeRequest(`[::1]:${running.server.port}`));
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe('connections of one address', () => {
  test('are limited, refused with 429, and make room again', async () => {
    const running = await stage.serve({ limits: { maxConnectionsPerAddress: 2 } });
    const [first] = [await running.connect(1), await running.connect(2)];
    const refused = await running.wire().catch((error) => error);
    expect(refused).toMatchObject({ status: 429, body: '{"error":{"code":"TOO_MANY_CONNECTIONS"}}' });
    expect(refused.headers).toMatchObject({ 'retry-after': '5', connection: 'close' });
    first?.cut();
    await until(() => running.server.stats().clients.online === 1, 'the end of the first');
    await running.connect(3);
    await expect(running.wire()).rejects.toMatchObject({ status: 429 });
  });

  test('cannot be told apart by what they say of themselves', async () => {
    const running = await stage.serve({
      verifyClient: () => true,
      trustProxy: 'loopback',
      limits: { maxConnectionsPerAddress: 1 },
    });
    const wire = (forwarded: string): Promise<unknown> =>
      running.wire({ headers: { 'x-forwarded-for': forwarded } });
    await wire('203.0.113.7');
    await expect(wire('192.0.2.1, 203.0.113.7')).rejects.toMatchObject({ status: 429 });
    await expect(wire('203.0.113.7:80')).rejects.toMatchObject({ status: 429 });
    await expect(wire('::ffff:203.0.113.7')).rejects.toMatchObject({ status: 429 });
    await expect(wire('203.0.113.8')).resolves.toBeDefined();
  });

  test('that were refused, or never became one, do not count', async () => {
    const running = await stage.serve({ limits: { maxConnectionsPerAddress: 1 } });
    for (let i = 0; i < 5; i++) {
      expect(await answer(running, '/callboard', [evil])).toBe(REFUSED);
      expect(await answer(running, '/callboard', ['Sec-WebSocket-Protocol: ,'])).toBe(400);
    }
    await running.connect(44);
  });
});

test('what came with the upgrade reaches the verifier, the frame’s token before the header’s', async () => {
  const seen: unknown[] = [];
  const running = await stage.serve({
    origins: ['https://app.example'],
    verifyClient: ({ userId, token, origin, secure, headers, query, transport, address, device }) => {
      const { cookie } = headers;
      seen.push({ userId, token, origin, secure, cookie, query: query.get('q'), transport, address, device });
      return true;
    },
  });
  const headers = { authorization: 'Bearer header', origin: 'https://app.example', cookie: 'sid=1' };
  const one = running.client(44, { headers, device: 'phone' });
  await one.connect();
  const two = running.client(45, { headers, token: 'frame' });
  await two.connect();
  const wire = await openWire(`${running.url}?q=a%20b`);
  wire.send('{"op":"connect","version":1,"userId":46}');
  await until(() => seen.length === 3, 'the third');
  wire.cut();
  const common = { secure: false, transport: 'websocket', address: '127.0.0.1' };
  const page = { ...common, origin: 'https://app.example', cookie: 'sid=1', query: null };
  expect(seen).toEqual([
    { ...page, userId: '44', token: 'header', device: 'phone' },
    { ...page, userId: '45', token: 'frame' },
    { ...common, userId: '46', query: 'a b' },
  ]);
});

import { describe, expect, test } from '@jest/globals';
import { requestHeaders, responseHeaders } from './headers.ts';
import { isWaymark, Waymark } from './waymark.ts';

describe('the waymark', () => {
  const secret = 'a secret of the two';
  const now = Date.UTC(2026, 0, 1);
  const header = new Waymark({ secret }).for('/users/1?a=b', now);

  test('is X-Waymark: 1, or what the application says', () => {
    expect([new Waymark().name, new Waymark().for('/', now)]).toEqual(['x-waymark', '1']);
    const other = new Waymark({ name: 'X-Quiet', value: 'yes' });
    expect([other.name, other.for('/', now)]).toEqual(['x-quiet', 'yes']);
  });

  test('signed, it is one for this path and time, and for nobody without the secret', () => {
    const check = { secret, path: '/users/1?a=b', now: now + 100_000 };
    expect(header).toMatch(/^1;t=1767225600;s=[\w-]{43}$/);
    expect(isWaymark(header, check)).toBe(true);
    expect(isWaymark(header, { ...check, path: '/users/2' })).toBe(false);
    expect(isWaymark(header, { ...check, secret: 'another secret too' })).toBe(false);
    expect(isWaymark(header, { ...check, now: now + 300_001 })).toBe(false);
    expect(isWaymark(header, { ...check, now: now - 300_001 })).toBe(false);
    expect(isWaymark(header, { ...check, now: now + 300_001, maxAgeMs: 400_000 })).toBe(true);
    for (const forged of [
      undefined,
      '',
      '1',
      '1;t=1;s=',
      header.replace('t=1', 't=2'),
      [header, header],
      `${header}x`,
    ])
      expect([forged, isWaymark(forged, check)]).toEqual([forged, false]);
  });

  test.each([
    [{ name: 'X Waymark' }, TypeError],
    [{ value: '1;2' }, TypeError],
    [{ value: '1\r\n' }, TypeError],
    [{ secret: 'short' }, RangeError],
  ])('%j is none', (options, error) => expect(() => new Waymark(options)).toThrow(error));
});

describe('headers', () => {
  test('a client’s pass where they are named, in one spelling and order', () => {
    const pass = requestHeaders(['Accept', 'X-Tenant'], ['x-waymark']);
    expect(pass({ 'X-TENANT': ' 7 ', accept: 'a/b', 'X-Waymark': '1', host: 'evil', cookie: 'c' })).toEqual([
      ['accept', 'a/b'],
      ['x-tenant', '7'],
    ]);
  });

  test.each([
    ...[
      'host',
      'Connection',
      'Transfer-Encoding',
      'Content-Length',
      'Upgrade',
      'TE',
      'Trailer',
      'Keep-Alive',
    ],
    ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP', 'Via', 'Proxy-Authorization'],
    ...['Authorization', 'If-None-Match', 'Range', 'X-Waymark'],
  ])('%s never passes, and who names it is told', (name) => {
    expect(() => requestHeaders([name], ['x-waymark'])).toThrow(TypeError);
  });

  test('of a response those pass that are named; Set-Cookie never', () => {
    const pass = responseHeaders(['Content-Type', 'Link']);
    const headers = { 'content-type': 'a/b', link: ['<a>', '<b>'], 'set-cookie': ['secret'], 'x-other': '1' };
    expect(pass(headers as never)).toEqual({ 'content-type': 'a/b', link: '<a>, <b>' });
    for (const name of ['Set-Cookie', 'set-cookie2', 'Connection', 'Proxy-Authenticate'])
      expect(() => responseHeaders([name])).toThrow(TypeError);
  });
});

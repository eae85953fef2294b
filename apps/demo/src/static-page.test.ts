import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Server, silentLogger } from '@callboard/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDemo } from './demo.ts';

let server: Server;

beforeAll(async () => {
  server = createDemo({ port: 0, logger: silentLogger });
  await server.start();
});
afterAll(() => server.disconnect());

/** The path goes out as it is: `fetch` would tidy it up. */
async function ask(path: string, method = 'GET'): Promise<IncomingMessage & { body: string }> {
  const { port } = server;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method }, resolve).on('error', reject).end();
  });
  return Object.assign(response, { body: await text(response) });
}

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/?as=ann', 'text/html; charset=utf-8', '<!doctype html>'],
  ['/style.css', 'text/css; charset=utf-8', ':root'],
  ['/icon.svg', 'image/svg+xml', '<svg'],
])('%s is there', async (path, type, beginning) => {
  const { statusCode, headers, body } = await ask(path);
  expect(statusCode).toBe(200);
  expect(headers).toMatchObject({
    'content-type': type,
    'content-length': String(Buffer.byteLength(body)),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  expect(body.startsWith(beginning)).toBe(true);
});

test('the page may run its own scripts and styles, and reach its own server, and that is all', async () => {
  const { headers } = await ask('/');
  const policy = headers['content-security-policy'] as string;
  expect(policy.split('; ')).toEqual(
    expect.arrayContaining([
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ]),
  );
  expect(policy).not.toMatch(/unsafe|data:|\*/);
});

test('the page has nothing in it that its policy would refuse', async () => {
  const { body } = await ask('/');
  expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]* src="\/)|(?:src|href)="(?!\/)/);
});

test('HEAD gives the headers alone', async () => {
  const { statusCode, headers, body } = await ask('/', 'HEAD');
  expect([statusCode, body]).toEqual([200, '']);
  expect(Number(headers['content-length'])).toBeGreaterThan(1_000);
});

test('nothing can be written', async () => {
  const { statusCode, headers } = await ask('/', 'POST');
  expect(statusCode).toBe(405);
  expect(headers.allow).toBe('GET, HEAD');
});

describe('is not there:', () => {
  test.each([
    '/index.html',
    '/favicon.ico',
    '/page/',
    '/page/none.js',
    '/page/main.d.ts',
    '/page/../index.js',
    '/page/..%2findex.js',
    '/page/%2e%2e/index.js',
    '/page/..\\index.js',
    '/../package.json',
    '/%2e%2e/package.json',
    '//etc/passwd',
    '/public/index.html',
    '/package.json',
    '/__proto__',
    '/page/main.js%00',
  ])('%s', async (path) => {
    const { statusCode, body } = await ask(path);
    expect(statusCode).toBe(404);
    expect(body).not.toContain('callboard');
  });
});

test('Callboard’s own routes are served beside the page', async () => {
  expect((await ask('/healthz')).body).toBe('{"status":"ok"}');
  expect((await ask('/stats')).statusCode).toBe(200);
});

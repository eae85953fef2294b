import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { silentLogger } from '@callboard/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDemo, type Demo } from './demo.ts';

let demo: Demo;
let port: number;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'box-office-'));
  await mkdir(join(folder, 'page/assets'), { recursive: true });
  await writeFile(join(folder, 'page/index.html'), '<!doctype html>the page');
  await writeFile(join(folder, 'page/assets/index-abc.js'), 'the script');
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'page/.hidden'), 'secret');
  await writeFile(join(folder, 'page/notes.txt'), 'secret');
  demo = await createDemo({
    port: 0,
    passwordWork: 16,
    logger: silentLogger,
    pageRoot: join(folder, 'page'),
  });
  port = await demo.start();
});
afterAll(async () => {
  await demo?.stop();
  await rm(folder, { recursive: true });
});

/** The path goes out as it is: `fetch` would tidy it up. */
async function ask(path: string, { method = 'GET', host = `127.0.0.1:${port}` } = {}) {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers: { host } }, resolve).on('error', reject).end();
  });
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

test.each([
  ['/', 'text/html; charset=utf-8', '<!doctype html>the page', 'no-cache'],
  ['/?as=orla', 'text/html; charset=utf-8', '<!doctype html>the page', 'no-cache'],
  ['/shows/moths', 'text/html; charset=utf-8', '<!doctype html>the page', 'no-cache'],
  ['/corner', 'text/html; charset=utf-8', '<!doctype html>the page', 'no-cache'],
  [
    '/assets/index-abc.js',
    'text/javascript; charset=utf-8',
    'the script',
    'public, max-age=31536000, immutable',
  ],
])('%s is there', async (path, type, body, caching) => {
  const answer = await ask(path);
  expect(answer).toMatchObject({ status: 200, body });
  expect(answer.headers).toMatchObject({
    'content-type': type,
    'cache-control': caching,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });
});

test('a show that is not on the bill is not there, and the page is, to say so', async () => {
  for (const path of ['/shows/hamlet', '/shows/..%2fsecret.txt', '/shows/__proto__'])
    expect(await ask(path)).toMatchObject({ status: 404, body: '<!doctype html>the page' });
});

test('the page may run its own scripts and styles, and reach its own server, and that is all', async () => {
  const { headers } = await ask('/');
  const policy = String(headers['content-security-policy']);
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

describe('is not there:', () => {
  test.each([
    '/favicon.ico',
    '/assets/',
    '/assets/none.js',
    '/.hidden',
    '/notes.txt',
    '/index.html',
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/..\\secret.txt',
    '//etc/passwd',
    '/__proto__',
    '/index.html%00',
    '/api/none',
    '/shows',
    '/shows/moths/secret.txt',
    '/shows/../../secret.txt',
  ])('%s', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body).not.toContain('secret');
  });
});

test('nothing can be written to the page', async () => {
  expect((await ask('/', { method: 'POST' })).status).toBe(404);
});

test.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example'])(
  'a page that pretends to be %s reaches nothing',
  async (host) => {
    for (const path of ['/', '/api/shows']) expect((await ask(path, { host })).status).toBe(421);
  },
);

test.each(['localhost', '127.0.0.1', '[::1]'])('%s is this machine', async (name) => {
  expect((await ask('/', { host: `${name}:${port}` })).status).toBe(200);
});

test('Callboard’s own routes are served beside the page', async () => {
  expect((await ask('/healthz')).body).toBe('{"status":"ok"}');
  expect((await ask('/stats')).status).toBe(200);
});

test('a port that is taken is said so, and the server can be stopped all the same', async () => {
  const second = await createDemo({ port, passwordWork: 16, logger: silentLogger });
  await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await second.stop();
});

test('a connection that never says anything does not hold up the end', async () => {
  const demo = await createDemo({ port: 0, passwordWork: 16, logger: silentLogger });
  const silent = connect(await demo.start(), '127.0.0.1');
  const closed = once(silent, 'close');
  await once(silent, 'connect');
  await demo.stop();
  await closed;
});

import { existsSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, silentLogger } from '@callboard/core';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { servePage } from '../test/page-server.ts';
import { until } from '../test/support.ts';
import type { Client } from './index.ts';

/** The client in a browser, with and without WebSocket, in a page of the server's own and in one of another origin. */

const executable = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync);
const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (executable === undefined && !required)
  process.stderr.write('Skipped: no Chromium here. Install it, or name it in CHROMIUM.\n');
const inChromium = executable === undefined && !required ? describe.skip : describe;
jest.setTimeout(60_000);

/** What the page keeps for the test. */
declare global {
  var client: Client;
  var notes: unknown[];
  var tries: number;
}

inChromium('a page in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let server: Server;
  let elsewhere: Server;
  /** Requests to the server's path, by method; `POLL` for those that poll. */
  let asked: string[];

  beforeAll(async () => {
    if (executable === undefined) throw new Error('no Chromium here: install it, or name it in CHROMIUM');
    browser = await chromium.launch({
      executablePath: executable,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    asked = [];
    elsewhere = await serve({});
    server = await serve({ origins: [originOf(elsewhere)] });
    context = await browser.newContext();
  });
  afterEach(async () => {
    await context?.close();
    await server?.disconnect({ graceMs: 1 });
    await elsewhere?.disconnect({ graceMs: 1 });
  });

  async function serve({ origins }: { origins?: string[] }): Promise<Server> {
    const server = createServer({
      port: 0,
      host: '127.0.0.1',
      httpServer: createHttpServer(servePage),
      transports: [webSocketTransport(), httpTransport()],
      logger: silentLogger,
      ...(origins && { origins: [...origins] }),
      handlers: { ECHO: ({ action, client }) => [client.transport, action.n] },
    });
    await server.start();
    return server;
  }

  const originOf = ({ port }: Server) => `http://127.0.0.1:${port}`;

  /** A page of this server's, with a cookie, that has opened a client of that one's. */
  async function open(from: Server, to: Server, withoutWebSocket: boolean): Promise<Page> {
    const page = await context.newPage();
    if (withoutWebSocket) await page.addInitScript('delete globalThis.WebSocket');
    page.on('request', (request) => {
      if (request.url() !== `${originOf(to)}/callboard`) return;
      asked.push(request.headers()['callboard-poll'] === undefined ? request.method() : 'POLL');
    });
    await page.goto(originOf(from));
    await start(page, to);
    return page;
  }

  const start = (page: Page, to: Server) =>
    page.evaluate(async (endPoint) => {
      // biome-ignore lint/suspicious/noDocumentCookie: as pages have them
      document.cookie = 'sid=1';
      const load = (file: string) => import(`/packages/client/src/${file}.ts`);
      const { createClient } = await load('index');
      const { fallback } = await load('fallback');
      const { systemTimers } = await load('options');
      globalThis.notes = [];
      globalThis.client = createClient({
        endPoint,
        userId: 44,
        transport: fallback({ timers: systemTimers }),
        resend: true,
      });
      globalThis.client.subscribe('NOTE', (note: unknown) => void globalThis.notes.push(note));
    }, originOf(to));

  const echo = (page: Page, n: number) =>
    page.evaluate((n) => globalThis.client.sendToServer({ type: 'ECHO', n }), n);
  const notes = (page: Page) => page.evaluate(() => globalThis.notes);

  test('has WebSocket: HTTP is not even loaded', async () => {
    const page = await open(elsewhere, elsewhere, false);
    expect(await echo(page, 1)).toEqual(['websocket', 1]);
    expect(asked).toEqual([]);
    const loaded = () => performance.getEntriesByType('resource').map(({ name }) => name);
    expect((await page.evaluate(loaded)).filter((name) => name.includes('/http'))).toEqual([]);
  });

  test.each(['its own', 'another'])(
    'has no WebSocket, and %s server: a stream, cut and resumed',
    async (whose) => {
      const to = whose === 'its own' ? elsewhere : server;
      const page = await open(elsewhere, to, true);
      expect(await echo(page, 1)).toEqual(['http', 1]);
      await to.sendToUser(44, { type: 'NOTE', n: 1 });
      const { id } = await page.evaluate(() => ({ id: globalThis.client.id }));
      await page.evaluate(() => globalThis.client.drop());
      await to.sendToUser(44, { type: 'NOTE', n: 2 });
      await page.evaluate(() => globalThis.client.connect());
      expect(await echo(page, 2)).toEqual(['http', 2]);
      expect(await page.evaluate(() => globalThis.client.id)).toBe(id);
      expect(await notes(page)).toMatchObject([{ n: 1 }, { n: 2 }]);
      expect(asked).not.toContain('POLL');
      expect(asked.filter((method) => method === 'GET').length).toBe(2);
    },
  );

  test('has found its WebSocket blocked: after a reload it does not try that again', async () => {
    const page = await context.newPage();
    await page.addInitScript(() => {
      globalThis.tries = 0;
      globalThis.WebSocket = class {
        constructor() {
          globalThis.tries++;
          throw new Error('blocked');
        }
      } as never;
    });
    await page.goto(originOf(elsewhere));
    for (const tries of [1, 0]) {
      await start(page, elsewhere);
      expect(await echo(page, tries)).toEqual(['http', tries]);
      expect(await page.evaluate(() => globalThis.tries)).toBe(tries);
      await page.reload();
    }
  });

  test('that is closed says goodbye', async () => {
    const page = await open(elsewhere, elsewhere, true);
    expect(await echo(page, 1)).toEqual(['http', 1]);
    const left: unknown[] = [];
    elsewhere.events$.subscribe((event) => {
      if (['CLIENT_LOST', 'CLIENT_GONE'].includes(event.type)) left.push(event.type);
    });
    await page.goto('about:blank');
    await until(() => elsewhere.users.size === 0, 'the end of the session');
    expect(left).toEqual(['CLIENT_GONE']);
  });

  test('of an origin that may not connect is refused', async () => {
    const page = await open(server, elsewhere, true);
    await page.waitForFunction(() => globalThis.client.actor.getSnapshot().value === 'reconnecting');
    expect(asked[0]).toBe('POST');
    expect(await page.evaluate(() => globalThis.client.isConnected())).toBe(false);
    expect(elsewhere.stats().connections.accepted).toBe(0);
  });
});

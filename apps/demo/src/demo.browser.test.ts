import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Server, silentLogger } from '@callboard/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { createDemo } from './demo.ts';

const executable = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync);
const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (executable === undefined && !required) {
  process.stderr.write('Skipped: no Chromium here. Install it, or name it in CHROMIUM.\n');
}
const inChromium = executable === undefined && !required ? describe.skip : describe;

/** For everything that the page has yet to do; a test that is right never waits for so long. */
const PATIENCE_MS = 20_000;
jest.setTimeout(90_000);

inChromium('the demo in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let server: Server;
  /** What pages complained of, but for connections that were meant to fail. */
  let complaints: string[];

  beforeAll(async () => {
    if (executable === undefined) throw new Error('no Chromium here: install it, or name it in CHROMIUM');
    // The page's modules come from dist/: make sure that they are those of the sources.
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    await promisify(execFile)('npm', ['run', 'build'], { cwd, shell: process.platform === 'win32' });
    browser = await chromium.launch({
      executablePath: executable,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    complaints = [];
    server = await serve(0);
    context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE_MS);
  });
  afterEach(async () => {
    await context?.close();
    await server?.disconnect();
    expect(complaints).toEqual([]);
  });

  async function serve(port: number): Promise<Server> {
    const demo = createDemo({ port, logger: silentLogger });
    await demo.start();
    return demo;
  }

  /** A page that is online as this user, and knows which tabs there are. */
  async function tabOf(userId: string): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', ({ message }) => void complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('WebSocket'))
        complaints.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    if (userId === 'ann' || userId === 'ben')
      await page.getByRole('button', { name: `I am ${userId}` }).click();
    else {
      await page.getByLabel('Or somebody else').fill(userId);
      await page.keyboard.press('Enter');
    }
    await online(page);
    await frames(page, 'reply').nth(1).waitFor();
    return page;
  }

  const online = (page: Page) => page.locator('#status[data-state=online]').waitFor();
  const clientId = (page: Page) => page.locator('#client-id').textContent();
  const frames = (page: Page, op: string) => page.locator(`#frames [data-op=${op}]`);
  const notices = (page: Page) => texts(page.locator('.notice:not(.slip, .sheet) .text'));
  const texts = (found: Locator) => found.allTextContents();
  const pinned = (page: Page, text: string) => page.locator('#notices .text', { hasText: text }).waitFor();

  async function broadcast(page: Page, text: string): Promise<void> {
    await page.getByLabel('Note to my other tabs').fill(text);
    await page.getByRole('button', { name: 'Pin up' }).click();
    await page.locator('#broadcast-answer[data-kind=done]').waitFor();
  }

  async function send(page: Page, to: string, text: string): Promise<void> {
    await page.getByLabel('Note to', { exact: true }).fill(to);
    await page.getByLabel('Note', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#send-answer[data-kind=done]').waitFor();
  }

  /** Whatever was sent to the page before this has arrived once it has its answer: a connection keeps order. */
  async function settle(page: Page): Promise<void> {
    const replies = await frames(page, 'reply').count();
    await page.getByLabel('Ask the server').selectOption('TIME');
    await page.getByRole('button', { name: 'Ask' }).click();
    await frames(page, 'reply').nth(replies).waitFor();
  }

  test('a broadcast reaches the other tab once, and neither the sender nor another user', async () => {
    const [one, two, ben] = [await tabOf('ann'), await tabOf('ann'), await tabOf('ben')];
    await broadcast(one, 'Half hour, please');
    await pinned(two, 'Half hour, please');
    for (const page of [one, two, ben]) await settle(page);
    expect(await notices(two)).toEqual(['Half hour, please']);
    expect(await texts(two.locator('.notice .sender'))).toEqual(['Another tab of yours']);
    expect(await notices(one)).toEqual([]);
    expect(await notices(ben)).toEqual([]);
  });

  test('a note to another user reaches both tabs of that user', async () => {
    const [one, two, ben] = [await tabOf('ann'), await tabOf('ann'), await tabOf('ben')];
    await send(ben, 'ann', '<b>Your costume</b> is ready');
    for (const page of [one, two]) {
      await pinned(page, 'Your costume');
      await settle(page);
      expect(await notices(page)).toEqual(['<b>Your costume</b> is ready']);
      expect(await texts(page.locator('.notice .sender'))).toEqual(['ben']);
    }
    await settle(ben);
    expect(await notices(ben)).toEqual([]);
  });

  test('a call shows its reply and how long it took, or the error', async () => {
    const cleo = await tabOf('cleo');
    const answer = cleo.locator('#ask-answer');
    const ask = async (type: string) => {
      await cleo.getByLabel('Ask the server').selectOption(type);
      await cleo.getByRole('button', { name: 'Ask' }).click();
    };
    await ask('TAKE_SEAT');
    await answer.filter({ hasText: /^Seat 1 is yours; 23 are left\. \d+(\.\d)? m?s$/ }).waitFor();
    await cleo.getByLabel('Ask the server').selectOption('ECHO');
    await cleo.getByLabel('What to say back').fill('Who’s there?');
    await cleo.getByRole('button', { name: 'Ask' }).click();
    await answer.filter({ hasText: '“Who’s there?”' }).waitFor();
    await ask('EXEUNT');
    await answer.filter({ hasText: 'NO_HANDLER' }).waitFor();
  });

  test('what a tab missed while it was cut arrives in order, exactly once, and what it wrote goes out', async () => {
    const [one, two, ben] = [await tabOf('ann'), await tabOf('ann'), await tabOf('ben')];
    const before = await clientId(one);
    await one.getByRole('button', { name: 'Cut my connection' }).click();
    await one.locator('#status[data-state=cut]').waitFor();
    await two.locator('#tabs .lost', { hasText: before as string }).waitFor();
    await broadcast(two, 'Places, please');
    await send(ben, 'ann', 'Where are you?');
    await one.getByLabel('Note to my other tabs').fill('In the lift');
    await one.keyboard.press('Enter');
    await one.locator('#broadcast-answer[data-kind=waits]').waitFor();

    await one.getByRole('button', { name: 'Come back' }).click();
    await online(one);
    await pinned(two, 'In the lift');
    await settle(one);
    expect(await clientId(one)).toBe(before);
    expect(await texts(one.locator('.sheet .text'))).toEqual(['Places, please', 'Where are you?']);
    await one.locator('.sheet .summary', { hasText: '2 notes' }).waitFor();
    await two.locator('#tabs .here', { hasText: before as string }).waitFor();

    await broadcast(two, 'Curtain!');
    await pinned(one, 'Curtain!');
    expect(await texts(one.locator('#notices .text'))).toEqual([
      'Curtain!',
      'Places, please',
      'Where are you?',
    ]);
  });

  test('after a restart of the server the page comes back by itself, as a new client, and says so', async () => {
    const ann = await tabOf('ann');
    const { port } = server;
    const before = await clientId(ann);
    await server.disconnect();
    await frames(ann, 'disconnect').waitFor();
    server = await serve(port as number);
    const slip = ann.locator('.slip', { hasText: 'A new client' });
    await slip.waitFor();
    await online(ann);
    const after = await clientId(ann);
    expect(after).not.toBe(before);
    expect(await slip.textContent()).toContain(before);
    expect(await slip.textContent()).toContain(after);
    const again = await tabOf('ann');
    await broadcast(again, 'Good morning');
    await pinned(ann, 'Good morning');
  });

  test('who is told to go stays away until somebody says otherwise', async () => {
    const ann = await tabOf('ann');
    for (const client of server.users.get('ann')?.clients ?? []) client.disconnect();
    await ann.locator('#status[data-state=ended]', { hasText: 'KICKED' }).waitFor();
    await ann.getByRole('button', { name: 'Come back' }).click();
    await ann.locator('.slip', { hasText: 'A new client' }).waitFor();
    await online(ann);
  });

  test('the session is nowhere on the page, nor in storage; a reload is a new client', async () => {
    const sessions: string[] = [];
    context.on('page', (page) =>
      page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => {
          const frame = JSON.parse(String(payload)) as { op: string; session: string };
          if (frame.op === 'connected') sessions.push(frame.session);
        }),
      ),
    );
    const ann = await tabOf('ann');
    const before = await clientId(ann);
    await ann.getByLabel('Unfold').check();
    expect(sessions).toHaveLength(1);
    expect(await ann.locator('#frames pre', { hasText: '"session"' }).count()).toBe(1);
    expect(await ann.content()).not.toContain(sessions[0]);
    expect(await context.storageState()).toEqual({ cookies: [], origins: [] });
    await ann.goto(`http://127.0.0.1:${server.port}/?as=ann`);
    await online(ann);
    expect(await clientId(ann)).not.toBe(before);
  });

  test.each([
    ['small phone', { width: 320, height: 640 }],
    ['phone', { width: 390, height: 844 }],
    ['desktop', { width: 1280, height: 800 }],
  ])('nothing sticks out sideways on a %s', async (_, viewport) => {
    const ann = await tabOf('ann');
    await ann.setViewportSize(viewport);
    await ann.getByLabel('Unfold').check();
    await send(ann, 'ann', 'x'.repeat(500));
    await pinned(ann, 'xxx');
    const tooWide = await ann.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(tooWide).toBeLessThanOrEqual(0);
  });
});

import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { type Client, createClient } from '@callboard/client';
import { silentLogger } from '@callboard/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { createDemo, type Demo, type DemoOptions } from '../src/demo.ts';
import { lineTo } from './line-to.ts';
import { online } from './page.ts';

/** Each test has a demo and a browser of its own: these are the ones of the present test. */
export let demo: Demo;
export let port: number;
export let context: BrowserContext;
/** A browser of somebody else's. */
export let anotherContext: () => Promise<BrowserContext>;

/** For everything that the page has yet to do; a test that is right never waits for so long. */
const PATIENCE_MS = 20_000;
jest.setTimeout(90_000);

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

/** Those without a page. */
let clients: Client[];
const others: BrowserContext[] = [];
/** What pages complained of. */
let complaints: string[];
/** What they may complain of, where a test breaks something on purpose. */
let tolerated: RegExp;

/** Skipped where there is no Chromium. A page that complains of anything fails its test. */
export function describeInChromium(name: string, tests: () => void): void {
  inChromium(name, () => {
    let browser: Browser;

    beforeAll(async () => {
      if (executable === undefined) throw new Error('no Chromium here: install it, or name it in CHROMIUM');
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
      clients = [];
      anotherContext = async () => {
        const another = await browser.newContext({ reducedMotion: 'reduce' });
        others.push(another);
        return listening(another);
      };
      complaints = [];
      tolerated = /^$/;
      await open();
      context = listening(await browser.newContext({ reducedMotion: 'reduce' }));
    });
    afterEach(async () => {
      await Promise.all(others.splice(0).map((other) => other.close()));
      await context?.close();
      await Promise.all(clients.map((client) => client.close()));
      await demo?.stop({ graceMs: 100 });
      expect(complaints.filter((complaint) => !tolerated.test(complaint))).toEqual([]);
    });

    tests();
  });
}

function listening(context: BrowserContext): BrowserContext {
  context.setDefaultTimeout(PATIENCE_MS);
  context.on('page', (page) => {
    page.on('pageerror', ({ message }) => void complaints.push(message));
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
  });
  return context;
}

/** Pages may complain of this. */
export function tolerate(what: RegExp): void {
  tolerated = what;
}

/** Another demo in place of the one that was stopped. */
export async function open(options: Partial<DemoOptions> = {}): Promise<void> {
  demo = await createDemo({ port: 0, logger: silentLogger, passwordWork: 16, ...options });
  port = await demo.start();
}

/** In the tab that is in front: the others paint once a second only, and a click waits for two frames. */
export async function click(found: Locator): Promise<void> {
  await found.page().bringToFront();
  await found.click();
}

export interface TabOptions {
  /** That of a network in between. */
  readonly at?: number;
  readonly path?: string;
  /** Runs in the page before anything else does. */
  readonly before?: string;
  /** The page's time can be moved on by `page.clock`. Default false. */
  readonly clock?: boolean;
  /** Default: that of the test. */
  readonly within?: BrowserContext;
}

/** A fresh tab, signed in as one of the company. */
export async function tabOf(
  name: string,
  { at = port, path = '/', before, clock = false, within = context }: TabOptions = {},
): Promise<Page> {
  const page = await within.newPage();
  if (clock) await page.clock.install();
  if (before !== undefined) await page.addInitScript(before);
  await page.goto(`http://127.0.0.1:${at}${path}`);
  await click(page.getByRole('button', { name }));
  await online(page);
  return page;
}

/** A fresh tab of somebody who has just signed up, with `NAME@example.org`. */
export async function newcomer(
  name: string,
  { path = '/', within = context }: Pick<TabOptions, 'path' | 'within'> = {},
): Promise<Page> {
  const page = await within.newPage();
  await page.goto(`http://127.0.0.1:${port}${path}`);
  await click(page.getByRole('button', { name: 'I am new here' }));
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('E-mail').fill(`${name.split(' ')[0]}@example.org`);
  await page.getByLabel('Password').fill('correct horse');
  await click(page.getByRole('button', { name: 'Sign up' }));
  await online(page);
  return page;
}

/** One more tab of whoever is signed in to this one. */
export async function anotherOf(page: Page): Promise<Page> {
  const [another] = await Promise.all([
    page.context().waitForEvent('page'),
    click(page.getByRole('button', { name: 'Open another tab' })),
  ]);
  await online(another);
  return another;
}

/** Somebody without a page, who is quicker than who has one. */
export async function behindTheScenes(userId: string): Promise<Client> {
  const client = createClient(await lineTo(demo, userId));
  clients.push(client);
  return client;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

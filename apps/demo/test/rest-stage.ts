import { collectingLogger } from '@callboard/testkit';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { createDemo, type Demo, type DemoOptions } from '../src/demo.ts';
import { Api, notice, tokensOf } from './api.ts';

/** Each test of a file has a demo of its own: these are the ones of the present test. */
export let demo: Demo;
export let api: Api;
export let tokens: Awaited<ReturnType<typeof tokensOf>>;

/** Before each test of the file. */
export function withRest(): void {
  beforeEach(() => open());
  afterEach(() => demo.stop());
}

/** Another demo in place of that of the test. */
export async function reopen(options: Partial<DemoOptions>): Promise<void> {
  await demo.stop();
  await open(options);
}

/** An event that is good. */
export async function posted(token: string, ...draft: Parameters<typeof notice>) {
  const { status, body } = await api.post(token, notice(...draft));
  expect(status).toBe(201);
  return body;
}

async function open(options: Partial<DemoOptions> = {}): Promise<void> {
  const logger = collectingLogger();
  demo = await createDemo({ port: 0, logger, passwordWork: 16, requestsPerSecond: 1_000, ...options });
  api = new Api(await demo.start());
  tokens = await tokensOf(demo);
}

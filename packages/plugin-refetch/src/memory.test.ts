import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@callboard/client';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Api } from '../test/api.ts';
import { refetchClient } from './client.ts';

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));

let api: Api;
let child: ChildProcess;
let folder: string;
let port: number;

beforeEach(async () => {
  api = await Api.start();
  api.pages.set('/users/1', 1);
  folder = mkdtempSync(join(tmpdir(), 'callboard-refetch-'));
  const execArgv = ['--conditions=@callboard/source', '--import', path('../../../scripts/typescript.mjs')];
  const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as never;
  child = fork(path('../test/lone-node.ts'), [api.origin], { execArgv, stdio });
  [port] = await once(child, 'message');
});
afterEach(async () => {
  child.kill('SIGKILL');
  await once(child, 'exit');
  await api.kill();
  rmSync(folder, { recursive: true });
});

async function ask(file: string): Promise<Readonly<Record<string, number>>> {
  child.send(file);
  const [stats] = await once(child, 'message');
  return stats;
}

/** Which of the words are anywhere in the node's heap when it has so many watches, after a collection of garbage. */
async function remembered(words: readonly string[], watches: number): Promise<string[]> {
  await until(async () => (await ask('')).watches === watches, `${watches} watches`);
  const file = join(folder, 'heap');
  await ask(file);
  const heap = readFileSync(file);
  return words.filter((word) => heap.includes(word));
}

test('6. a token is in the memory of the server while it is watched with, and not after: unwatched, refused, gone', async () => {
  const make = () =>
    createClient({
      endPoint: `ws://127.0.0.1:${port}`,
      userId: 1,
      plugins: [refetchClient()],
      timeoutMs: 10_000,
    });
  const [client, other] = [make(), make()];
  const given: string[] = [];
  const words = ['one', 'two', 'three'].map((word) => `${word}-${Math.random().toString(36).slice(2)}`);
  const [one = '', two = '', three = ''] = words;
  await Promise.all([client.connect(), other.connect()]);
  const unwatched = client.refetch.watch('/users/1', { token: one });
  const refused = client.refetch.watch('/users/1', {
    token: () => {
      given.push(two);
      return given.length === 1 ? two : new Promise<string>(() => {});
    },
  });
  const gone = other.refetch.watch('/users/1', { token: three });
  await until(() => [unwatched, refused, gone].every(({ page }) => page !== undefined), 'three pages');
  expect(await remembered(words, 3)).toEqual(words);

  unwatched.unwatch();
  api.tokens = new Set([three]);
  const headers = { authorization: 'Bearer the key of the test' };
  await fetch(`http://127.0.0.1:${port}/refetch/bump`, { method: 'POST', headers, body: '/users/1' });
  await until(() => given.length === 2, 'the question for another token');
  expect(await remembered(words, 2)).toEqual([three]);

  await other.close();
  expect(await remembered(words, 1)).toEqual([]);
  expect(refused.state).toEqual({ state: 'live' });
  await client.close();
});

import { readFileSync } from 'node:fs';
import { expect, jest, test } from '@jest/globals';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

test('the README shows test/example.ts', () => {
  const shown = /```ts\n(.*?)```/s.exec(read('../README.md'))?.[1];
  expect(shown).toBe(read('../test/example.ts').replace("'../src/index.ts'", "'@callboard/transport-http'"));
});

test('which does what it says', async () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  await import('../test/example.ts');
  jest.restoreAllMocks();
  const [, said] = /console\.log\(.*\); \/\/ (.*)/.exec(read('../test/example.ts')) ?? [];
  expect(log.mock.calls).toEqual([[said]]);
});

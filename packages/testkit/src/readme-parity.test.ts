import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

test('the README shows what readme.test.ts runs', () => {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
  const shown = /```ts\n(.*?)```/s.exec(read('../README.md'))?.[1];
  expect(shown).toBe(read('./readme.test.ts').replace("'./index.ts'", "'@callboard/testkit'"));
});

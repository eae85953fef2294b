import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as exported from './index.ts';

describe('the README', () => {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
  const readme = read('../README.md');

  test('shows what readme.test.ts runs', () => {
    const shown = /```ts\n(.*?)```/s.exec(readme)?.[1];
    expect(shown).toBe(read('./readme.test.ts').replace("'./index.ts'", "'@callboard/protocol'"));
  });

  test('names everything that is exported', () => {
    const missing = Object.keys(exported).filter((name) => !readme.includes(`\`${name}`));
    expect(missing).toEqual([]);
  });
});

import { expect, test } from '@jest/globals';
import { PasswordHash } from './password-hash.ts';

test('knows its password again, and no other', async () => {
  const hash = await PasswordHash.of('correct horse');
  expect(await hash.matches('correct horse')).toBe(true);
  for (const other of ['Correct horse', 'correct horse ', '', 'break-a-leg'])
    expect(await hash.matches(other)).toBe(false);
});

test('it does not matter how a letter was typed', async () => {
  const hash = await PasswordHash.of('caf\u00e9 au lait', 16);
  expect(await hash.matches('cafe\u0301 au lait')).toBe(true);
});

test('nothing of it can be printed', async () => {
  const hash = await PasswordHash.of('correct horse', 16);
  expect(JSON.stringify(hash)).toBe('{}');
});

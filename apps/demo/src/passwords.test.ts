import { expect, test } from '@jest/globals';
import { Passwords } from './passwords.ts';

test('a password is known again, and no other', async () => {
  const passwords = new Passwords();
  const kept = await passwords.hash('correct horse');
  expect(kept).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.matches(kept, 'correct horse')).toBe(true);
  for (const other of ['Correct horse', 'correct horse ', '', 'break-a-leg'])
    expect(await passwords.matches(kept, other)).toBe(false);
});

test('it does not matter how a letter was typed', async () => {
  const passwords = new Passwords(16);
  const kept = await passwords.hash('caf\u00e9 au lait');
  expect(await passwords.matches(kept, 'cafe\u0301 au lait')).toBe(true);
});

test('the same password is kept as something else each time', async () => {
  const passwords = new Passwords(16);
  expect(await passwords.hash('correct horse')).not.toBe(await passwords.hash('correct horse'));
});

import { expect, test } from '@jest/globals';
import { milliseconds } from './milliseconds.ts';

test.each([
  [0.84, '0.8 ms'],
  [9.94, '9.9 ms'],
  [9.96, '10 ms'],
  [123.4, '123 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [12_340, '12.3 s'],
])('%d is %s', (ms, text) => {
  expect(milliseconds(ms)).toBe(text);
});

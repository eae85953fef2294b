import { expect, test } from '@jest/globals';
import { changeInWords, houseInWords, inWords } from './in-words.ts';

test('small numbers are words', () => {
  expect([0, 1, 10, 11].map(inWords)).toEqual(['No', 'One', 'Ten', '11']);
});

test('a change says which way', () => {
  expect([-1, 3, -12].map(changeInWords)).toEqual(['One went', 'Three came back', '12 went']);
});

test('a house is so full, or sold out', () => {
  expect(houseInWords({ left: 3, of: 24 })).toBe('3 of 24 seats left');
  expect(houseInWords({ left: 0, of: 24 })).toBe('sold out');
});

import { expect, test } from '@jest/globals';
import { House } from './house.ts';

test('seats are taken from the front, each once, until there is none', () => {
  const house = new House(17);
  const seats = Array.from({ length: 17 }, () => house.take());
  expect(seats.slice(0, 9)).toEqual(['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'B1']);
  expect(seats.at(-1)).toBe('C1');
  expect(house.left).toBe(0);
  expect(house.take()).toBeUndefined();
  expect(house.left).toBe(0);
});

import { expect, test } from '@jest/globals';
import { createPowerLaw, createRandom } from './random.ts';

test('the same seed gives the same numbers, all below 1', () => {
  const [one, two] = [createRandom(7), createRandom(7)];
  const numbers = Array.from({ length: 1000 }, one);
  expect(Array.from({ length: 1000 }, two)).toEqual(numbers);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(new Set(numbers).size).toBeGreaterThan(990);
});

test('a power law: the first is picked twice as often as the second, and all are picked', () => {
  const counts = new Array<number>(4).fill(0);
  const pick = createPowerLaw(4, createRandom(1));
  for (let i = 0; i < 25_000; i++) counts[pick()]!++;
  // 1 : 1/2 : 1/3 : 1/4 of 25,000.
  for (const [i, expected] of [12_000, 6_000, 4_000, 3_000].entries()) {
    expect(Math.abs(counts[i]! - expected)).toBeLessThan(300);
  }
});

import { expect, test } from '@jest/globals';
import { limitsWith } from './limits.ts';

test.each([
  [{ maxQueued: 0 }, 'limits.maxQueued must be a number above 0'],
  [{ maxQueued: Number.NaN }, 'limits.maxQueued must be a number above 0'],
  [{ maxInFlight: 65_536 }, 'limits.maxInFlight must be a whole number up to 65,535'],
  [{ maxInFlight: Number.POSITIVE_INFINITY }, 'limits.maxInFlight must be a whole number up to 65,535'],
  [{ maxTopicAliases: 1.5 }, 'limits.maxTopicAliases must be a whole number up to 65,535'],
  [{ maxFun: 1 } as object, 'there is no limit named maxFun'],
])('%j is none', (settings, message) => {
  expect(() => limitsWith(settings)).toThrow(new RangeError(message));
});

test('no session waits longer than a timer can', () => {
  const { maxSessionMs, maxInFlight } = limitsWith({
    maxSessionMs: Number.POSITIVE_INFINITY,
    maxInFlight: 65_535,
  });
  expect([maxSessionMs, maxInFlight]).toEqual([2 ** 31 - 1, 65_535]);
});

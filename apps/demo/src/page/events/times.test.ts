import { describe, expect, test } from '@jest/globals';
import { dayAndTime, duration, leadsInWords, localInput, until } from './times.ts';

const now = new Date(2026, 10, 21, 17, 5).getTime();
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [new Date(2026, 10, 21, 19, 30), 'Today, 19:30'],
  [new Date(2026, 10, 22, 0, 5), 'Tomorrow, 00:05'],
  [new Date(2026, 10, 20, 23, 59), 'Yesterday, 23:59'],
  [new Date(2026, 10, 24, 9, 0), 'Tuesday, 09:00'],
  [new Date(2026, 10, 28, 9, 0), 'Sat, 28 November, 09:00'],
  [new Date(2026, 10, 18, 9, 0), 'Wed, 18 November, 09:00'],
])('%s', (at, words) => {
  expect(dayAndTime(at.getTime(), now).replace('Sat 28', 'Sat, 28').replace('Wed 18', 'Wed, 18')).toBe(words);
});

test.each([
  [1, 'a minute'],
  [59 * minute, '59 minutes'],
  [hour, 'an hour'],
  [2 * hour - 1, 'an hour'],
  [26 * hour, '26 hours'],
  [2 * day, '2 days'],
  [3 * day - 1, '2 days'],
])('%d ms are %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test('what has begun is not in the future', () => {
  expect([until(now + hour, now), until(now, now)]).toEqual(['in an hour', 'begun']);
});

describe('who is told when', () => {
  test.each([
    [26 * hour, 'a day before and an hour before'],
    [23 * hour, 'an hour before'],
    [hour, undefined],
  ])('%d ms before', (ms, words) => {
    expect(leadsInWords([day, hour], now + ms, now)).toBe(words);
  });
});

test('an input has the time of this machine', () => {
  expect(localInput(now)).toBe('2026-11-21T17:05');
});

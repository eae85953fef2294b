import { afterEach, expect, jest, test } from '@jest/globals';
import { systemClock } from './clock.ts';

afterEach(() => void jest.useRealTimers());

test.each([2 ** 31, Number.POSITIVE_INFINITY])('%d ms is longer than timers count, but waited for', (ms) => {
  jest.useFakeTimers();
  const task = jest.fn();
  systemClock.setTimeout(task, ms);
  jest.advanceTimersByTime(2 ** 31 - 2);
  expect(task).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(1);
});

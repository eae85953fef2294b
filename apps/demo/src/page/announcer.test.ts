import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Announcer } from './announcer.ts';

let announcer: Announcer;
beforeEach(() => {
  jest.useFakeTimers();
  announcer = new Announcer();
});
afterEach(() => {
  jest.useRealTimers();
});
const said = () => announcer.get().map(({ text }) => text);

test('what is said is said at once, and the last few stay', () => {
  for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) announcer.say(text);
  expect(said()).toEqual(['two', 'three', 'four', 'five', 'six']);
});

test('what changes quickly is said once it rests, and only the last of it', () => {
  for (const left of [23, 22, 21]) {
    announcer.sayAtRest('moths', `${left} left`);
    announcer.sayAtRest('vellum', `${left} there`);
    jest.advanceTimersByTime(999);
  }
  expect(said()).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(said()).toEqual(['21 left', '21 there']);
  jest.runAllTimers();
  expect(said()).toHaveLength(2);
});

test('what is of no interest any more is not said', () => {
  announcer.sayAtRest('moths', '23 left');
  announcer.hush('moths');
  jest.runAllTimers();
  expect(said()).toEqual([]);
});

import { expect, test } from '@jest/globals';
import { failureOf } from './failure.ts';

test('where nothing can have happened, it says so', () => {
  expect(failureOf({ code: 'NOT_CONNECTED', effect: 'none' }, 'The note')).toEqual({
    code: 'NOT_CONNECTED',
    text: 'There was no line to send it on. Nothing was done.',
    open: false,
    again: true,
  });
});

test('where something may have happened, it does not say that nothing did', () => {
  const { text, open, again } = failureOf({ code: 'CONNECTION_LOST', effect: 'perhaps' }, 'The seat');
  expect(text).toContain('The seat may have gone through all the same');
  expect(text).not.toContain('Nothing was done');
  expect([open, again]).toEqual([true, true]);
});

test('where nobody can tell any more, it does not offer to try', () => {
  const { text, open, again } = failureOf({ code: 'OUTCOME_UNKNOWN', effect: 'perhaps' }, 'The seat');
  expect(text).toContain('may or may not');
  expect([open, again]).toEqual([true, false]);
});

test('the application knows what its own codes mean', () => {
  const words = { SOLD_OUT: 'Every seat is taken.' };
  const { text, open } = failureOf({ code: 'SOLD_OUT', effect: 'perhaps' }, 'The seat', words);
  expect([text, open]).toEqual(['Every seat is taken.', false]);
});

test('codes that it does not know are no riddle', () => {
  expect(failureOf({ code: 'X', effect: 'none' }, 'The seat').text).toMatch(/^It was refused\. Nothing/);
  expect(failureOf({ code: 'X', effect: 'perhaps' }, 'The seat').text).toMatch(/^It went wrong/);
});

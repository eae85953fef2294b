import { expect, test } from '@jest/globals';
import { peopleDown, youAndOthersDown } from './people-down.ts';

test.each([
  [0, 'Nobody is down for it'],
  [1, 'One is down for it'],
  [2, 'Two are down for it'],
  [12, '12 are down for it'],
])('%d', (subscribers, words) => {
  expect(peopleDown(subscribers)).toBe(words);
});

test.each([
  [1, 'You alone are down for it'],
  [2, 'You and one other are down for it'],
  [4, 'You and three others are down for it'],
])('%d with oneself', (subscribers, words) => {
  expect(youAndOthersDown(subscribers)).toBe(words);
});

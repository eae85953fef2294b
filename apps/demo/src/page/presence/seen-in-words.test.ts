import { expect, test } from '@jest/globals';
import { seenInWords } from './seen-in-words.ts';

const at = new Date(2026, 0, 1, 19, 30).getTime();
const seen = (status: 'ONLINE' | 'AWAY' | 'OFFLINE', more = {}) => ({
  status,
  doNotDisturb: false,
  awaySinceTs: null,
  lastOnlineTs: null,
  ...more,
});

test.each([
  [undefined, 'nobody knows'],
  [seen('ONLINE'), 'here'],
  [seen('ONLINE', { doNotDisturb: true }), 'here, not to be disturbed'],
  [seen('AWAY', { awaySinceTs: at }), 'away since 19:30'],
  [seen('AWAY', { awaySinceTs: at, doNotDisturb: true }), 'away since 19:30, not to be disturbed'],
  [seen('OFFLINE', { lastOnlineTs: at }), 'last in at 19:30'],
  [seen('OFFLINE'), 'not in'],
])('%j is %s', (presence, words) => {
  expect(seenInWords(presence)).toBe(words);
});

import { expect, test } from '@jest/globals';
import { renderProfile } from './profile-table.ts';
import { selfTimes } from './self-times.ts';

const node = (id: number, functionName: string, url: string, lineNumber: number) => ({
  id,
  callFrame: { functionName, scriptId: '1', url, lineNumber, columnNumber: 0 },
});
const profile = selfTimes({
  nodes: [
    node(1, '(idle)', '', -1),
    node(2, 'push', 'file:///somewhere/packages/core/dist/outbox.js', 9),
    node(3, 'write', 'file:///somewhere/node_modules/ws/lib/sender.js', 0),
    // Called from elsewhere: another node of the same function.
    node(4, 'push', 'file:///somewhere/packages/core/dist/outbox.js', 9),
  ],
  startTime: 0,
  endTime: 10_000,
  samples: [1, 2, 3, 4],
  timeDeltas: [6_000, 1_000, 1_000, 2_000],
});

test('a profile is added up by function, the longest first', () => {
  expect(profile).toEqual([
    { name: '(idle)', at: '', selfMs: 6 },
    { name: 'push', at: 'packages/core/dist/outbox.js:10', selfMs: 3 },
    { name: 'write', at: 'ws/lib/sender.js:1', selfMs: 1 },
  ]);
});

test('shares are of the time in which the thread did anything', () => {
  expect(renderProfile(profile, 1)).toMatch(/^ 75.0 % +3 ms +push +packages\/core\/dist\/outbox.js:10$/);
});

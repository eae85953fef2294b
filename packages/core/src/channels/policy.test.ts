import { createHarness } from '@callboard/testkit';
import { expect, test } from '@jest/globals';

test.each([
  { history: { size: 0 } },
  { history: { size: 1, maxBytes: 0 } },
  { history: { size: 1, ttlMs: -1 } },
  { maxPerSecond: 0 },
  { maxPerSecond: Number.NaN },
  { history: { ttlMs: 5 } as never },
])('a policy of %j is none', (policy) =>
  expect(createHarness({ channels: { 'a/+': policy } })).rejects.toThrow(RangeError),
);

test.each<object>([
  { history: 100 },
  { overflow: 'lastest' },
  { canRead: () => true },
  { canSubscribe: true },
  { retain: 1 },
  { maxPerSecond: '5' },
  { schema: 'string' },
])('nor is %j', (policy) =>
  expect(createHarness({ channels: { 'a/+': policy } })).rejects.toThrow(TypeError),
);

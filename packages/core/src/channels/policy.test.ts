import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { type ChannelPolicy, Policies } from './policy.ts';

describe('policies', () => {
  test('the most specific one holds, whatever the order', () => {
    const patterns = ['#', '+/b', 'a/#', 'a/+', 'a/b', 'a/b/#', 'a/+/c', '+'];
    const expected = {
      'a/b': 'a/b',
      'a/x': 'a/+',
      a: 'a/#',
      b: '+',
      'x/b': '+/b',
      'a/b/c': 'a/b/#',
      'a/x/c': 'a/+/c',
    };
    for (const order of [patterns, [...patterns].reverse(), [...patterns].sort()]) {
      const named: Record<string, ChannelPolicy> = Object.fromEntries(order.map((each) => [each, {}]));
      const policies = new Policies(named);
      const patternOf = (name: string) => order.find((each) => named[each] === policies.of(name));
      for (const [name, pattern] of Object.entries(expected))
        expect([name, patternOf(name)]).toEqual([name, pattern]);
      expect(patternOf('x/y/z')).toBe('#');
    }
  });

  test('one that is added holds for what was asked for before', () => {
    const policies = new Policies();
    const added: ChannelPolicy = { retain: true };
    expect(policies.of('a')).toEqual({});
    policies.add('a', added);
    expect(policies.of('a')).toBe(added);
  });

  test('what no pattern fits is closed', () => {
    expect(new Policies({ 'a/+': {} }).of('b')).toEqual({});
    expect(new Policies().of('constructor')).toEqual({});
  });
});

test.each([
  { history: { size: 0 } },
  { history: { size: 1.5 } },
  { history: { size: 1, maxBytes: 0 } },
  { history: { size: 1, ttlMs: -1 } },
  { history: { size: 1, ttlMs: Number.NaN } },
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
  { retain: 'some' },
  { maxPerSecond: '5' },
  { schema: 'string' },
])('nor is %j', (policy) =>
  expect(createHarness({ channels: { 'a/+': policy } })).rejects.toThrow(TypeError),
);

import { describe, expect, test } from '@jest/globals';
import { type Deferred, deferred } from '../test/deferred.ts';
import { Lane } from './lane.ts';

describe('a lane', () => {
  const begun: string[] = [];
  const laneOf = (waits: Record<string, Deferred<void>>, within: (item: string) => void = () => {}) => {
    begun.length = 0;
    return new Lane<string>((item) => {
      begun.push(item);
      within(item);
      return waits[item]?.promise;
    });
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('does at once what need not be waited for', () => {
    const lane = laneOf({});
    for (const item of ['a', 'b']) lane.run(item);
    expect(begun).toEqual(['a', 'b']);
  });

  test('keeps what comes behind something slow in order', async () => {
    const waits = { a: deferred(), c: deferred() };
    const lane = laneOf(waits);
    for (const item of ['a', 'b', 'c', 'd']) lane.run(item);
    expect(begun).toEqual(['a']);
    waits.a.resolve();
    await settle();
    expect(begun).toEqual(['a', 'b', 'c']);
    lane.run('e');
    waits.c.resolve();
    await settle();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    lane.run('f');
    expect(begun.at(-1)).toBe('f');
  });

  test('goes on after something that fails', async () => {
    const waits = { a: deferred() };
    const lane = laneOf(waits);
    for (const item of ['a', 'b']) lane.run(item);
    waits.a.reject(new Error('failed'));
    await settle();
    expect(begun).toEqual(['a', 'b']);
  });

  test('puts what is added from within behind', () => {
    const lane: Lane<string> = laneOf({}, (item) => {
      if (item.length < 3) lane.run(`${item}x`);
    });
    lane.run('a');
    lane.run('b');
    expect(begun).toEqual(['a', 'ax', 'axx', 'b', 'bx', 'bxx']);
  });

  test('of 10,000 that wait is done with in one go', async () => {
    const waits: Record<string, Deferred<void>> = { first: deferred() };
    const lane = laneOf(waits);
    lane.run('first');
    for (let i = 0; i < 10_000; i++) lane.run(`${i}`);
    waits.first?.resolve();
    await settle();
    expect(begun).toHaveLength(10_001);
  });
});

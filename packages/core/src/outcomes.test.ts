import { describe, expect, test } from '@jest/globals';
import { type OutcomeLimits, Outcomes } from './outcomes.ts';

const limits: OutcomeLimits = { maxOutcomes: 100, maxLength: 10_000, ttlMs: 1_000 };

/** Requests that have run and were answered with `answer <mid>`. */
function settled(mids: readonly number[], some: Partial<OutcomeLimits> = {}, now = 0): Outcomes<string> {
  const outcomes = new Outcomes<string>({ ...limits, ...some });
  for (const mid of mids) {
    outcomes.begin(mid);
    outcomes.settle(mid, `answer ${mid}`, now);
  }
  return outcomes;
}

describe('a request', () => {
  test('is new, then runs, and then its answer is remembered', () => {
    const outcomes = new Outcomes(limits);
    expect(outcomes.look(1)).toBe('new');
    outcomes.begin(1);
    expect(outcomes.look(1)).toBe('running');
    expect([outcomes.running, outcomes.remembered]).toEqual([1, 0]);
    outcomes.settle(1, 'answer', 0);
    expect(outcomes.look(1)).toMatchObject({ frame: 'answer' });
    expect([outcomes.running, outcomes.remembered]).toEqual([0, 1]);
  });

  test('that was refused is new again', () => {
    const outcomes = new Outcomes(limits);
    outcomes.begin(1);
    outcomes.forget(1);
    expect(outcomes.look(1)).toBe('new');
    expect([outcomes.running, outcomes.remembered]).toEqual([0, 0]);
  });

  test('whose effect has been undone is new again, and one that runs goes on', () => {
    const outcomes = settled([1, 2]);
    outcomes.revoke(1);
    outcomes.begin(3);
    outcomes.revoke(3);
    outcomes.revoke(99);
    expect([outcomes.look(1), outcomes.look(3)]).toEqual(['new', 'running']);
    expect(outcomes.look(2)).toMatchObject({ frame: 'answer 2' });
    expect([outcomes.running, outcomes.remembered]).toEqual([1, 1]);
  });

  test('that was refused is refused to the connection it came by last', () => {
    const outcomes = new Outcomes<string>(limits);
    outcomes.begin(1, 'first');
    expect(outcomes.forget(1)).toBe('first');
    outcomes.begin(1, 'first');
    outcomes.look(1, 'second');
    expect(outcomes.forget(1)).toBe('second');
    expect(outcomes.forget(1)).toBeUndefined();
  });

  test('that was settled as a time-out is answered with what comes later', () => {
    const outcomes = new Outcomes(limits);
    outcomes.begin(1);
    outcomes.settle(1, 'time-out', 0);
    outcomes.settle(1, 'the answer', 500);
    expect(outcomes.look(1)).toMatchObject({ frame: 'the answer' });
    expect([outcomes.running, outcomes.remembered]).toEqual([0, 1]);
  });

  test('that was settled is not forgotten by a refusal that comes later', () => {
    const outcomes = settled([1]);
    expect(outcomes.forget(1)).toBeUndefined();
    expect(outcomes.look(1)).toMatchObject({ frame: 'answer 1' });
  });

  test('that nobody began is not settled', () => {
    const outcomes = new Outcomes(limits);
    outcomes.settle(1, 'answer', 0);
    expect(outcomes.look(1)).toBe('new');
    expect(outcomes.remembered).toBe(0);
  });

  test('up to the floor of a new session is unknown; above it, new', () => {
    const outcomes = new Outcomes(limits, 7);
    expect([1, 7, 8].map((mid) => outcomes.look(mid))).toEqual(['unknown', 'unknown', 'new']);
  });
});

describe('what the client has settled', () => {
  test('is forgotten, and never runs again', () => {
    const outcomes = settled([1, 2, 3]);
    outcomes.confirm(2);
    expect(outcomes.remembered).toBe(1);
    expect([outcomes.look(1), outcomes.look(2)]).toEqual(['unknown', 'unknown']);
    expect(outcomes.look(3)).toMatchObject({ frame: 'answer 3' });
    expect(outcomes.look(4)).toBe('new');
  });

  test('does not come back by an answer that comes later', () => {
    const outcomes = settled([1]);
    outcomes.confirm(1);
    outcomes.settle(1, 'late', 0);
    expect([outcomes.look(1), outcomes.remembered]).toEqual(['unknown', 0]);
  });

  test('goes on running where it runs: the client has given it up, and it settles once', () => {
    const outcomes = new Outcomes(limits);
    outcomes.begin(1);
    outcomes.confirm(1);
    expect([outcomes.look(1), outcomes.running]).toEqual(['running', 1]);
    outcomes.settle(1, 'answer', 0);
    expect(outcomes.running).toBe(0);
  });

  test('does not lower the floor', () => {
    const outcomes = new Outcomes(limits, 7);
    outcomes.confirm(3);
    expect(outcomes.look(7)).toBe('unknown');
  });
});

describe('what is remembered is bounded', () => {
  const remembered = (outcomes: Outcomes<string>, mids: readonly number[]) =>
    mids.filter((mid) => typeof outcomes.look(mid) === 'object');

  test('by count: the oldest is forgotten, and unknown from then on', () => {
    const outcomes = settled([1, 2, 3, 4], { maxOutcomes: 2 });
    expect(remembered(outcomes, [1, 2, 3, 4])).toEqual([3, 4]);
    expect([outcomes.look(1), outcomes.look(2)]).toEqual(['unknown', 'unknown']);
  });

  test('by the length of the answers', () => {
    const outcomes = settled([1, 2, 3, 4], { maxLength: 'answer 1'.length * 3 });
    expect(remembered(outcomes, [1, 2, 3, 4])).toEqual([2, 3, 4]);
    outcomes.begin(5);
    outcomes.settle(5, 'x'.repeat(25), 0);
    expect(remembered(outcomes, [1, 2, 3, 4, 5])).toEqual([]);
    expect(outcomes.look(5)).toBe('unknown');
  });

  test('by length, where a later answer is longer', () => {
    const outcomes = settled([1, 2], { maxLength: 20 });
    outcomes.settle(2, 'x'.repeat(15), 0);
    expect(remembered(outcomes, [1, 2])).toEqual([2]);
    outcomes.settle(2, 'x', 0);
    outcomes.begin(3);
    outcomes.settle(3, 'x'.repeat(19), 0);
    expect(remembered(outcomes, [2, 3])).toEqual([2, 3]);
  });

  test('by age', () => {
    const outcomes = settled([1], { ttlMs: 1_000 }, 0);
    outcomes.begin(2);
    outcomes.settle(2, 'answer 2', 600);
    outcomes.expire(999);
    expect(remembered(outcomes, [1, 2])).toEqual([1, 2]);
    outcomes.expire(1_000);
    expect(remembered(outcomes, [1, 2])).toEqual([2]);
    outcomes.expire(1_600);
    expect([outcomes.remembered, outcomes.look(2)]).toEqual([0, 'unknown']);
  });

  test('but what runs is not forgotten, and neither is what was settled after what goes', () => {
    const outcomes = new Outcomes<string>({ ...limits, maxOutcomes: 1 });
    for (const mid of [1, 2, 3]) outcomes.begin(mid);
    outcomes.settle(3, 'answer 3', 0);
    outcomes.settle(2, 'answer 2', 0);
    expect(outcomes.look(1)).toBe('running');
    expect(outcomes.look(2)).toMatchObject({ frame: 'answer 2' });
    expect(outcomes.look(3)).toBe('unknown');
    outcomes.settle(1, 'answer 1', 0);
    expect(outcomes.look(1)).toMatchObject({ frame: 'answer 1' });
  });

  test('by count over many requests, settled and confirmed in any order', () => {
    const outcomes = new Outcomes<string>({ ...limits, maxOutcomes: 10 });
    for (let mid = 1; mid <= 1_000; mid++) {
      outcomes.begin(mid);
      if (mid % 3 === 0) for (const each of [mid, mid - 2, mid - 1]) outcomes.settle(each, 'answer', 0);
      if (mid % 100 === 0) outcomes.confirm(mid - 3);
      expect(outcomes.remembered).toBeLessThanOrEqual(10);
    }
    expect(remembered(outcomes, [996, 997, 998, 999])).toEqual([998, 999]);
  });
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../test/scripted-transport.ts';
import { Budget } from './budget.ts';

const with10 = { ...limits, maxFramesPerSecond: 10, maxBytesPerSecond: 1_000 };

function begun(announced = with10, now = 0): Budget {
  const budget = new Budget();
  budget.begin(announced, now);
  return budget;
}

describe('a budget', () => {
  test('lets a burst through, then as many as grow', () => {
    const budget = begun();
    for (let n = 0; n < 18; n++) {
      expect(budget.waitMs(1, 0)).toBe(0);
      budget.spend(1, 0);
    }
    expect(budget.waitMs(1, 0)).toBe(112);
    expect(budget.waitMs(1, 111)).toBe(1);
    expect(budget.waitMs(1, 112)).toBe(0);
  });

  test('counts bytes as well as frames', () => {
    const budget = begun();
    budget.spend(1_700, 0);
    expect(budget.waitMs(100, 0)).toBe(0);
    expect(budget.waitMs(190, 0)).toBe(100);
    expect(budget.waitMs(190, 100)).toBe(0);
  });

  test('grows to two seconds’ worth and no further', () => {
    const budget = begun();
    budget.spend(1_800, 0);
    expect(budget.waitMs(1_800, 3_600_000)).toBe(0);
    budget.spend(1_800, 3_600_000);
    expect(budget.waitMs(90, 3_600_000)).toBe(100);
  });

  test('holds a frame that is larger than all of it back until all is there', () => {
    const budget = begun();
    budget.spend(900, 0);
    expect(budget.waitMs(5_000, 0)).toBe(1_000);
    expect(budget.waitMs(5_000, 1_000)).toBe(0);
    budget.spend(5_000, 1_000);
    expect(budget.waitMs(1, 1_000)).toBeGreaterThan(3_000);
  });

  test('is charged for what nobody asked for, into debt', () => {
    const budget = begun();
    for (let n = 0; n < 27; n++) budget.spend(1, 0);
    expect(budget.waitMs(1, 0)).toBe(1_112);
  });

  test('begins anew with each connection', () => {
    const budget = begun();
    for (let n = 0; n < 18; n++) budget.spend(1, 0);
    budget.begin(with10, 0);
    expect(budget.waitMs(1, 0)).toBe(0);
  });

  test('gains nothing by a clock that is set back', () => {
    const budget = begun(with10, 100_000);
    for (let n = 0; n < 18; n++) budget.spend(1, 100_000);
    expect(budget.waitMs(1, 40_000)).toBe(112);
  });

  test('of a server without limits never waits', () => {
    const none = Number.POSITIVE_INFINITY;
    const budget = begun({ ...limits, maxFramesPerSecond: none, maxBytesPerSecond: none });
    for (let now = 0; now < 50; now++) {
      expect(budget.waitMs(1_000_000, now >> 1)).toBe(0);
      budget.spend(1_000_000, now >> 1);
    }
  });
});

/** What a server counts: packages/core/src/rate.ts, in a few lines. */
class Bucket {
  #tokens: number;
  #at = 0;
  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond * 2;
  }

  spend(amount: number, now: number): number {
    this.#tokens += ((now - this.#at) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#tokens, this.#perSecond * 2) - amount;
    this.#at = now;
    return this.#tokens;
  }
}

test('never lets through what would overdraw the server’s own', () => {
  const rates = fc.record({
    maxFramesPerSecond: fc.integer({ min: 1, max: 50 }),
    maxBytesPerSecond: fc.integer({ min: 100, max: 5_000 }),
  });
  // A frame of 1 is two seconds’ worth of bytes.
  const sends = fc.array(
    fc.record({ afterMs: fc.nat(500), size: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  let waited = 0;
  fc.assert(
    fc.property(rates, sends, (announced, frames) => {
      const budget = begun({ ...limits, ...announced });
      const [count, bytes] = [
        new Bucket(announced.maxFramesPerSecond),
        new Bucket(announced.maxBytesPerSecond),
      ];
      let now = 0;
      for (const { afterMs, size } of frames) {
        const length = Math.ceil(size * announced.maxBytesPerSecond * 2);
        now += afterMs;
        const waitMs = budget.waitMs(length, now);
        if (waitMs > 0) waited++;
        now += waitMs;
        expect(budget.waitMs(length, now)).toBe(0);
        budget.spend(length, now);
        expect(count.spend(1, now)).toBeGreaterThanOrEqual(0);
        expect(bytes.spend(length, now)).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 500, seed: 20_261_121 },
  );
  expect(waited).toBeGreaterThan(100);
});

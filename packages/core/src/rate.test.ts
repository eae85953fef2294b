import { describe, expect, test } from '@jest/globals';
import { TokenBucket } from './rate.ts';

describe('a token bucket', () => {
  test('begins with two seconds’ worth, and refills to no more', () => {
    const bucket = new TokenBucket(10, 0);
    expect(bucket.spend(20, 0)).toBe(0);
    expect(bucket.debtMs).toBe(0);
    expect(bucket.spend(0, 500)).toBe(5);
    expect(bucket.spend(0, 60_000)).toBe(20);
  });

  test('says how long until nothing is owed', () => {
    const bucket = new TokenBucket(10, 0);
    bucket.spend(25, 0);
    expect(bucket.debtMs).toBe(500);
    bucket.spend(0, 499);
    expect(bucket.debtMs).toBe(1);
    bucket.spend(0, 500);
    expect(bucket.debtMs).toBe(0);
  });

  test('of less than one in two seconds lets one through at a time', () => {
    const bucket = new TokenBucket(0.1, 0);
    expect(bucket.spend(1, 0)).toBe(0);
    expect(bucket.spend(1, 5_000)).toBe(-0.5);
    expect(bucket.debtMs).toBe(5_000);
    expect(bucket.spend(0, 60_000)).toBe(1);
  });

  test('is ruined by more than two seconds’ worth of debt', () => {
    const bucket = new TokenBucket(10, 0);
    bucket.spend(40, 0);
    expect(bucket.ruined).toBe(false);
    bucket.spend(1, 0);
    expect(bucket.ruined).toBe(true);
  });

  test('gains nothing by a clock that is set back', () => {
    const bucket = new TokenBucket(10, 100_000);
    bucket.spend(20, 100_000);
    expect(bucket.spend(0, 40_000)).toBe(0);
    expect(bucket.spend(0, 40_100)).toBe(1);
  });
});

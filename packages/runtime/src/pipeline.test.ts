import { beforeEach, describe, expect, test } from '@jest/globals';
import { EMPTY, filter, map, mergeMap, of, take, throwError } from 'rxjs';
import { guarded, Pipeline } from './pipeline.ts';

describe('a pipeline', () => {
  const out: number[] = [];
  const failures: [unknown, number | undefined][] = [];
  const failed = (error: unknown, value: number | undefined) => void failures.push([error, value]);
  const sink = (value: number) => void out.push(value);
  const broken = new Error('broken');

  beforeEach(() => {
    out.length = 0;
    failures.length = 0;
  });

  test('passes a value through all operators before push returns', () => {
    const pipeline = new Pipeline([map((n: number) => n + 1), filter((n: number) => n % 2 === 0)], sink);
    for (const n of [1, 2, 3]) pipeline.push(n);
    expect(out).toEqual([2, 4]);
  });

  test('without operators is its sink', () => {
    new Pipeline([], sink).push(1);
    expect(out).toEqual([1]);
  });

  test('loses no value but the one on which a guarded operator fails', () => {
    const odd = map((n: number) => {
      if (n % 2 === 0) throw broken;
      return n * 10;
    });
    const later = mergeMap((n: number) => (n === 30 ? throwError(() => broken) : of(n)));
    const pipeline = new Pipeline([guarded(odd, failed), guarded(later, failed)], sink);
    for (const n of [1, 2, 3, 4, 5]) pipeline.push(n);
    expect(out).toEqual([10, 50]);
    expect(failures).toEqual([
      [broken, 2],
      [broken, 30],
      [broken, 4],
    ]);
  });

  test('holds everything back where a guarded operator is over as soon as it begins', () => {
    const pipeline = new Pipeline(
      [guarded<number>(() => EMPTY, failed), guarded<number>(take(0), failed)],
      sink,
    );
    for (const n of [1, 2]) pipeline.push(n);
    expect(out).toEqual([]);
    const broken$ = new Pipeline([guarded<number>(() => throwError(() => broken), failed)], sink);
    broken$.push(1);
    expect(failures.at(-1)).toEqual([broken, 1]);
  });

  test('begins a guarded operator that completes anew', () => {
    const pipeline = new Pipeline([guarded<number>(take(2), failed)], sink);
    for (const n of [1, 2, 3, 4, 5]) pipeline.push(n);
    expect(out).toEqual([1, 2, 3, 4, 5]);
    expect(failures).toEqual([]);
  });

  test('may be pushed into from within', () => {
    const again = map((n: number) => {
      if (n === 1) pipeline.push(2);
      if (n === 2) throw broken;
      return n;
    });
    const pipeline: Pipeline<number> = new Pipeline([guarded(again, failed)], sink);
    pipeline.push(1);
    pipeline.push(3);
    expect(out).toContain(3);
    expect(failures).toEqual([[broken, 2]]);
  });
});

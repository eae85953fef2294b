import { collectingLogger } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { catchError, filter, map, merge, of, Subject, take } from 'rxjs';
import { GuardedObservable } from './observables.ts';

describe('a guarded observable', () => {
  const broken = new Error('broken');
  const fails = (): never => {
    throw broken;
  };
  let source: Subject<number>;
  let guarded: GuardedObservable<number>;
  let logger: ReturnType<typeof collectingLogger>;
  const causes = () => logger.logs.map(({ fields }) => fields.cause);

  beforeEach(() => {
    source = new Subject();
    logger = collectingLogger();
    guarded = new GuardedObservable(source, logger);
  });

  test('is as any other to an observer that behaves', () => {
    const seen: unknown[] = [];
    guarded.subscribe((n) => seen.push(n));
    guarded.subscribe({ next: (n) => seen.push(n), complete: () => seen.push('end') });
    guarded.subscribe(null, null, () => seen.push('end too'));
    guarded
      .pipe(
        filter((n) => n > 1),
        map((n) => n * 10),
        take(1),
      )
      .subscribe((n) => seen.push(n));
    for (const n of [1, 2, 3]) source.next(n);
    source.complete();
    expect(seen).toEqual([1, 1, 2, 2, 20, 3, 3, 'end', 'end too']);
    expect(logger.logs).toEqual([]);
  });

  test('unsubscribes an observer that throws, and no other', () => {
    const seen: number[] = [];
    let calls = 0;
    guarded.subscribe(() => {
      calls++;
      fails();
    });
    guarded.subscribe((n) => seen.push(n));
    for (const n of [1, 2]) source.next(n);
    expect([calls, seen, causes()]).toEqual([1, [1, 2], [broken]]);
  });

  test('unsubscribes one that throws while it is still being subscribed', () => {
    const now = new GuardedObservable<number>(of(1, 2, 3), logger);
    let calls = 0;
    now.subscribe(() => {
      calls++;
      fails();
    });
    expect([calls, causes()]).toEqual([1, [broken]]);
  });

  test('logs an error that nobody handles, wherever in a pipe it arose', () => {
    guarded.pipe(map(fails)).subscribe();
    guarded
      .pipe(
        map((n) => n),
        filter(fails),
      )
      .subscribe((n) => n);
    source.next(1);
    expect(causes()).toEqual([broken, broken]);
    expect(source.observed).toBe(false);
  });

  test('leaves errors to those that handle them', () => {
    const seen: unknown[] = [];
    guarded.pipe(map(fails)).subscribe({ error: (error) => seen.push(error) });
    guarded
      .pipe(
        map(fails),
        catchError(() => of('caught')),
      )
      .subscribe((value) => seen.push(value));
    source.next(1);
    expect(seen).toEqual([broken, 'caught']);
    expect(logger.logs).toEqual([]);
  });

  test('contains what throws on an error or at the end', () => {
    guarded.subscribe({ error: fails, complete: fails });
    guarded.subscribe({ complete: fails });
    source.complete();
    expect(causes()).toEqual([broken, broken]);
  });

  test('can be unsubscribed from within', () => {
    const seen: number[] = [];
    const subscription = guarded.subscribe((n) => {
      seen.push(n);
      subscription.unsubscribe();
    });
    for (const n of [1, 2]) source.next(n);
    expect(seen).toEqual([1]);
  });

  test('takes part in what is created of several', () => {
    const seen: number[] = [];
    merge(guarded, of(7)).subscribe((n) => seen.push(n));
    source.next(1);
    expect(seen).toEqual([7, 1]);
  });
});

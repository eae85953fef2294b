import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { equal, listed, type Mark, marked, merge, type Shortlist } from './shortlist.ts';

const mark = (on: boolean, counter: number, writer: string): Mark => ({
  listed: on,
  stamp: [counter, writer],
});

describe('merge', () => {
  test('the later mark wins, whichever side it is on', () => {
    const earlier = { moths: mark(true, 1, 'a') };
    const later = { moths: mark(false, 2, 'a') };
    expect(merge(earlier, later)).toEqual(later);
    expect(merge(later, earlier)).toEqual(later);
  });

  test('of two at the same time, that of the greater writer', () => {
    const a = { moths: mark(true, 1, 'a') };
    const b = { moths: mark(false, 1, 'b') };
    expect(merge(a, b)).toEqual(b);
    expect(merge(b, a)).toEqual(b);
  });

  test('shows do not get into each other’s way', () => {
    const moths = { moths: mark(true, 1, 'a') };
    const vellum = { vellum: mark(false, 9, 'b') };
    expect(merge(moths, vellum)).toEqual({ ...moths, ...vellum });
  });

  test('what it is given stays as it was', () => {
    const before = Object.freeze({ moths: mark(true, 1, 'a') });
    merge(before, { moths: mark(false, 2, 'a') });
    expect(before).toEqual({ moths: mark(true, 1, 'a') });
  });

  // Few shows, counters and writers, so that they collide: same stamps with other contents too.
  const shortlist: fc.Arbitrary<Shortlist> = fc.dictionary(
    fc.constantFrom('moths', 'vellum', 'umbrellas'),
    fc
      .tuple(fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b'))
      .map(([on, counter, writer]) => mark(on, counter, writer)),
  );

  test('any order and any duplication give the same', () => {
    fc.assert(
      fc.property(
        fc
          .array(shortlist, { maxLength: 6 })
          .chain((updates) =>
            fc.tuple(
              fc.constant(updates),
              fc.shuffledSubarray(updates, { minLength: updates.length }),
              fc.subarray(updates),
            ),
          ),
        ([updates, shuffled, again]) => {
          const inOrder = updates.reduce(merge, {});
          expect([...shuffled, ...again].reduce(merge, {})).toEqual(inOrder);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('merging what was merged is merging all', () => {
    fc.assert(
      fc.property(shortlist, shortlist, shortlist, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
        expect(equal(merge(a, b), merge(b, a))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('marked', () => {
  test('wins over all that was seen, though the clock is behind', () => {
    const seen = { moths: mark(true, 100, 'z'), vellum: mark(true, 200, 'z') };
    const own = marked(seen, 'moths', false, { writer: 'a', now: 50 });
    expect(own.moths).toEqual(mark(false, 201, 'a'));
    expect(merge(seen, own)).toEqual(own);
  });

  test('goes by the clock, so that it wins over older marks it has not seen', () => {
    const unseen = { moths: mark(true, 100, 'z') };
    const own = marked({}, 'moths', false, { writer: 'a', now: 150 });
    expect(listed(merge(own, unseen))).toEqual([]);
  });
});

test('listed names the shows that are', () => {
  expect(listed({ moths: mark(true, 1, 'a'), vellum: mark(false, 2, 'a') })).toEqual(['moths']);
});

test('equal looks at everything', () => {
  const base = { moths: mark(true, 1, 'a') };
  expect(equal(base, { moths: mark(true, 1, 'a') })).toBe(true);
  const others: Shortlist[] = [
    {},
    { moths: mark(false, 1, 'a') },
    { moths: mark(true, 2, 'a') },
    { moths: mark(true, 1, 'b') },
    { vellum: mark(true, 1, 'a') },
    { moths: mark(true, 1, 'a'), vellum: mark(true, 1, 'a') },
  ];
  for (const other of others) {
    expect(equal(base, other)).toBe(false);
    expect(equal(other, base)).toBe(false);
  }
});

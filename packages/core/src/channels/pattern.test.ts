import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Pattern } from './pattern.ts';

const fits = (pattern: string, name: string) => new Pattern(pattern).matches(name.split('/'));

/** MQTT 5, sections 4.7.1.2 and 4.7.1.3, and its examples. */
describe('a pattern', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a', false],
    ['a/b', 'a/b/c', false],
    ['A', 'a', false],
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/tennis/player1/#', 'sport/tennis/player2', false],
    ['sport/#', 'sport', true],
    ['#', 'a', true],
    ['#', '/', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['+/tennis/#', 'sport/tennis', true],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/d', false],
  ])('%s, for %s: %s', (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected);
  });

  test.each(['', 'a+', 'a/+b', 'a#', '#/a', 'a/#/b', 'a/##', '$sys', '$sys/#', 'x'.repeat(256), 'a\u0000'])(
    'cannot be %j',
    (text) => {
      expect(() => new Pattern(text)).toThrow(TypeError);
    },
  );

  test('fits what a plain reading of the rules fits', () => {
    const level = fc.constantFrom('a', 'b', '', 'c');
    const name = fc.array(level, { minLength: 1, maxLength: 4 });
    const pattern = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
      .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels));
    const plainly = ([first, ...rest]: string[], [given, ...others]: string[]): boolean => {
      if (first === '#') return true;
      if (first === undefined || given === undefined) return first === given;
      return (first === '+' || first === given) && plainly(rest, others);
    };
    fc.assert(
      fc.property(pattern, name, (levels, given) => {
        fc.pre(levels.join('/') !== '' && given.join('/') !== '');
        expect(fits(levels.join('/'), given.join('/'))).toBe(plainly(levels, given));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('two patterns overlap where some name fits both, and one covers the other where all do', () => {
  const level = fc.constantFrom('a', 'b', '+');
  const pattern = fc
    .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
    .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels).join('/'));
  const names = ['a', 'b', 'c'].flatMap((one) => [
    [one],
    ...['a', 'b', 'c'].flatMap((two) => [
      [one, two],
      ...['a', 'b', 'c'].flatMap((three) => [
        [one, two, three],
        ...['a', 'b', 'c'].map((four) => [one, two, three, four]),
      ]),
    ]),
  ]);
  fc.assert(
    fc.property(pattern, pattern, (one, two) => {
      const [left, right] = [new Pattern(one), new Pattern(two)];
      const both = names.some((name) => left.matches(name) && right.matches(name));
      expect([left.overlaps(right), right.overlaps(left)]).toEqual([both, both]);
      const all = names.every((name) => left.matches(name) || !right.matches(name));
      expect(left.covers(right)).toBe(all);
    }),
    { numRuns: 1_000 },
  );
});

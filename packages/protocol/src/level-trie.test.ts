import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { fitting, LevelTrie, within } from './level-trie.ts';

const level = fc.constantFrom('a', 'b', '', 'c');
const name = fc.array(level, { minLength: 1, maxLength: 4 });
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels));

/** MQTT 5, section 4.7.1, read word by word. */
function fits([first, ...rest]: string[], [given, ...others]: string[]): boolean {
  if (first === '#') return true;
  if (first === undefined || given === undefined) return first === given;
  return (first === '+' || first === given) && fits(rest, others);
}

const script = (entry: fc.Arbitrary<string[]>) =>
  fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete'), entry), { maxLength: 60 });

/** The same into a trie and into a map. */
function run(steps: readonly [string, string[]][]) {
  const trie = new LevelTrie<string>();
  const plain = new Map<string, string[]>();
  for (const [what, levels] of steps) {
    const text = levels.join('/');
    if (what === 'set') trie.set(levels, text);
    else trie.delete(levels);
    if (what === 'set') plain.set(text, levels);
    else plain.delete(text);
  }
  return { trie, plain };
}

describe('a trie over levels', () => {
  test('of filters finds those that fit a name, as a plain walk over all of them does', () => {
    fc.assert(
      fc.property(script(filter), name, (steps, given) => {
        const { trie, plain } = run(steps);
        const expected = [...plain].filter(([, levels]) => fits(levels, given)).map(([text]) => text);
        expect(fitting(trie, given).sort()).toEqual(expected.sort());
      }),
      { numRuns: 2_000 },
    );
  });

  test('of names finds those that a filter fits, likewise', () => {
    fc.assert(
      fc.property(script(name), filter, (steps, given) => {
        const { trie, plain } = run(steps);
        const expected = [...plain].filter(([, levels]) => fits(given, levels)).map(([text]) => text);
        expect([...within(trie, given)].filter((each) => each !== undefined).sort()).toEqual(expected.sort());
      }),
      { numRuns: 2_000 },
    );
  });

  test('of names says of each place that it looks at, also where nothing is', () => {
    const names = new LevelTrie<number>();
    for (let i = 0; i < 100; i++) names.set(['a', String(i), 'x'], i);
    const found = [...within(names, ['a', '+', 'y'])];
    expect([found.length, found.some((each) => each !== undefined)]).toEqual([102, false]);
  });

  test('keeps nothing of what was deleted', () => {
    fc.assert(
      fc.property(script(name), (steps) => {
        const { trie, plain } = run(steps);
        for (const levels of plain.values()) trie.delete(levels);
        expect([...within(trie, ['#'])]).toEqual([undefined]);
        expect(trie.isEmpty).toBe(true);
      }),
    );
  });
});

describe('what it costs', () => {
  // Counted in levels that are looked up, as time says little on a busy machine.
  const looks = (filters: LevelTrie<number>, name: string) => {
    const look = jest.spyOn(Map.prototype, 'get');
    fitting(filters, name.split('/'));
    const count = look.mock.calls.length;
    look.mockRestore();
    return count;
  };
  const filters = new LevelTrie<number>();
  const names = Array.from({ length: 500 }, (_, i) => ['building', String(i), '+', 'temperature']);

  test('five hundred filters about what one does', () => {
    for (const [i, name] of names.entries()) filters.set(name, i);
    expect(fitting(filters, ['building', '77', 'kitchen', 'temperature'])).toEqual([77]);
    expect(looks(filters, 'building/77/kitchen/temperature')).toBeLessThan(20);
  });

  test('those that are deleted nothing', () => {
    filters.set(['building', '7'], 0);
    for (const name of names) filters.delete(name);
    filters.delete(['never', 'set']);
    expect(fitting(filters, ['building', '7'])).toEqual([0]);
    expect(looks(filters, 'building/7/kitchen/temperature')).toBe(looks(filters, 'building/7/'));
    filters.delete(['building', '7']);
    expect(looks(filters, 'building/7')).toBe(0);
  });
});

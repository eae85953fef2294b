import { isChannel, isFilter } from '@callboard/protocol';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Filters } from './filters.ts';

/** MQTT 5, section 4.7.1, as it is written. */
function fits(filter: readonly string[], channel: readonly string[]): boolean {
  const [first, ...rest] = filter;
  if (first === '#') return true;
  if (first === undefined || channel.length === 0) return first === undefined && channel.length === 0;
  return (first === '+' || first === channel[0]) && fits(rest, channel.slice(1));
}

describe('the filters that fit a channel', () => {
  // Those of MQTT 5, sections 4.7.1.2 and 4.7.1.3, and ours.
  test.each<[filter: string, fitting: string[], others: string[]]>([
    [
      'sport/tennis/player1/#',
      ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon'],
      ['sport/tennis/player10', 'sport/tennis'],
    ],
    ['sport/#', ['sport', 'sport/', 'sport/a/b'], ['sports', '/sport']],
    ['#', ['a', '/', 'a/b/c'], ['$inbox', '$a/b']],
    ['sport/tennis/+', ['sport/tennis/player1'], ['sport/tennis', 'sport/tennis/player1/ranking']],
    ['sport/+', ['sport/', 'sport/a'], ['sport', 'sport/a/b']],
    ['+/+', ['/finance', 'a/b', '/'], ['finance', 'a/b/c', '$inbox/1']],
    ['/+', ['/finance'], ['finance']],
    ['+', ['finance'], ['/finance', '$inbox']],
    ['+/tennis/#', ['a/tennis', 'a/tennis/b'], ['tennis', 'a/b/tennis']],
    ['sport/+/player1', ['sport//player1'], ['sport/player1']],
    // What a server gone wrong may name.
    ['a/+', [], ['a/+', 'a/#', 'a/b+']],
  ])('%s', (filter, fitting, others) => {
    const filters = new Filters<string>();
    filters.set(filter, filter);
    for (const channel of fitting) expect([channel, filters.fitting(channel)]).toEqual([channel, [filter]]);
    for (const channel of others) expect([channel, filters.fitting(channel)]).toEqual([channel, []]);
  });

  test('are all that are set and not deleted, each once', () => {
    const level = fc.constantFrom('a', 'b', '', '$', 'constructor');
    const names = fc.array(level, { minLength: 1, maxLength: 4 });
    const channel = names.map((levels) => levels.join('/')).filter(isChannel);
    const filter = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, all]) => (all ? [...levels, '#'] : levels).join('/'))
      .filter(isFilter);
    const some = fc.oneof(filter, fc.constant('#'));
    const deeds = fc.array(fc.record({ filter: some, sets: fc.boolean() }), { maxLength: 40 });
    fc.assert(
      fc.property(deeds, fc.array(channel, { minLength: 1, maxLength: 10 }), (done, channels) => {
        const filters = new Filters<string>();
        const set = new Set<string>();
        for (const each of done) {
          if (each.sets) filters.set(each.filter, each.filter);
          else filters.delete(each.filter);
          if (each.sets) set.add(each.filter);
          else set.delete(each.filter);
          for (const name of channels) {
            const expected = [...set].filter((one) => fits(one.split('/'), name.split('/')));
            expect(filters.fitting(name).sort()).toEqual(expected.sort());
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('what they cost', () => {
  // Counted in levels that are looked up, as time says little on a busy machine.
  const looks = (filters: Filters<number>, channel: string) => {
    const look = jest.spyOn(Map.prototype, 'get');
    filters.fitting(channel);
    const count = look.mock.calls.length;
    look.mockRestore();
    return count;
  };
  const filters = new Filters<number>();
  const names = Array.from({ length: 500 }, (_, i) => `building/${i}/+/temperature`);

  test('five hundred about what one does', () => {
    for (const [i, name] of names.entries()) filters.set(name, i);
    expect(filters.fitting('building/77/kitchen/temperature')).toEqual([77]);
    expect(looks(filters, 'building/77/kitchen/temperature')).toBeLessThan(20);
  });

  test('those that are deleted nothing', () => {
    filters.set('building/7', 0);
    for (const name of names) filters.delete(name);
    filters.delete('never/set');
    expect(filters.fitting('building/7')).toEqual([0]);
    expect(looks(filters, 'building/7/kitchen/temperature')).toBe(looks(filters, 'building/7/'));
    filters.delete('building/7');
    expect(looks(filters, 'building/7')).toBe(0);
  });
});

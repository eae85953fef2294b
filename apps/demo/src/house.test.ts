import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { House } from './house.ts';
import { MAX_SEATS_EACH } from './shared/limits.ts';

describe('a house', () => {
  test('gives seats from the front, each once, until there is none', () => {
    const house = new House(17);
    const seats = Array.from({ length: 17 }, (_, i) => house.take(`user ${i}`));
    expect(seats.slice(0, 9)).toEqual(['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'B1']);
    expect(seats.at(-1)).toBe('C1');
    expect(house.state).toEqual({ left: 0, of: 17, taken: seats });
    expect(() => house.take('late')).toThrow(expect.objectContaining({ code: 'SOLD_OUT', effect: 'none' }));
    expect(house.left).toBe(0);
  });

  test('gives a seat that came back before those that nobody had', () => {
    const house = new House(8);
    for (const user of ['orla', 'teodor', 'orla']) house.take(user);
    house.giveBack('teodor', 'A2');
    expect(house.state.taken).toEqual(['A1', 'A3']);
    expect(house.take('barnaby')).toBe('A2');
  });

  test('takes a seat back once, and from nobody but who has it', () => {
    const house = new House(8);
    house.take('orla');
    const notYours = expect.objectContaining({ code: 'NOT_YOURS', effect: 'none' });
    expect(() => house.giveBack('teodor', 'A1')).toThrow(notYours);
    house.giveBack('orla', 'A1');
    expect(() => house.giveBack('orla', 'A1')).toThrow(notYours);
    house.take('teodor');
    expect(() => house.giveBack('orla', 'A1')).toThrow(notYours);
    expect(() => house.giveBack('teodor', 'Z9')).toThrow(notYours);
    expect(house.heldBy('teodor')).toEqual(['A1']);
  });

  test('gives nobody more than a few', () => {
    const house = new House(8);
    for (let i = 0; i < MAX_SEATS_EACH; i++) house.take('orla');
    expect(() => house.take('orla')).toThrow(expect.objectContaining({ code: 'TOO_MANY', effect: 'none' }));
    expect(house.left).toBe(8 - MAX_SEATS_EACH);
  });

  test('never sells a seat twice, nor more than it has, whatever comes in whatever order', () => {
    const users = ['orla', 'teodor', 'barnaby'];
    const user = fc.constantFrom(...users);
    const step = fc.record({ user, seat: fc.option(fc.constantFrom('A1', 'A2', 'A5', 'B1', 'C3')) });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
        const house = new House(size);
        /** Who has it, by what the house has said. */
        const sold = new Map<string, string>();
        for (const { user, seat } of steps) {
          try {
            if (seat === null) {
              const taken = house.take(user);
              expect(sold.has(taken)).toBe(false);
              sold.set(taken, user);
            } else {
              house.giveBack(user, seat);
              expect(sold.get(seat)).toBe(user);
              sold.delete(seat);
            }
          } catch (error) {
            const { code } = error as { code?: string };
            if (code === 'SOLD_OUT') expect(sold.size).toBe(size);
            else if (code === 'TOO_MANY') expect(house.heldBy(user)).toHaveLength(MAX_SEATS_EACH);
            else if (code === 'NOT_YOURS') expect(sold.get(seat ?? '')).not.toBe(user);
            else throw error;
          }
          expect(house.left).toBe(size - sold.size);
          expect([...house.state.taken].sort()).toEqual([...sold.keys()].sort());
          for (const each of users) {
            const own = [...sold].filter(([, holder]) => holder === each).map(([name]) => name);
            expect([...house.heldBy(each)].sort()).toEqual(own.sort());
            expect(own.length).toBeLessThanOrEqual(MAX_SEATS_EACH);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

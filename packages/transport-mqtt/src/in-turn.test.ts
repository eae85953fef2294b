import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InTurn } from './in-turn.ts';

const run = (act: () => void) => act();

describe('what is done in turn', () => {
  test('is done in the order in which it began, whenever it is ready, each once', () => {
    const order = fc.integer({ min: 1, max: 12 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, i) => i),
        { minLength: count },
      ),
    );
    fc.assert(
      fc.property(order, (places) => {
        const turn = new InTurn<() => void>();
        for (const _ of places) turn.begin();
        const done: number[] = [];
        const ready = new Set<number>();
        for (const place of places) {
          turn.ready(place, () => done.push(place), run);
          ready.add(place);
          let first = 0;
          while (ready.has(first)) first++;
          expect(done).toEqual(Array.from({ length: first }, (_, i) => i));
        }
      }),
    );
  });

  test('may begin something itself, which comes after it', () => {
    const turn = new InTurn<() => void>();
    const done: string[] = [];
    const [first, second] = [turn.begin(), turn.begin()];
    turn.ready(second, () => done.push('second'), run);
    const acts = () => {
      turn.ready(turn.begin(), () => done.push('third'), run);
      done.push('first');
    };
    turn.ready(first, acts, run);
    expect(done).toEqual(['first', 'second', 'third']);
    turn.ready(turn.begin(), () => done.push('fourth'), run);
    expect(done).toHaveLength(4);
  });
});

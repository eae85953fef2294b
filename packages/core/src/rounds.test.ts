import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { Rounds } from './rounds.ts';

/** Each step takes a millisecond. */
function timed() {
  const clock = new SimulatedClock();
  const turns: string[][] = [[]];
  let now = 0;
  const begin = (task: () => void) => {
    turns.unshift([]);
    task();
  };
  const rounds = new Rounds(
    { ...bound(clock), endOfTurn: (task) => clock.endOfTurn(() => begin(task)) },
    5,
    () => now,
  );
  const add = (name: string, steps: number) => {
    let left = steps;
    rounds.add(() => {
      now++;
      turns[0]?.push(name);
      return --left > 0;
    });
  };
  return { clock, turns, add };
}

function bound(clock: SimulatedClock) {
  return {
    now: () => clock.now(),
    setTimeout: (task: () => void, ms: number) => clock.setTimeout(task, ms),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer as never),
  };
}

describe('rounds', () => {
  test('take a step of each in turn, until the event loop is to have its own', async () => {
    const { clock, turns, add } = timed();
    add('a', 100);
    add('b', 3);
    add('c', 1);
    await clock.settle();
    const done = turns.reverse().slice(1);
    expect(done.slice(0, 2).map((each) => each.join(''))).toEqual(['abcab', 'abaaa']);
    expect(Math.max(...done.map((each) => each.length))).toBe(5);
    expect(done.flat()).toHaveLength(104);
  });

  test('begin anew when there was nothing to do', async () => {
    const { clock, turns, add } = timed();
    add('a', 1);
    await clock.settle();
    add('b', 2);
    await clock.settle();
    expect(turns.reverse().slice(1)).toEqual([['a'], ['b', 'b']]);
  });
});

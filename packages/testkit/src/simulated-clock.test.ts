import { describe, expect, test } from '@jest/globals';
import { SimulatedClock } from './simulated-clock.ts';

describe('a simulated clock', () => {
  test('stands still until it is told to move', () => {
    const clock = new SimulatedClock(1_000);
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('timer'), 10);
    clock.endOfTurn(() => fired.push('turn'));
    expect([clock.now(), clock.pendingTimers, fired]).toEqual([1_000, 1, []]);
  });

  test('fires timers when they are due, soonest first, and equals in the order in which they were set', () => {
    const clock = new SimulatedClock(0);
    const fired: [string, number][] = [];
    const at = (name: string, ms: number) => clock.setTimeout(() => fired.push([name, clock.now()]), ms);
    at('c', 30);
    at('a', 10);
    at('b', 20);
    at('also b', 20);
    clock.advance(20);
    expect(fired).toEqual([
      ['a', 10],
      ['b', 20],
      ['also b', 20],
    ]);
    expect([clock.now(), clock.pendingTimers, clock.nextTimerInMs]).toEqual([20, 1, 10]);
    clock.advance(10);
    expect(clock.nextTimerInMs).toBe(undefined);
    expect(fired.at(-1)).toEqual(['c', 30]);
  });

  test('fires what a timer sets, where that is due too', () => {
    const clock = new SimulatedClock(0);
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  test('lets a timer wait 1 ms at least, so that one that sets itself again comes to an end', () => {
    const clock = new SimulatedClock(0);
    let fired = 0;
    const again = () => {
      fired++;
      clock.setTimeout(again, 0);
    };
    clock.setTimeout(again, Number.NaN);
    clock.advance(5);
    expect(fired).toBe(5);
  });

  test("refuses a timer that is longer than Node's can be", () => {
    expect(() => new SimulatedClock().setTimeout(() => {}, 2 ** 31)).toThrow(RangeError);
  });

  test('clears timers, and ignores unknown and fired ones', () => {
    const clock = new SimulatedClock(0);
    const fired: string[] = [];
    const one = clock.setTimeout(() => fired.push('one'), 10);
    const two = clock.setTimeout(() => fired.push('two'), 10);
    clock.clearTimeout(one);
    clock.clearTimeout(one);
    clock.clearTimeout(undefined);
    clock.clearTimeout(7);
    clock.advance(10);
    clock.clearTimeout(two);
    expect([fired, clock.pendingTimers]).toEqual([['two'], 0]);
  });

  test('lets a timer clear another that is due at the same time', () => {
    const clock = new SimulatedClock(0);
    let fired = false;
    clock.setTimeout(() => clock.clearTimeout(other), 10);
    const other = clock.setTimeout(() => {
      fired = true;
    }, 10);
    clock.advance(10);
    expect(fired).toBe(false);
  });

  test('ends the turn before time moves, and after each timer', () => {
    const clock = new SimulatedClock(0);
    const seen: string[] = [];
    const timer = (ms: number) =>
      clock.setTimeout(() => {
        seen.push(`timer ${clock.now()}`);
        clock.endOfTurn(() => seen.push(`turn ${clock.now()}`));
      }, ms);
    timer(10);
    timer(20);
    clock.endOfTurn(() => {
      seen.push('first');
      clock.endOfTurn(() => seen.push('second'));
    });
    clock.advance(20);
    expect(seen).toEqual(['first', 'second', 'timer 10', 'turn 10', 'timer 20', 'turn 20']);
  });

  test('gives up on a turn that never ends', () => {
    const clock = new SimulatedClock();
    const again = () => clock.endOfTurn(again);
    again();
    expect(() => clock.advance(0)).toThrow('does not end');
  });

  test('runs all that is due, whoever throws, and throws that at the end', () => {
    const clock = new SimulatedClock(0);
    const fired: string[] = [];
    const fail = (message: string) => () => {
      throw new Error(message);
    };
    clock.setTimeout(fail('one'), 1);
    clock.setTimeout(() => fired.push('two'), 2);
    expect(() => clock.advance(2)).toThrow('one');
    expect([fired, clock.now()]).toEqual([['two'], 2]);

    clock.endOfTurn(fail('three'));
    clock.setTimeout(fail('four'), 1);
    expect(() => clock.advance(1)).toThrow(
      expect.objectContaining({ errors: [new Error('three'), new Error('four')] }),
    );
  });

  test('advanceAsync lets promises run between timers', async () => {
    const clock = new SimulatedClock(0);
    const seen: string[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
    const run = async () => {
      await sleep(10);
      seen.push(`woke at ${clock.now()}`);
      await sleep(10);
      seen.push(`woke at ${clock.now()}`);
    };
    const done = run();
    await clock.advanceAsync(25);
    await done;
    expect(seen).toEqual(['woke at 10', 'woke at 20']);
    expect(clock.now()).toBe(25);
  });

  test('settle lets promises run and turns end while time stands still', async () => {
    const clock = new SimulatedClock(0);
    const seen: string[] = [];
    const run = async () => {
      await null;
      clock.endOfTurn(async () => {
        await null;
        clock.endOfTurn(() => seen.push('end'));
      });
    };
    void run();
    await clock.settle();
    expect([seen, clock.now()]).toEqual([['end'], 0]);
  });

  test('settle and advanceAsync reject with what was thrown', async () => {
    const clock = new SimulatedClock(0);
    const fail = () => {
      throw new Error('no');
    };
    clock.endOfTurn(fail);
    await expect(clock.settle()).rejects.toThrow('no');
    clock.setTimeout(fail, 1);
    await expect(clock.advanceAsync(1)).rejects.toThrow('no');
  });
});

import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Due, Wheel } from './wheel.ts';

interface Each extends Due {
  readonly name: string;
}

describe('a wheel', () => {
  let clock: SimulatedClock;
  let seen: [string, number][];
  let wheel: Wheel;
  const each = (name: string): Each => ({ name, slot: undefined });
  const start = new SimulatedClock().now();
  const see = ({ name }: Each) => seen.push([name, clock.now() - start]);

  beforeEach(() => {
    clock = new SimulatedClock();
    seen = [];
    wheel = new Wheel(clock, 200);
  });

  test('has each fall due once, not early and hardly late, with one timer for all', () => {
    const due = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(3_000)), { minLength: 1 }), (waits) => {
        clock = new SimulatedClock();
        seen = [];
        due.clear();
        wheel = new Wheel(clock, 200);
        for (const [i, [passed, ms]] of waits.entries()) {
          clock.advance(passed);
          due.set(String(i), clock.now() - start + ms);
          wheel.wait(each(String(i)), wheel.after(ms), see);
          expect(clock.pendingTimers).toBe(1);
        }
        clock.advance(4_000);
        expect(seen.map(([name]) => name).sort()).toEqual([...due.keys()].sort());
        for (const [name, at] of seen) {
          const late = at - (due.get(name) as number);
          expect(late).toBeGreaterThanOrEqual(0);
          expect(late).toBeLessThanOrEqual(400);
        }
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  test('has one wait for another time, or for none', () => {
    const [one, two] = [each('one'), each('two')];
    wheel.wait(one, wheel.after(1_000), see);
    wheel.wait(two, wheel.after(1_000), see);
    clock.advance(500);
    wheel.wait(one, wheel.after(2_000), see);
    wheel.forget(two);
    wheel.forget(two);
    clock.advance(5_000);
    expect(seen.map(([name]) => name)).toEqual(['one']);
    expect(seen[0]?.[1]).toBeGreaterThanOrEqual(2_500);
  });

  test('has all who begin to wait in one turn fall due together, also where it begins to turn with them', () => {
    for (const at of [0, 2_100]) {
      clock.advance(at);
      for (const name of ['one', 'two']) wheel.wait(each(name), wheel.after(1_000), see);
    }
    clock.advance(5_000);
    expect(seen.map(([name]) => name)).toEqual(['one', 'two', 'one', 'two']);
    expect([seen[0]?.[1], seen[2]?.[1]]).toEqual([seen[1]?.[1], seen[3]?.[1]]);
  });

  test('has who falls due wait again', () => {
    let rounds = 0;
    const again = (one: Each) => {
      if (++rounds < 3) wheel.wait(one, wheel.after(200), again);
    };
    wheel.wait(each('one'), wheel.after(0), again);
    clock.advance(10_000);
    expect([rounds, clock.pendingTimers]).toEqual([3, 0]);
  });

  test('forgets all when it is stopped, and turns again for who waits then', () => {
    const one = each('one');
    wheel.wait(one, wheel.after(400), see);
    wheel.stop();
    expect([clock.pendingTimers, one.slot]).toEqual([0, undefined]);
    clock.advance(1_000);
    wheel.wait(one, wheel.after(400), see);
    clock.advance(1_000);
    expect(seen).toEqual([['one', 1_600]]);
  });
});

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
  let wheel: Wheel<Each>;
  const each = (name: string): Each => ({ name, slot: undefined });
  const start = new SimulatedClock().now();

  beforeEach(() => {
    clock = new SimulatedClock();
    seen = [];
    wheel = new Wheel<Each>(clock, ({ name }) => seen.push([name, clock.now() - start]), 200);
  });

  test('has each fall due once, not early and hardly late, with one timer for all', () => {
    const due = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(3_000)), { minLength: 1 }), (waits) => {
        clock = new SimulatedClock();
        seen = [];
        due.clear();
        wheel = new Wheel<Each>(clock, ({ name }) => seen.push([name, clock.now() - start]), 200);
        for (const [i, [passed, ms]] of waits.entries()) {
          clock.advance(passed);
          due.set(String(i), clock.now() - start + ms);
          wheel.wait(each(String(i)), wheel.after(ms));
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
    wheel.wait(one, wheel.after(1_000));
    wheel.wait(two, wheel.after(1_000));
    clock.advance(500);
    wheel.wait(one, wheel.after(2_000));
    wheel.forget(two);
    wheel.forget(two);
    clock.advance(5_000);
    expect(seen.map(([name]) => name)).toEqual(['one']);
    expect(seen[0]?.[1]).toBeGreaterThanOrEqual(2_500);
  });

  test('has who falls due wait again', () => {
    let rounds = 0;
    wheel = new Wheel<Each>(clock, (one) => ++rounds < 3 && wheel.wait(one, wheel.after(200)), 200);
    wheel.wait(each('one'), wheel.after(0));
    clock.advance(10_000);
    expect([rounds, clock.pendingTimers]).toEqual([3, 0]);
  });

  test('forgets all when it is stopped, and turns again for who waits then', () => {
    const one = each('one');
    wheel.wait(one, wheel.after(400));
    wheel.stop();
    expect([clock.pendingTimers, one.slot]).toEqual([0, undefined]);
    clock.advance(1_000);
    wheel.wait(one, wheel.after(400));
    clock.advance(1_000);
    expect(seen).toEqual([['one', 1_400]]);
  });
});

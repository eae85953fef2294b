import { SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { TheatreClock } from './theatre-clock.ts';

const hour = 3_600_000;

function clocks() {
  const machine = new SimulatedClock(1_000);
  return { machine, theatre: new TheatreClock(machine) };
}

test('is that of the machine, until it is set ahead', () => {
  const { machine, theatre } = clocks();
  expect(theatre.now()).toBe(1_000);
  theatre.set(hour);
  machine.advance(500);
  expect([theatre.now(), theatre.get()]).toEqual([1_500 + hour, hour]);
});

test('what waits comes when its time does, of either clock, and once', () => {
  const { machine, theatre } = clocks();
  const fired: string[] = [];
  theatre.setTimeout(() => fired.push('soon'), 100);
  theatre.setTimeout(() => fired.push('in an hour'), hour);
  theatre.setTimeout(() => fired.push('in two'), 2 * hour);
  machine.advance(100);
  expect(fired).toEqual(['soon']);
  theatre.set(hour);
  machine.advance(1);
  expect(fired).toEqual(['soon', 'in an hour']);
  machine.advance(hour - 102);
  expect(fired).toHaveLength(2);
  machine.advance(1);
  expect(fired).toEqual(['soon', 'in an hour', 'in two']);
  expect(machine.pendingTimers).toBe(0);
});

test('set back, what waits waits longer', () => {
  const { machine, theatre } = clocks();
  theatre.set(hour);
  let fired = false;
  theatre.setTimeout(() => {
    fired = true;
  }, 100);
  theatre.set(0);
  machine.advance(hour);
  expect(fired).toBe(false);
  machine.advance(100);
  expect(fired).toBe(true);
});

test('what is cleared does not come, and may be cleared again', () => {
  const { machine, theatre } = clocks();
  let fired = false;
  const timer = theatre.setTimeout(() => {
    fired = true;
  }, 100);
  theatre.clearTimeout(timer);
  theatre.set(hour);
  machine.advance(hour);
  theatre.clearTimeout(timer);
  theatre.clearTimeout(undefined);
  expect([fired, machine.pendingTimers]).toEqual([false, 0]);
});

test('says when it is set to another, and no more once that is ended', () => {
  const { theatre } = clocks();
  let told = 0;
  const off = theatre.subscribe(() => told++);
  theatre.set(hour);
  theatre.set(hour);
  expect(told).toBe(1);
  off();
  theatre.set(0);
  expect(told).toBe(1);
});

import { SimulatedClock } from '@callboard/testkit';
import { expect, test } from '@jest/globals';
import { Echoes } from './echoes.ts';

const bytes = (text: string) => Buffer.from(text);

test('takes what was sent for an echo, as often as it was sent', () => {
  const echoes = new Echoes(new SimulatedClock());
  echoes.expect('a', bytes('x'));
  echoes.expect('a', bytes('x'));
  expect(echoes.takes('a', bytes('y'))).toBe(false);
  expect(echoes.takes('b', bytes('x'))).toBe(false);
  expect([1, 2, 3].map(() => echoes.takes('a', bytes('x')))).toEqual([true, true, false]);
});

test('expects none for longer than 30 seconds', () => {
  const clock = new SimulatedClock();
  const echoes = new Echoes(clock);
  echoes.expect('a', bytes('x'));
  echoes.expect('b', bytes('x'));
  clock.advance(29_999);
  expect(echoes.takes('a', bytes('x'))).toBe(true);
  clock.advance(1);
  expect(echoes.takes('b', bytes('x'))).toBe(false);
});

test('remembers a thousand', () => {
  const echoes = new Echoes(new SimulatedClock());
  for (let i = 0; i <= 1_000; i++) echoes.expect(`${i}`, bytes(''));
  expect([0, 1, 1_000].map((i) => echoes.takes(`${i}`, bytes('')))).toEqual([false, true, true]);
});

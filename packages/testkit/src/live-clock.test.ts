import { describe, expect, test } from '@jest/globals';
import { LiveClock, turn, until } from './live-clock.ts';

describe('a live clock', () => {
  test('has timers that wait for the test, and turns that do not', async () => {
    const clock = new LiveClock();
    const done: string[] = [];
    clock.setTimeout(() => done.push('timer'), 10);
    clock.endOfTurn(() => done.push('turn'));
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual(['turn']);
    clock.advance(10);
    expect(done).toEqual(['turn', 'timer']);
  });
});

describe('until', () => {
  test('waits for what comes in a later turn', async () => {
    let turns = 0;
    await until(() => ++turns === 3, 'the third turn');
    expect(turns).toBe(3);
  });

  test('says what it waited for in vain', async () => {
    await expect(until(async () => false, 'Godot', 0)).rejects.toThrow('waited in vain for Godot');
  });
});

import { describe, expect, test } from '@jest/globals';
import { SimulatedHouse } from './simulated-house.ts';

/** Every chance is an even one. */
const even = () => 0.5;

/** What it reads after so many steps. */
function after(steps: number, house = new SimulatedHouse(even)) {
  for (let i = 0; i < steps; i++) house.step();
  return house.readings;
}

describe('the simulated house', () => {
  test('begins with the ghost light on, as an empty theatre does', () => {
    const house = new SimulatedHouse(even);
    expect(house.lights).toEqual({ footlights: 'off', limelight: 'off', ghost: 'on' });
    expect(house.readings).toEqual({ stage: 18.4, house: 19.6, foyer: 0, board: 100 });
  });

  test('draws what its lights draw, and they warm the stage', () => {
    const lit = new SimulatedHouse(even);
    lit.set('footlights', 'on');
    lit.set('limelight', 'on');
    expect(lit.readings.board).toBe(1_480);
    expect(after(100, lit).stage).toBeGreaterThan(after(100).stage + 3);
    lit.set('limelight', 'off');
    expect(lit.readings.board).toBe(580);
  });

  test('lets people in, and none out before the end', () => {
    const house = new SimulatedHouse(() => 0.2);
    expect([1, 1, 1].map((steps) => after(steps, house).foyer)).toEqual([1, 2, 3]);
    expect(after(100).foyer).toBe(0);
  });

  test('stays what a house can be, whatever chance does', () => {
    const house = new SimulatedHouse();
    for (const light of ['footlights', 'limelight'] as const) house.set(light, 'on');
    for (let i = 0; i < 2_000; i++) {
      const { stage, house: stalls, board } = after(1, house);
      for (const celsius of [stage, stalls]) {
        expect(celsius).toBeGreaterThan(15);
        expect(celsius).toBeLessThan(28);
      }
      expect(Math.abs(board - 1_480)).toBeLessThanOrEqual(15);
    }
  });
});

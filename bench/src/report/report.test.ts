import { expect, test } from '@jest/globals';
import type { Measurement, Scenario } from '../scenario.ts';
import { median, percentile } from './statistics.ts';
import { summarize } from './summary.ts';
import { renderTable } from './table.ts';

const scenario: Scenario = {
  name: 'fanout-1',
  unit: 'delivery',
  figure: 'µs',
  connections: 1,
  budgets: [
    { atMost: 0.75, times: 'ws' },
    { atMost: 0.6, times: 'socketio' },
    { atMost: 1.3, detail: 'factor' },
  ],
  run: () => Promise.reject(new Error('not run here')),
};

test('percentiles are values that were measured', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect([0, 50, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 100, 198, 200]);
  expect(percentile([7], 99)).toBe(7);
  expect(percentile([], 50)).toBeNaN();
});

test('the median is the middle, or between the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('a summary has medians, ratios to the peers, and what became of the budgets', () => {
  const [bare, ws, callboard] = summarize(scenario, measured());
  expect(bare).toMatchObject({ figure: 5, timesBare: 1 });
  expect(ws).toMatchObject({ figure: 10, lowest: 9, highest: 12, timesBare: 2, timesWs: 1, verdicts: [] });
  expect(callboard).toMatchObject({
    figure: 8,
    p99Ms: 5,
    unitsPerSecond: 100,
    timesBare: 1.6,
    timesWs: 0.8,
    timesSocketIo: Number.NaN,
  });
  expect(callboard?.verdicts).toEqual([
    { budget: '0.75 × ws', reached: 0.8, met: false },
    { budget: '0.6 × Socket.IO', reached: Number.NaN, met: false },
    { budget: 'factor 1.3', reached: 1.2, met: true },
  ]);
});

test('the table has a row per peer, with its details below', () => {
  const lines = renderTable(summarize(scenario, measured())).split('\n');
  expect(lines[0]).toMatch(/^scenario +peer .* budget$/);
  expect(lines[2]).toMatch(/^fanout-1 +bare sockets +5\.00 µs/);
  expect(lines[3]).toMatch(/^fanout-1 +ws +10\.0 µs\/delivery +9\.00–12\.0 .* 2\.00 +1\.00$/);
  expect(lines[4]).toContain('0.75 × ws: MISSED (0.80), 0.6 × Socket.IO: not measured, factor 1.3: met');
  expect(lines[5]).toBe('    factor: 1.20');
  expect(lines).toHaveLength(6);
});

function measured() {
  const ofCallboard = (figure: number): Measurement => ({
    figure,
    unitsPerSecond: 100,
    p50Ms: 1,
    p99Ms: 5,
    details: { factor: 1.2 },
  });
  return new Map([
    ['bare' as const, [{ figure: 5 }]],
    ['ws' as const, [{ figure: 12 }, { figure: 9 }, { figure: 10 }]],
    ['callboard' as const, [ofCallboard(8), ofCallboard(7), ofCallboard(9)]],
  ]);
}

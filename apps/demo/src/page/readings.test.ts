import { describe, expect, test } from '@jest/globals';
import { chartPath } from './chart-path.ts';
import { agoInWords, merged, WINDOW_MS } from './readings.ts';

const now = 1_000_000;
const at = (secondsAgo: number, value = secondsAgo) => ({ at: now - secondsAgo * 1_000, value });

describe('readings', () => {
  test('that come twice, late or out of order are there once, in order', () => {
    expect(merged([at(4), at(2)], [at(6), at(4), at(3)], now)).toEqual([6, 4, 3, 2].map((s) => at(s)));
  });

  test('of the same millisecond are all there, as they came', () => {
    const [warm, hot, cold] = [at(3, 20), at(1, 29), at(1, 21)];
    // The last one is told first, and what was before it then.
    expect(merged([warm, hot, cold], merged([warm], [cold], now), now)).toEqual([warm, hot, cold]);
  });

  test('older than a chart go, but the last one stays', () => {
    const old = at(WINDOW_MS / 1_000 + 1);
    expect(merged([old], [at(1)], now)).toEqual([at(1)]);
    expect(merged([at(999)], [old], now)).toEqual([old]);
    expect(merged([], [], now)).toEqual([]);
  });

  test.each([
    [0, 'just now'],
    [999, 'just now'],
    [-5, 'just now'],
    [3_999, '3 s ago'],
    [119_000, '119 s ago'],
    [120_000, '2 min ago'],
    [7_199_000, '119 min ago'],
    [7_200_000, '2 h ago'],
  ])('%d ms ago', (ms, words) => {
    expect(agoInWords(ms)).toBe(words);
  });
});

describe('a chart', () => {
  const frame = { width: 180, height: 60, minSpan: 5, steps: false };
  const chart = (readings: Parameters<typeof chartPath>[0], more = {}) =>
    chartPath(readings, now, { ...frame, ...more });

  test('has now at its right edge, and the highest on top', () => {
    const { line, area, end, low, high } = chart([at(8, 10), at(4, 20), at(0, 15)]);
    expect([line, end, low, high]).toEqual(['M172 55L176 5L180 30', [180, 30], 10, 20]);
    expect(area).toBe(`${line}L180 60L172 60Z`);
  });

  test('holds each value until the next where it goes in steps', () => {
    expect(chart([at(8, 10), at(4, 20)], { steps: true }).line).toBe('M172 55H176V5');
  });

  test('is broken where nothing was heard', () => {
    const { line, area } = chart([at(60, 10), at(58, 10), at(4, 20), at(2, 20)]);
    expect(line).toBe('M120 55L122 55M176 5L178 5');
    expect(area.match(/Z/g)).toHaveLength(2);
  });

  test('shows a small noise as one', () => {
    expect(chart([at(4, 20), at(2, 20.1)]).line).toBe('M176 30.5L178 29.5');
  });

  test('of a long silence is empty', () => {
    expect(chart([at(999)])).toMatchObject({ line: '', area: '', end: undefined });
    expect(chart([])).toMatchObject({ line: '', area: '', end: undefined });
  });
});

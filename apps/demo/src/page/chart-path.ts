import { type Reading, SILENT_MS, WINDOW_MS } from './readings.ts';

export interface ChartFrame {
  readonly width: number;
  readonly height: number;
  /** What the chart spans at least, so that noise looks like noise. */
  readonly minSpan: number;
  /** Holds each value until the next: for what jumps. */
  readonly steps: boolean;
}

export interface ChartPath {
  /** The `d` of the line; it is broken where the sensor was silent. */
  readonly line: string;
  /** Of what lies beneath it. */
  readonly area: string;
  /** Where the last reading is. */
  readonly end: readonly [x: number, y: number] | undefined;
  /** The least and the most that was read in the time shown. */
  readonly low: number;
  readonly high: number;
}

/** Readings of the last few minutes, `now` at the right edge. */
export function chartPath(readings: readonly Reading[], now: number, frame: ChartFrame): ChartPath {
  const { width, height, minSpan, steps } = frame;
  const shown = readings.filter(({ at }) => now - at <= WINDOW_MS);
  const values = shown.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, minSpan) * 1.2;
  const bottom = (low + high - span) / 2;
  const x = (at: number) => tidy(width * (1 - (now - at) / WINDOW_MS));
  const y = (value: number) => tidy(height * (1 - (value - bottom) / span));

  const stretches = unbroken(shown).map((stretch) => ({
    d: stretch
      .map(({ at, value }, i) => {
        if (i === 0) return `M${x(at)} ${y(value)}`;
        return steps ? `H${x(at)}V${y(value)}` : `L${x(at)} ${y(value)}`;
      })
      .join(''),
    from: x((stretch[0] as Reading).at),
    to: x((stretch.at(-1) as Reading).at),
  }));
  const last = shown.at(-1);
  return {
    line: stretches.map(({ d }) => d).join(''),
    area: stretches.map(({ d, from, to }) => `${d}L${to} ${height}L${from} ${height}Z`).join(''),
    end: last && [x(last.at), y(last.value)],
    low,
    high,
  };
}

/** A line over a silence would say what nobody heard. */
function unbroken(readings: readonly Reading[]): readonly (readonly Reading[])[] {
  const stretches: Reading[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const reading of readings) {
    if (reading.at - before > SILENT_MS) stretches.push([]);
    stretches.at(-1)?.push(reading);
    before = reading.at;
  }
  return stretches;
}

const tidy = (n: number): number => Math.round(n * 10) / 10;

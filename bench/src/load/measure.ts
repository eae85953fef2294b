import type { Bench } from '../scenario.ts';

export interface Cost {
  /** µs of the server's CPU time per unit. */
  readonly figure: number;
  readonly unitsPerSecond: number;
}

/** Does `work`, which resolves with how many units it did, and divides what it cost the server by them. */
export async function measureCpu(bench: Bench, work: () => Promise<number>): Promise<Cost> {
  const before = await bench.sample();
  const startMs = performance.now();
  const units = await work();
  const elapsedMs = performance.now() - startMs;
  const after = await bench.sample();
  return {
    figure: (after.cpuMicros - before.cpuMicros) / units,
    unitsPerSecond: (units / elapsedMs) * 1000,
  };
}

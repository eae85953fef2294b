import { setTimeout as delay } from 'node:timers/promises';
import type { Turns } from '../control.ts';
import type { Bench } from '../scenario.ts';

export interface Cost {
  /** µs of the server's CPU time per unit. */
  readonly figure: number;
  readonly unitsPerSecond: number;
  /** How long turns of the server's event loop took, where it is watched. */
  readonly turns?: Turns | undefined;
}

/** Does `work`, which resolves with how many units it did, and divides what it cost the server by them. */
export async function measureCpu(bench: Bench, work: () => Promise<number>): Promise<Cost> {
  const before = await bench.sample();
  const startMs = performance.now();
  const units = await bench.profiled(work);
  const elapsedMs = performance.now() - startMs;
  const after = await bench.sample();
  return {
    figure: (after.cpuMicros - before.cpuMicros) / units,
    unitsPerSecond: (units / elapsedMs) * 1000,
    turns: after.turns,
  };
}

/** Collects garbage until the resident memory no longer shrinks by a per cent. */
export async function settledRssBytes(bench: Bench): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  for (let unchanged = 0, tries = 0; unchanged < 3 && tries < 20; tries++) {
    const { rssBytes } = await bench.sample({ gc: true });
    unchanged = rssBytes < lowest * 0.99 ? 0 : unchanged + 1;
    lowest = Math.min(lowest, rssBytes);
    await delay(300);
  }
  return lowest;
}

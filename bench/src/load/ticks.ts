import { percentile } from '../report/statistics.ts';
import type { Bench, Measurement } from '../scenario.ts';
import { measureCpu } from './measure.ts';
import { watchForStall } from './stall.ts';

export interface Ticks {
  /** One delivery has come. */
  came(): void;
  /** Runs them, first to warm up; the figure is of a delivery, latency from a tick's write until the last of its deliveries. */
  measure(bench: Bench, ticks: { readonly warmUp: number; readonly measured: number }): Promise<Measurement>;
}

/** Sends again and again: each time when all `deliveries` of the last time have come. */
export function createTicks(deliveries: number, send: () => void): Ticks {
  const latenciesMs: number[] = [];
  let awaited = 0;
  let whenDone = () => {};
  const run = async (count: number) => {
    const watch = watchForStall(() => `${awaited} publications missing`);
    for (let i = 0; i < count; i++) {
      awaited = deliveries;
      const startMs = performance.now();
      await new Promise<void>((resolve) => {
        whenDone = resolve;
        send();
      });
      latenciesMs.push(performance.now() - startMs);
      watch.progress();
    }
    watch.stop();
    return count * deliveries;
  };
  return {
    came() {
      if (--awaited === 0) whenDone();
    },
    async measure(bench, { warmUp, measured }) {
      await run(bench.times(warmUp));
      latenciesMs.length = 0;
      await bench.sample({ gc: true });
      const cost = await measureCpu(bench, () => run(bench.times(measured)));
      return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
    },
  };
}

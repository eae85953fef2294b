import { inParallel } from '../load/in-parallel.ts';
import { measureCpu } from '../load/measure.ts';
import { percentile } from '../report/statistics.ts';
import type { Bench, Scenario } from '../scenario.ts';

const atOnce = 20;

/** Connect, authenticate, close properly; every time a user the server has not seen. */
export const connects: Scenario = {
  name: 'connects',
  unit: 'connect',
  figure: 'µs',
  connections: atOnce,
  budgets: [{ atMost: 1, times: 'socketio' }],
  async run(bench) {
    const latenciesMs: number[] = [];
    await connectAndClose(bench, bench.times(1000), 'early', []);
    const cost = await measureCpu(bench, () => connectAndClose(bench, bench.times(3000), 'u', latenciesMs));
    return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
  },
};

/** Latencies are until the connection is authenticated. */
async function connectAndClose(
  bench: Bench,
  count: number,
  prefix: string,
  latenciesMs: number[],
): Promise<number> {
  await inParallel(count, atOnce, async (index) => {
    const startMs = performance.now();
    const connection = await bench.connect(`${prefix}${index}`);
    latenciesMs.push(performance.now() - startMs);
    await connection.close();
  });
  return count;
}

import { inParallel } from '../load/in-parallel.ts';
import { measureCpu } from '../load/measure.ts';
import { connectMqtt } from '../load/mqtt-connection.ts';
import { mqttPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const atOnce = 20;

/** CONNECT with a clean session, CONNACK, DISCONNECT; every time a device that the server has not seen. */
export const mqttConnects: Scenario = {
  name: 'mqtt-connects',
  unit: 'connect',
  figure: 'µs',
  connections: atOnce,
  peers: mqttPeers,
  budgets: [{ atMost: 1, times: 'aedes' }],
  async run(bench) {
    const latenciesMs: number[] = [];
    const run = async (count: number, prefix: string) => {
      await inParallel(count, atOnce, async (index) => {
        const startMs = performance.now();
        const device = await connectMqtt(bench.port, `${prefix}${index}`);
        latenciesMs.push(performance.now() - startMs);
        await device.close();
      });
      return count;
    };
    await run(bench.times(1_000), 'early');
    latenciesMs.length = 0;
    const cost = await measureCpu(bench, () => run(bench.times(5_000), 'd'));
    return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
  },
};

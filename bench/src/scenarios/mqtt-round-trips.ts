import { measureCpu } from '../load/measure.ts';
import { connectMqtt, encode } from '../load/mqtt-connection.ts';
import { mqttPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

/** One device that publishes by QoS 1, each when the one before is acknowledged. */
export const mqttRoundTrips: Scenario = {
  name: 'mqtt-round-trips',
  unit: 'publication',
  figure: 'µs',
  connections: 1,
  peers: mqttPeers,
  budgets: [{ atMost: 1, times: 'aedes' }],
  async run(bench) {
    const device = await connectMqtt(bench.port, 'device');
    const publish = encode({
      cmd: 'publish',
      topic: 'bench/reading',
      payload: 'x'.repeat(120),
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    });
    const latenciesMs: number[] = [];
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const startMs = performance.now();
        await new Promise<void>((resolve) => {
          device.onPacket = () => resolve();
          device.write(publish);
        });
        latenciesMs.push(performance.now() - startMs);
      }
      return count;
    };
    await run(bench.times(10_000));
    latenciesMs.length = 0;
    const cost = await measureCpu(bench, () => run(bench.times(60_000)));
    return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
  },
};

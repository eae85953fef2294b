import { inParallel } from '../load/in-parallel.ts';
import { measureCpu } from '../load/measure.ts';
import { connectMqtt, type MqttConnection, publication } from '../load/mqtt-connection.ts';
import { mqttPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

/** Devices that publish by QoS 1, each when the one before is acknowledged. */
function roundTripsOf(name: string, devices: number, counts: { warmUp: number; measured: number }): Scenario {
  return {
    name,
    unit: 'publication',
    figure: 'µs',
    connections: devices,
    peers: ['bare', ...mqttPeers],
    budgets: [{ atMost: 1, times: 'aedes' }],
    async run(bench) {
      const latenciesMs: number[] = [];
      const all = await inParallel(devices, 20, (index) => connectMqtt(bench.port, `d${index}`));
      const run = async (count: number) => {
        const each = Math.ceil(count / devices);
        await Promise.all(all.map((device, index) => roundTrips(device, index, each, latenciesMs)));
        return each * devices;
      };
      await run(bench.times(counts.warmUp));
      latenciesMs.length = 0;
      const cost = await measureCpu(bench, () => run(bench.times(counts.measured)));
      return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
    },
  };
}

async function roundTrips(
  device: MqttConnection,
  index: number,
  count: number,
  latenciesMs: number[],
): Promise<void> {
  const publish = publication(`bench/reading/${index}`, 1);
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await new Promise<void>((resolve) => {
      device.onPacket = () => resolve();
      device.write(publish);
    });
    latenciesMs.push(performance.now() - startMs);
  }
}

export const mqttRoundTrips = roundTripsOf('mqtt-round-trips', 1, { warmUp: 10_000, measured: 60_000 });
export const mqttRoundTrips50 = roundTripsOf('mqtt-round-trips-50', 50, {
  warmUp: 10_000,
  measured: 100_000,
});

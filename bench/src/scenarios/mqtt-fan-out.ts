import { inParallel } from '../load/in-parallel.ts';
import { measureCpu } from '../load/measure.ts';
import { connectMqtt, encode, packetTypes, subscribeMqtt } from '../load/mqtt-connection.ts';
import { watchForStall } from '../load/stall.ts';
import { mqttPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const readers = 500;
const topic = 'bench/news';

/** One publishes to a topic that many devices have subscribed to, by QoS 0, so many in one write. */
function fanOutOf(name: string, inFlight: number, ticks: { warmUp: number; measured: number }): Scenario {
  return {
    name,
    unit: 'delivery',
    figure: 'µs',
    connections: readers + 1,
    peers: mqttPeers,
    budgets: [
      { atMost: 1, times: 'mosquitto' },
      { atMost: 1, times: 'aedes' },
    ],
    async run(bench) {
      const sender = await connectMqtt(bench.port, 'sender');
      let awaited = 0;
      let whenDone = () => {};
      await inParallel(readers, 20, async (index) => {
        const reader = await connectMqtt(bench.port, `d${index}`);
        await subscribeMqtt(reader, topic, 0);
        reader.onPacket = (type) => {
          if (type === packetTypes.publish && --awaited === 0) whenDone();
        };
      });
      const payload = 'x'.repeat(120);
      const publish = encode({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
      const batch = Buffer.concat(Array.from({ length: inFlight }, () => publish));
      const latenciesMs: number[] = [];
      const run = async (count: number) => {
        const watch = watchForStall(() => `${awaited} publications missing`);
        for (let i = 0; i < count; i++) {
          awaited = readers * inFlight;
          const startMs = performance.now();
          await new Promise<void>((resolve) => {
            whenDone = resolve;
            sender.write(batch);
          });
          latenciesMs.push(performance.now() - startMs);
          watch.progress();
        }
        watch.stop();
        return count * readers * inFlight;
      };
      await run(bench.times(ticks.warmUp));
      latenciesMs.length = 0;
      await bench.sample({ gc: true });
      const cost = await measureCpu(bench, () => run(bench.times(ticks.measured)));
      return { ...cost, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
    },
  };
}

export const mqttFanOut1 = fanOutOf('mqtt-fanout-1', 1, { warmUp: 100, measured: 800 });
export const mqttFanOut4 = fanOutOf('mqtt-fanout-4', 4, { warmUp: 50, measured: 400 });

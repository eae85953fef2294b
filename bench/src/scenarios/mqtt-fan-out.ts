import { inParallel } from '../load/in-parallel.ts';
import { connectMqtt, onPublish, publication, subscribeMqtt } from '../load/mqtt-connection.ts';
import { createTicks } from '../load/ticks.ts';
import { mqttPeers } from '../peers.ts';
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
      const batch = Buffer.concat(Array.from({ length: inFlight }, () => publication(topic, 0)));
      const fanOut = createTicks(readers * inFlight, () => sender.write(batch));
      await inParallel(readers, 20, async (index) => {
        const reader = await connectMqtt(bench.port, `d${index}`);
        await subscribeMqtt(reader, topic, 0);
        reader.onPacket = onPublish(fanOut.came);
      });
      return fanOut.measure(bench, ticks);
    },
  };
}

export const mqttFanOut1 = fanOutOf('mqtt-fanout-1', 1, { warmUp: 100, measured: 800 });
export const mqttFanOut4 = fanOutOf('mqtt-fanout-4', 4, { warmUp: 50, measured: 400 });

import { inParallel } from '../load/in-parallel.ts';
import { connectMqtt, onPublish, publication, subscribeMqtt } from '../load/mqtt-connection.ts';
import { createTicks } from '../load/ticks.ts';
import { mqttPeers } from '../peers.ts';
import type { Scenario } from '../scenario.ts';

const publishers = 200;

/** Many devices publish a reading each, by QoS 0, to a topic of their own; one more reads them all by a filter. */
export const mqttFanIn: Scenario = {
  name: 'mqtt-fanin',
  unit: 'publication',
  figure: 'µs',
  connections: publishers + 1,
  peers: mqttPeers,
  budgets: [{ atMost: 1, times: 'aedes' }],
  async run(bench) {
    const reader = await connectMqtt(bench.port, 'reader');
    await subscribeMqtt(reader, 'bench/+/reading', 0);
    const devices = await inParallel(publishers, 20, async (index) => ({
      device: await connectMqtt(bench.port, `d${index}`),
      reading: publication(`bench/${index}/reading`, 0),
    }));
    const fanIn = createTicks(publishers, () => {
      for (const { device, reading } of devices) device.write(reading);
    });
    reader.onPacket = onPublish(fanIn.came);
    return fanIn.measure(bench, { warmUp: 100, measured: 400 });
  },
};

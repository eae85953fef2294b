import { inParallel } from '../load/in-parallel.ts';
import { connectMqtt, onPublish, publication, subscribeMqtt } from '../load/mqtt-connection.ts';
import { connectReaders } from '../load/request.ts';
import { createTicks, type Ticks } from '../load/ticks.ts';
import { mqttPeers } from '../peers.ts';
import type { Bench, Scenario } from '../scenario.ts';

const browsers = 1_000;
const topic = 'bench/news';

/**
 * A device publishes by QoS 0 over TCP, and browsers read it over WebSocket: those of a broker speak MQTT there, Callboard's its
 * own frames, each with a position by which it could go on.
 */
export const mqttBridge: Scenario = {
  name: 'mqtt-bridge',
  unit: 'delivery',
  figure: 'µs',
  connections: browsers + 1,
  peers: mqttPeers,
  budgets: [{ atMost: 1, times: 'aedes' }],
  async run(bench) {
    const device = await connectMqtt(bench.port, 'device');
    const bridge = createTicks(browsers, () => device.write(publication(topic, 0)));
    await (bench.peer === 'callboard' ? readByFrames(bench, bridge) : readByMqtt(bench, bridge));
    return bridge.measure(bench, { warmUp: 60, measured: 300 });
  },
};

async function readByFrames(bench: Bench, { came }: Ticks): Promise<void> {
  for (const reader of await connectReaders(bench, browsers, () => [topic])) reader.onText = came;
}

async function readByMqtt({ webSocketPort }: Bench, { came }: Ticks): Promise<void> {
  await inParallel(browsers, 20, async (index) => {
    const reader = await connectMqtt(webSocketPort, `b${index}`, { webSocket: true });
    await subscribeMqtt(reader, topic, 0);
    reader.onPacket = onPublish(came);
  });
}

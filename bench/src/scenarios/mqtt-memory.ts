import { inParallel } from '../load/in-parallel.ts';
import { settledRssBytes } from '../load/measure.ts';
import { connectMqtt } from '../load/mqtt-connection.ts';
import { mqttPeers } from '../peers.ts';
import type { Scenario } from '../scenario.ts';

const connections = 5_000;

/** What the server's resident memory grows by for each connected device that does nothing. */
export const mqttMemory: Scenario = {
  name: 'mqtt-memory',
  unit: 'connection',
  figure: 'KB',
  connections,
  peers: mqttPeers,
  budgets: [{ atMost: 1, times: 'aedes' }],
  async run(bench) {
    const early = await inParallel(50, 20, (i) => connectMqtt(bench.port, `early${i}`));
    await Promise.all(early.map((device) => device.close()));
    const before = await settledRssBytes(bench);
    const count = bench.times(connections);
    await inParallel(count, 20, (i) => connectMqtt(bench.port, `d${i}`));
    const after = await settledRssBytes(bench);
    return { figure: (after - before) / count / 1024 };
  },
};

import { settledRssBytes } from '../load/measure.ts';
import type { Scenario } from '../scenario.ts';

const connections = 5000;

/** What the server's resident memory grows by for each authenticated connection that does nothing. */
export const memory: Scenario = {
  name: 'memory',
  unit: 'connection',
  figure: 'KB',
  connections,
  budgets: [{ atMost: 1, times: 'socketio' }],
  async run(bench) {
    // A few come and go first: what the first connection loads is no part of the figure.
    const early = await bench.connectAll(userIds('early', 50));
    await Promise.all(early.map((connection) => connection.close()));
    const before = await settledRssBytes(bench);
    const count = bench.times(connections);
    await bench.connectAll(userIds('u', count));
    const after = await settledRssBytes(bench);
    return { figure: (after - before) / count / 1024 };
  },
};

function userIds(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}

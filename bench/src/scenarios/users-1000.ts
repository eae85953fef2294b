import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import type { Scenario } from '../scenario.ts';

const userIds = Array.from({ length: 1000 }, (_, i) => `u${i + 1}`);

/** One request sends a message to 1,000 users with one client each. */
export const users1000: Scenario = {
  name: 'users-1000',
  unit: 'delivery',
  figure: 'µs',
  connections: userIds.length + 1,
  budgets: [],
  async run(bench) {
    const sender = await bench.connect('sender');
    const fanOut = createFanOut(bench, {
      sender,
      readers: await bench.connectAll(userIds),
      tick: () => ({
        requests: [bench.dialect.send(sender.nextMid(), userIds, createAction('BENCH'))],
        deliveries: userIds.length,
      }),
    });
    return measureFanOut(bench, fanOut, { warmUp: 60, measured: 200 });
  },
};

import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import type { Scenario } from '../scenario.ts';

const addressed = userIds(1, 100);
const idle = userIds(101, 10_000);

/** The same 100 users are sent messages, alone at first, and then among 10,000 that are connected. */
export const growth: Scenario = {
  name: 'growth',
  unit: 'delivery',
  figure: 'µs',
  connections: addressed.length + idle.length + 1,
  budgets: [{ atMost: 1.3, detail: 'µs at 10,000 / at 100' }],
  async run(bench) {
    const sender = await bench.connect('sender');
    const fanOut = createFanOut(bench, {
      sender,
      readers: await bench.connectAll(addressed),
      tick: () => ({
        requests: [bench.dialect.send(sender.nextMid(), addressed, createAction('BENCH'))],
        deliveries: addressed.length,
      }),
    });
    const few = await measureFanOut(bench, fanOut, { warmUp: 600, measured: 1500 });
    await bench.connectAll(idle);
    // What connecting them left behind is collected now rather than during the measurement.
    await bench.sample({ gc: true });
    const many = await measureFanOut(bench, fanOut, { warmUp: 200, measured: 1500 });
    return {
      ...many,
      details: { 'µs at 100': few.figure, 'µs at 10,000 / at 100': many.figure / few.figure },
    };
  },
};

function userIds(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `u${first + i}`);
}

import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import type { Budget, Scenario } from '../scenario.ts';

const readers = 1000;

/** A user with 1,000 reading clients and one that broadcasts to them, some messages in one write. */
function fanOutScenario(options: {
  name: string;
  messagesPerTick: number;
  ticks: { warmUp: number; measured: number };
  tls?: boolean;
  budgets: readonly Budget[];
}): Scenario {
  const { name, messagesPerTick, ticks, tls = false, budgets } = options;
  return {
    name,
    unit: 'delivery',
    figure: 'µs',
    connections: readers + 1,
    tls,
    budgets,
    async run(bench) {
      const sender = await bench.connect('u');
      const fanOut = createFanOut(bench, {
        sender,
        readers: await bench.connectAll(Array(readers).fill('u')),
        tick: () => {
          const action = createAction('BENCH');
          const requests = Array.from({ length: messagesPerTick }, () =>
            bench.dialect.broadcast(sender.nextMid(), action),
          );
          return { requests, deliveries: messagesPerTick * readers };
        },
      });
      return measureFanOut(bench, fanOut, ticks);
    },
  };
}

export const fanOut1 = fanOutScenario({
  name: 'fanout-1',
  messagesPerTick: 1,
  ticks: { warmUp: 60, measured: 200 },
  budgets: [
    { atMost: 0.75, times: 'ws' },
    { atMost: 0.6, times: 'socketio' },
  ],
});

export const fanOut10 = fanOutScenario({
  name: 'fanout-10',
  messagesPerTick: 10,
  ticks: { warmUp: 10, measured: 30 },
  budgets: [{ atMost: 0.15, times: 'socketio' }],
});

export const fanOut1Tls = fanOutScenario({
  name: 'fanout-1-tls',
  messagesPerTick: 1,
  ticks: { warmUp: 60, measured: 200 },
  tls: true,
  budgets: [],
});

import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import { connectReaders } from '../load/request.ts';
import { framePeers } from '../peers.ts';
import type { Budget, Scenario } from '../scenario.ts';

const channel = 'news';

/** One publishes into a channel that many have subscribed to, some messages in one write. */
function channelScenario(options: {
  name: string;
  readers: number;
  messagesPerTick: number;
  ticks: { warmUp: number; measured: number };
  watchLoop?: boolean;
  tls?: boolean;
  budgets: readonly Budget[];
}): Scenario {
  const { name, readers, messagesPerTick, ticks, watchLoop = false, tls = false, budgets } = options;
  return {
    name,
    unit: 'delivery',
    figure: 'µs',
    connections: readers + 1,
    watchLoop,
    tls,
    // With several messages a tick a write for each is the floor of nothing.
    ...(messagesPerTick === 1 && { peers: ['bare', ...framePeers] as const }),
    budgets,
    async run(bench) {
      const { dialect } = bench;
      const sender = await bench.connect('sender');
      const fanOut = createFanOut(bench, {
        sender,
        readers: await connectReaders(bench, readers, () => [channel]),
        tick: () => {
          const action = createAction('BENCH');
          const requests = Array.from({ length: messagesPerTick }, () =>
            dialect.publish(sender.nextMid(), channel, action),
          );
          return { requests, deliveries: messagesPerTick * readers };
        },
      });
      // What connecting them left behind is collected now rather than during the measurement.
      await bench.sample({ gc: true });
      return measureFanOut(bench, fanOut, ticks);
    },
  };
}

const oneATick: readonly Budget[] = [
  { atMost: 0.75, times: 'ws' },
  { atMost: 0.6, times: 'socketio' },
];
const tenATick: readonly Budget[] = [{ atMost: 0.15, times: 'socketio' }];
const loopHeld: Budget = { atMost: 10, detail: 'loop held ms' };

export const channel1 = channelScenario({
  name: 'channel-1',
  readers: 1000,
  messagesPerTick: 1,
  ticks: { warmUp: 60, measured: 400 },
  budgets: oneATick,
});

export const channel1Tls = channelScenario({
  name: 'channel-1-tls',
  readers: 1000,
  messagesPerTick: 1,
  ticks: { warmUp: 60, measured: 300 },
  tls: true,
  budgets: [],
});

export const channel10 = channelScenario({
  name: 'channel-10',
  readers: 1000,
  messagesPerTick: 10,
  ticks: { warmUp: 10, measured: 60 },
  budgets: tenATick,
});

export const channel1To10k = channelScenario({
  name: 'channel-1-10k',
  readers: 10_000,
  messagesPerTick: 1,
  ticks: { warmUp: 10, measured: 60 },
  watchLoop: true,
  budgets: [...oneATick, loopHeld],
});

export const channel10To10k = channelScenario({
  name: 'channel-10-10k',
  readers: 10_000,
  messagesPerTick: 10,
  ticks: { warmUp: 5, measured: 15 },
  watchLoop: true,
  budgets: [...tenATick, loopHeld],
});

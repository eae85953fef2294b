import { createAction } from '../load/dialect.ts';
import { measureCpu } from '../load/measure.ts';
import { createOpenLoop } from '../load/open-loop.ts';
import { createRandom } from '../load/random.ts';
import { connectReaders } from '../load/request.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const readers = 1000;
const secondsEach = 8;

/**
 * What a peer can do at most is found out first; then messages come at random at 30 % and at 80 % of that. The row is
 * the 80 %.
 */
export const channelLatency: Scenario = {
  name: 'channel-latency',
  unit: 'delivery',
  figure: 'µs',
  connections: readers + 1,
  budgets: [],
  async run(bench) {
    const { dialect } = bench;
    const sender = await bench.connect('sender');
    const loop = createOpenLoop(bench, {
      sender,
      readers: await connectReaders(bench, readers, () => ['news']),
      request: (atMs) => dialect.publish(sender.nextMid(), 'news', createAction('BENCH', 120, atMs)),
      random: createRandom(1),
    });
    await loop.saturate(bench.times(60));
    const saturated = await loop.saturate(bench.times(400));

    const at = async (share: number) => {
      const perSecond = share * saturated;
      const messages = bench.times(Math.ceil(perSecond * secondsEach));
      let latenciesMs: readonly number[] = [];
      const cost = await measureCpu(bench, async () => {
        latenciesMs = await loop.pace(perSecond, messages);
        return messages * readers;
      });
      const [p50Ms, p99Ms] = [percentile(latenciesMs, 50), percentile(latenciesMs, 99)];
      return { ...cost, p50Ms, p99Ms, busy: (cost.figure * cost.unitsPerSecond) / 10_000 };
    };
    const low = await at(0.3);
    const { busy, turns: _, ...high } = await at(0.8);
    return {
      ...high,
      details: {
        'saturated at messages/s': saturated,
        'p50 ms at 30 %': low.p50Ms,
        'p99 ms at 30 %': low.p99Ms,
        'CPU % at 30 %': low.busy,
        'CPU % at 80 %': busy,
      },
    };
  },
};

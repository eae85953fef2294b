import { connectPeople } from '../load/due.ts';
import { request } from '../load/request.ts';
import { type Batch, people } from '../notices.ts';
import { notifyPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const notices = 600;
const everyMs = 30;

/** One notification each 30 ms for one of 1,000 connected people: how long after it was due they have it. */
export const notifyLight: Scenario = {
  name: 'notify-light',
  unit: 'notice',
  figure: 'µs',
  connections: people + 1,
  peers: notifyPeers,
  budgets: [{ atMost: 50, detail: 'p99 ms' }],
  async run(bench) {
    const count = bench.times(notices);
    const waiting = await connectPeople(bench, people, people);
    const scheduling = await bench.connect('scheduler');
    const dueAt = Date.now() + 3_000;
    const batch: Batch = { type: 'SCHEDULE', first: 0, count, dueAt, everyMs, recipients: 1 };
    await request(bench, scheduling, (mid) => bench.dialect.call(mid, batch as never));
    const before = await bench.sample({ gc: true });
    if (Date.now() > dueAt) throw new Error('scheduling took too long');
    const { latenciesMs } = await bench.profiled(() => waiting.told(count));
    const after = await bench.sample();
    const p99Ms = percentile(latenciesMs, 99);
    return {
      figure: (after.cpuMicros - before.cpuMicros) / count,
      p50Ms: percentile(latenciesMs, 50),
      p99Ms,
      details: { 'p99 ms': p99Ms },
    };
  },
};

import { setTimeout as delay } from 'node:timers/promises';
import { connectPeople } from '../load/due.ts';
import { request } from '../load/request.ts';
import { type Batch, people, recipientsOf } from '../notices.ts';
import { notifyPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const notices = 100_000;
const recipients = 10;
/** For the scheduling of each. */
const eachMs = 0.8;
const MB = 1e6;

/**
 * 100,000 notifications that are due within the same second, each for 10 of 1,000 people on average, who are all connected: a million
 * deliveries. The figure is what a notification costs from when the first is due until the last is there.
 */
export const notifyBurst: Scenario = {
  name: 'notify-burst',
  unit: 'notice',
  figure: 'µs',
  connections: people + 1,
  peers: notifyPeers,
  budgets: [],
  async run(bench) {
    const count = bench.times(notices);
    const waiting = await connectPeople(bench, 20);
    const scheduling = await bench.connect('scheduler');
    const beganAt = Date.now();
    const dueAt = beganAt + 3_000 + count * eachMs;
    const batch: Batch = { type: 'SCHEDULE', first: 0, count, dueAt, everyMs: 1_000 / count, recipients };
    await request(bench, scheduling, (mid) => bench.dialect.call(mid, batch as never));
    const scheduledMs = Date.now() - beganAt;
    if (Date.now() > dueAt) throw new Error(`scheduling took ${scheduledMs} ms`);
    const before = await bench.sample({ gc: true });
    let expected = 0;
    for (let n = 0; n < count; n++) expected += recipientsOf(recipients, n);

    const resident: Promise<number>[] = [];
    const shares = [0.2, 0.4, 0.6, 0.8];
    let sampling = Promise.resolve();
    await delay(dueAt - Date.now());
    const { cpuMicros } = await bench.sample();
    const { latenciesMs, overtaken, overtakenMs } = await bench.profiled(() =>
      waiting.told(expected, (share) => {
        if (share < (shares[resident.length] ?? 2)) return;
        const sampled = sampling.then(async () => (await bench.sample()).rssBytes / MB);
        sampling = sampled.then(() => {});
        resident.push(sampled);
      }),
    );
    const tookMs = Math.max(...latenciesMs);
    const after = await bench.sample();
    const [at20, at40, at60, at80] = await Promise.all(resident);
    return {
      figure: (after.cpuMicros - cpuMicros) / count,
      unitsPerSecond: (count / tookMs) * 1_000,
      p50Ms: percentile(latenciesMs, 50),
      p99Ms: percentile(latenciesMs, 99),
      details: {
        'scheduled/s': (count / scheduledMs) * 1_000,
        'MB before': before.rssBytes / MB,
        'at 20 %': at20 ?? Number.NaN,
        'at 40 %': at40 ?? Number.NaN,
        'at 60 %': at60 ?? Number.NaN,
        'at 80 %': at80 ?? Number.NaN,
        'peak MB': after.peakRssBytes / MB,
        overtaken,
        'by ms at most': overtakenMs,
      },
    };
  },
};

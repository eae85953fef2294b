import { setTimeout as delay } from 'node:timers/promises';
import { connectPeople } from '../load/due.ts';
import { request } from '../load/request.ts';
import { type Batch, dueOf, people, userOf } from '../notices.ts';
import { notifyPeers } from '../peers.ts';
import { percentile } from '../report/statistics.ts';
import type { Scenario } from '../scenario.ts';

const notices = 100_000;
const recipients = 10;
/** For the scheduling of each. */
const eachMs = 0.8;
const MB = 1e6;

/** 100,000 notifications that are due within the same second, each for 10 of 1,000 people on average: a million entries in inboxes. */
function burstScenario(name: string, connected: number): Scenario {
  return {
    name,
    unit: 'notice',
    figure: 'µs',
    connections: connected + 1,
    peers: notifyPeers,
    budgets: [],
    async run(bench) {
      const count = bench.times(notices);
      const waiting = await connectPeople(bench, connected, Math.min(50, connected));
      const scheduling = await bench.connect('scheduler');
      const beganAt = Date.now();
      const dueAt = beganAt + 3_000 + count * eachMs;
      const batch: Batch = { type: 'SCHEDULE', first: 0, count, dueAt, everyMs: 1_000 / count, recipients };
      await request(bench, scheduling, (mid) => bench.dialect.call(mid, batch as never));
      const scheduledMs = Date.now() - beganAt;
      if (Date.now() > dueAt) throw new Error(`scheduling took ${scheduledMs} ms`);
      const before = await bench.sample({ gc: true });
      const here = new Set(Array.from({ length: connected }, (_, i) => userOf(i)));
      let expected = 0;
      for (let i = 0; i < count; i++)
        expected += dueOf(batch, i).users.filter((user) => here.has(user)).length;

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
}

/** They are all there: a million deliveries. The figure is from when the first is due until the last is there. */
export const notifyBurst = burstScenario('notify-burst', people);
/** Nearly all of them are offline, so that memory is what notifications take, and not what connections do. */
export const notifyBurstOffline = burstScenario('notify-burst-offline', 20);

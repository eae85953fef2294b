import type { Sample } from '../control.ts';
import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import type { Scenario } from '../scenario.ts';

const healthy = Array.from({ length: 999 }, (_, i) => `u${i + 1}`);
const ballastBytes = 32 * 1024;
const ticks = 500;

/**
 * A message a tick to 999 users, and a large one to a user of its own, who reads at first and then stops. By the
 * end the large ones come to 16 MiB, far more than the kernel and Callboard's outbox hold for one connection.
 */
export const frozenReader: Scenario = {
  name: 'frozen-reader',
  unit: 'delivery',
  figure: 'µs',
  connections: healthy.length + 2,
  peers: ['ws', 'callboard'],
  budgets: [
    { atMost: 1.2, detail: 'p99 frozen / reading' },
    { atMost: 2, detail: 'held more MiB' },
  ],
  async run(bench) {
    const { dialect } = bench;
    const sender = await bench.connect('sender');
    const slow = await bench.connect('slow');
    const fanOut = createFanOut(bench, {
      sender,
      readers: await bench.connectAll(healthy),
      tick: () => ({
        requests: [
          dialect.send(sender.nextMid(), ['slow'], createAction('BALLAST', ballastBytes)),
          dialect.send(sender.nextMid(), healthy, createAction('BENCH')),
        ],
        deliveries: healthy.length,
      }),
    });

    const reading = await measureFanOut(bench, fanOut, { warmUp: 100, measured: ticks });
    const before = await bench.sample({ gc: true });
    slow.mayClose = true;
    slow.freeze();
    const frozen = await measureFanOut(bench, fanOut, { warmUp: 0, measured: ticks });
    const after = await bench.sample({ gc: true });
    return {
      ...frozen,
      details: {
        'p99 reading ms': reading.p99Ms ?? Number.NaN,
        'p99 frozen / reading': (frozen.p99Ms ?? Number.NaN) / (reading.p99Ms ?? Number.NaN),
        'held more MiB': mebibytesMore(before, after, 'heldBytes'),
        'RSS more MiB': mebibytesMore(before, after, 'rssBytes'),
      },
    };
  },
};

export function mebibytesMore(before: Sample, after: Sample, what: 'heldBytes' | 'rssBytes'): number {
  return (after[what] - before[what]) / 2 ** 20;
}

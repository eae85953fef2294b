import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import { connectReaders, subscribe } from '../load/request.ts';
import type { Scenario } from '../scenario.ts';
import { mebibytesMore } from './frozen-reader.ts';

const healthy = 999;
const ballastBytes = 32 * 1024;
const ticks = 500;

/**
 * `frozen-reader` with channels: a small message a tick for all, and a large one for a reader that stops reading. It
 * has subscribed to both.
 */
export const channelFrozen: Scenario = {
  name: 'channel-frozen',
  unit: 'delivery',
  figure: 'µs',
  connections: healthy + 2,
  budgets: [
    { atMost: 1.2, detail: 'p99 frozen / reading' },
    { atMost: 2, detail: 'held more MiB' },
  ],
  async run(bench) {
    const { dialect } = bench;
    const sender = await bench.connect('sender');
    const slow = await bench.connect('slow');
    await subscribe(bench, slow, ['news', 'ballast']);
    const fanOut = createFanOut(bench, {
      sender,
      readers: await connectReaders(bench, healthy, () => ['news']),
      tick: () => ({
        requests: [
          dialect.publish(sender.nextMid(), 'ballast', createAction('BALLAST', ballastBytes)),
          dialect.publish(sender.nextMid(), 'news', createAction('BENCH')),
        ],
        deliveries: healthy,
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

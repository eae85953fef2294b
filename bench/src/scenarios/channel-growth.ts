import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import { settledRssBytes } from '../load/measure.ts';
import { createRandom } from '../load/random.ts';
import { connectReaders, subscribe } from '../load/request.ts';
import type { Scenario } from '../scenario.ts';

const connections = 1000;
const few = 100;
const perConnection = 100;
const publishesPerTick = 100;

/**
 * Channels with one subscriber and a last value, 100 at first and then 100,000. The same 100 are published into before and
 * after; then any of them, which also shows what memory far from the processor's caches costs.
 */
export const channelGrowth: Scenario = {
  name: 'channel-growth',
  unit: 'delivery',
  figure: 'µs',
  connections: connections + 1,
  budgets: [{ atMost: 1.3, detail: 'µs at 100,000 / at 100' }],
  async run(bench) {
    const many = connections * bench.times(perConnection);
    const random = createRandom(1);
    const sender = await bench.connect('sender');
    const readers = await connectReaders(bench, connections, (i) => (i < few ? [nameOf(i)] : []));
    /** Publishes into the channels that `next` names. */
    const fanOut = (next: () => number) =>
      createFanOut(bench, {
        sender,
        readers,
        tick: () => {
          const action = createAction('BENCH');
          const requests = Array.from({ length: publishesPerTick }, () =>
            bench.dialect.publish(sender.nextMid(), nameOf(next()), action),
          );
          return { requests, deliveries: publishesPerTick };
        },
      });
    const theFew = fanOut(inTurn(0, few));
    const alone = await measureFanOut(bench, theFew, { warmUp: 300, measured: 1000 });

    const before = await settledRssBytes(bench);
    const { heldBytes: heldBefore } = await bench.sample({ gc: true });
    await Promise.all(
      readers.map((reader, i) => {
        const channels = Array.from({ length: many / connections }, (_, k) => i + k * connections);
        return subscribe(bench, reader, channels.filter((channel) => channel >= few).map(nameOf));
      }),
    );
    await fanOut(inTurn(few, many)).run((many - few) / publishesPerTick);
    const after = await settledRssBytes(bench);
    const { heldBytes: heldAfter } = await bench.sample({ gc: true });

    const among = await measureFanOut(bench, fanOut(inTurn(0, few)), { warmUp: 100, measured: 1000 });
    const anywhere = await measureFanOut(
      bench,
      fanOut(() => Math.floor(random() * many)),
      {
        warmUp: 100,
        measured: 1000,
      },
    );
    return {
      ...among,
      details: {
        'µs at 100': alone.figure,
        'µs at 100,000 / at 100': among.figure / alone.figure,
        'anywhere / at 100': anywhere.figure / alone.figure,
        'KB per channel': (after - before) / (many - few) / 1024,
        'held KB per channel': (heldAfter - heldBefore) / (many - few) / 1024,
      },
    };
  },
};

function nameOf(channel: number): string {
  return `state/${channel}`;
}

/** From `first` on, and from there again once `end` is reached. */
function inTurn(first: number, end: number): () => number {
  let next = first;
  return () => {
    const channel = next++;
    if (next === end) next = first;
    return channel;
  };
}

import { createAction } from '../load/dialect.ts';
import { createFanOut, measureFanOut } from '../load/fan-out.ts';
import { createRandom } from '../load/random.ts';
import { connectReaders } from '../load/request.ts';
import type { Scenario } from '../scenario.ts';

const channels = 10_000;
const readersEach = 10;
const connections = 1000;
const publishesPerTick = 100;

/** The channels of a connection: each channel has ten that are neighbours. */
function channelsOf(connection: number): string[] {
  const ofOne = (channels * readersEach) / connections;
  const groups = channels / ofOne;
  const group = Math.floor(connection / readersEach);
  return Array.from({ length: ofOne }, (_, i) => nameOf(group + i * groups));
}

function nameOf(channel: number): string {
  return `chat/${channel}`;
}

/** 10,000 channels with ten readers each; 100 of them, anywhere, are published into in one write. */
export const smallChannels: Scenario = {
  name: 'small-channels',
  unit: 'delivery',
  figure: 'µs',
  connections: connections + 1,
  budgets: [],
  async run(bench) {
    const random = createRandom(1);
    const sender = await bench.connect('sender');
    const fanOut = createFanOut(bench, {
      sender,
      readers: await connectReaders(bench, connections, channelsOf),
      tick: () => {
        const requests = Array.from({ length: publishesPerTick }, () => {
          const channel = nameOf(Math.floor(random() * channels));
          return bench.dialect.publish(sender.nextMid(), channel, createAction('BENCH'));
        });
        return { requests, deliveries: publishesPerTick * readersEach };
      },
    });
    await bench.sample({ gc: true });
    return measureFanOut(bench, fanOut, { warmUp: 60, measured: 300 });
  },
};

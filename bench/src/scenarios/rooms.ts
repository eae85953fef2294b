import type { Connection } from '../load/connection.ts';
import { createAction } from '../load/dialect.ts';
import { createFanOut } from '../load/fan-out.ts';
import { measureCpu } from '../load/measure.ts';
import { createPowerLaw, createRandom } from '../load/random.ts';
import { connectReaders, subscribe, unsubscribe } from '../load/request.ts';
import type { Bench, Scenario } from '../scenario.ts';

const viewers = 1000;
const everything = 'inventory';
/** Between two changes of page by a tenth of the viewers. */
const changesPerVisit = viewers / 10;
const visits = 3;

/** What the viewers got and sent for all changes, and what it cost the server. */
interface Traffic {
  readonly messages: number;
  readonly bytes: number;
  /** CPU µs per change of a product. */
  readonly figure: number;
}

/**
 * A live inventory: changes of products are told to all who are connected, or in a room per product to those who look
 * at it. Viewers and changes are spread over the products by the same power law, and for every change one viewer goes to
 * another page. Bytes are those of the viewers' sockets, both ways, subscribing included.
 */
export const rooms: Scenario = {
  name: 'rooms',
  unit: 'change',
  figure: 'µs',
  connections: viewers + 1,
  budgets: [
    { atMost: 0.08, detail: 'messages, rooms / all' },
    { atMost: 0.25, detail: 'bytes, rooms / all' },
  ],
  async run(bench) {
    const sender = await bench.connect('sender');
    const readers = await connectReaders(bench, viewers, () => [everything]);
    const inventory = { bench, sender, readers };
    // Warms up, too.
    const all = await tellAll(inventory, 1000);
    await Promise.all(readers.map((reader) => unsubscribe(bench, reader, [everything])));
    const ofFew = await tellRooms(inventory, 50);
    const ofMany = await tellRooms(inventory, 1000);
    return {
      figure: ofMany.figure,
      details: {
        'messages, rooms / all': ofMany.messages / all.messages,
        'bytes, rooms / all': ofMany.bytes / all.bytes,
        'CPU, rooms / all': ofMany.figure / all.figure,
        'messages, 50 products': ofFew.messages / all.messages,
        'bytes, 50 products': ofFew.bytes / all.bytes,
      },
    };
  },
};

interface Inventory {
  readonly bench: Bench;
  readonly sender: Connection;
  readonly readers: readonly Connection[];
}

async function tellAll(inventory: Inventory, products: number): Promise<Traffic> {
  const changed = createPowerLaw(products, createRandom(1));
  return traffic(inventory, async (change) => {
    for (let visit = 0; visit < visits; visit++) {
      await change(() => ({ product: changed(), channel: everything, deliveries: viewers }));
    }
  });
}

async function tellRooms(inventory: Inventory, products: number): Promise<Traffic> {
  const { bench, readers } = inventory;
  const random = createRandom(1);
  const [changed, looked] = [createPowerLaw(products, random), createPowerLaw(products, random)];
  const page = readers.map(looked);
  const lookers = new Array<number>(products).fill(0);
  for (const product of page) lookers[product] = (lookers[product] ?? 0) + 1;
  await Promise.all(readers.map((reader, i) => subscribe(bench, reader, [roomOf(page[i] ?? 0)])));

  const changes = bench.times(changesPerVisit);
  const goElsewhere = async (index: number) => {
    const reader = readers[index];
    const [from = 0, to] = [page[index], looked()];
    if (!reader || from === to) return;
    page[index] = to;
    lookers[from] = (lookers[from] ?? 0) - 1;
    lookers[to] = (lookers[to] ?? 0) + 1;
    await unsubscribe(bench, reader, [roomOf(from)]);
    await subscribe(bench, reader, [roomOf(to)]);
  };
  const told = await traffic(inventory, async (change) => {
    for (let visit = 0; visit < visits; visit++) {
      await change(() => {
        const product = changed();
        return { product, channel: roomOf(product), deliveries: lookers[product] ?? 0 };
      });
      await Promise.all(Array.from({ length: changes }, (_, i) => goElsewhere(visit * changes + i)));
    }
  });
  await Promise.all(readers.map((reader, i) => unsubscribe(bench, reader, [roomOf(page[i] ?? 0)])));
  return told;
}

interface Change {
  readonly product: number;
  readonly channel: string;
  readonly deliveries: number;
}

/** Measures `work`, which is given a function that publishes changes one after the other. */
async function traffic(
  { bench, sender, readers }: Inventory,
  work: (change: (next: () => Change) => Promise<void>) => Promise<void>,
): Promise<Traffic> {
  const changes = bench.times(changesPerVisit);
  const bytesBefore = bytesOf(readers);
  let messages = 0;
  const { figure } = await measureCpu(bench, async () => {
    await work(async (next) => {
      const fanOut = createFanOut(bench, {
        sender,
        readers,
        tick: () => {
          const { channel, deliveries, product } = next();
          const action = createAction(`PRODUCT_${product}`);
          return { requests: [bench.dialect.publish(sender.nextMid(), channel, action)], deliveries };
        },
      });
      messages += (await fanOut.run(changes)).deliveries;
    });
    return visits * changes;
  });
  return { messages, bytes: bytesOf(readers) - bytesBefore, figure };
}

function bytesOf(readers: readonly Connection[]): number {
  return readers.reduce((sum, { bytes }) => sum + bytes, 0);
}

function roomOf(product: number): string {
  return `product/${product}`;
}

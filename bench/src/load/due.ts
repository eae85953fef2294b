import { userOf } from '../notices.ts';
import type { Bench } from '../scenario.ts';
import { watchForStall } from './stall.ts';

const marker = Buffer.from('"type":"DUE"');
/** For what should not come any more. */
const afterwardsMs = 500;

export interface Told {
  /** From when it was due until one of the sampled readers had it. */
  readonly latenciesMs: readonly number[];
  /** How often a sampled reader had one that was due before another that it had already, and by how much at the most. */
  readonly overtaken: number;
  readonly overtakenMs: number;
}

/** The first so many people connect, and what is told to them is counted; what it was is looked at for some of them. */
export async function connectPeople({ connectAll, dialect }: Bench, count: number, sampled: number) {
  const readers = await connectAll(Array.from({ length: count }, (_, i) => userOf(i)));
  const every = Math.ceil(count / sampled);
  let deliveries = 0;
  let onDelivery = () => {};
  const latenciesMs: number[] = [];
  let overtaken = 0;
  let overtakenMs = 0;
  for (const [i, reader] of readers.entries()) {
    const had = new Set<number>();
    let last = 0;
    reader.onText = (bytes, start, end) => {
      const frame = bytes.subarray(start, end);
      for (let at = frame.indexOf(marker); at >= 0; at = frame.indexOf(marker, at + 1)) deliveries++;
      if (i % every === 0) {
        const now = performance.timeOrigin + performance.now();
        for (const { n, at } of actionsIn(dialect.delivered(frame.toString('utf8')))) {
          if (had.has(n)) throw new Error(`Reader ${i} was told twice of ${n}`);
          had.add(n);
          latenciesMs.push(now - at);
          if (at < last) overtaken++;
          overtakenMs = Math.max(overtakenMs, last - at);
          last = Math.max(last, at);
        }
      }
      onDelivery();
    };
  }
  return {
    /** Resolves when so many deliveries are there, and no more have come. */
    async told(expected: number, progress: (share: number) => void = () => {}): Promise<Told> {
      const watch = watchForStall(() => `${deliveries} of ${expected} are here`);
      await new Promise<void>((resolve) => {
        onDelivery = () => {
          watch.progress();
          progress(deliveries / expected);
          if (deliveries >= expected) resolve();
        };
      });
      watch.stop();
      await new Promise((resolve) => setTimeout(resolve, afterwardsMs));
      if (deliveries !== expected) throw new Error(`${deliveries} deliveries instead of ${expected}`);
      return { latenciesMs, overtaken, overtakenMs };
    },
  };
}

interface Delivered {
  readonly n: number;
  readonly at: number;
}

/** Callboard tells several in one message. */
function actionsIn(action: object | undefined): readonly Delivered[] {
  if (action === undefined) return [];
  const { items } = action as { readonly items?: readonly { readonly action: Delivered }[] };
  return items?.map((item) => item.action) ?? [action as Delivered];
}

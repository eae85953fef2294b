import { SimulatedClock } from '@callboard/testkit';
import { Feed, type Reader, type Recovery } from '../src/streams/feed.ts';
import type { Draft, Entry, Follow, Page, StreamLog } from '../src/streams/log.ts';
import { MemoryStreamLog } from '../src/streams/memory-log.ts';
import { Pace } from '../src/streams/pace.ts';

export type Item = string;

/** Writes down what it is given: `a@1` for an item, `-2` for what was passed over, `x/1→y/0 epoch` for a gap. */
export class Listener implements Reader<Item> {
  readonly clientId: string;
  readonly heard: string[] = [];
  onDelivery: (item: Item) => void = () => {};

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  deliver(item: Item, offset: number): void {
    this.heard.push(`${item}@${offset}`);
    this.onDelivery(item);
  }

  skip(offset: number): void {
    this.heard.push(`-${offset}`);
  }

  gap({ from, to, reason }: Parameters<Reader<Item>['gap']>[0]): void {
    this.heard.push(`${from.epoch}/${from.offset}→${to.epoch}/${to.offset} ${reason}`);
  }

  /** For `recover`: as a connection does, which sends what was missed and then what comes. */
  readonly begin = ({ missed, position }: Recovery<Item>): void => {
    for (const each of missed) {
      if ('gap' in each) this.gap(each.gap);
      else this.deliver(each.item, each.offset);
    }
    this.heard.push(`live at ${position.epoch}/${position.offset}`);
  };
}

/** A log that tells nothing and answers nothing until the test says so. */
export class HandLog implements StreamLog {
  entries: Entry[] = [];
  epoch = 'x';
  /** The oldest entry that is not evicted. */
  oldest = 1;
  follow: Follow = () => {};
  readonly #reads: { answer(): void; fail(): void }[] = [];

  open(_stream: string, follow: Follow): Promise<{ epoch: string; offset: number }> {
    this.follow = follow;
    return Promise.resolve({ epoch: this.epoch, offset: this.entries.length });
  }

  release(): void {}

  /** Holds `bodies` from now on, and nobody has heard of it. */
  hold(...bodies: string[]): void {
    for (const body of bodies) this.entries.push({ offset: this.entries.length + 1, body });
  }

  /** Begins anew. */
  lose(epoch: string): void {
    this.epoch = epoch;
    this.entries = [];
    this.oldest = 1;
  }

  /** The feed hears of an entry. */
  tell(offset: number): void {
    this.follow(this.entries[offset - 1] as Entry, this.epoch);
  }

  append(): undefined {}

  position(): undefined {}

  /** Shows what is held now; the answer waits for `answer`. */
  read(_stream: string, after: { epoch: string; offset: number }, maxEntries: number): Promise<Page> {
    const first = Math.max(this.oldest, after.epoch === this.epoch ? after.offset + 1 : 1);
    const entries = this.entries.slice(first - 1, first - 1 + maxEntries);
    const page = { epoch: this.epoch, head: this.entries.length, entries };
    return new Promise((resolve, reject) => {
      this.#reads.push({ answer: () => resolve(page), fail: () => reject(new Error('no')) });
    });
  }

  get reads(): number {
    return this.#reads.length;
  }

  async answer(what: 'answer' | 'fail' = 'answer', which = 0): Promise<void> {
    this.#reads.splice(which, 1)[0]?.[what]();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function openInMemory(maxEntries = 100) {
  const clock = new SimulatedClock();
  const log = new MemoryStreamLog(clock, { maxEntries, maxLength: 10_000, ttlMs: 10_000 });
  const made: string[] = [];
  const feed = Feed.open(
    's',
    log,
    clock,
    ({ body }) => {
      made.push(body);
      return body;
    },
    new Pace(clock),
  ) as Feed<Item>;
  const append = (...drafts: (string | Draft)[]) => {
    for (const draft of drafts) log.append('s', typeof draft === 'string' ? { body: draft } : draft);
  };
  return { feed, append, made, clock, epoch: feed.position.epoch };
}

export async function openByHand(...bodies: string[]) {
  const clock = new SimulatedClock();
  const log = new HandLog();
  log.hold(...bodies);
  const feed = await Feed.open('s', log, clock, ({ body }) => body, new Pace(clock));
  return { clock, log, feed };
}

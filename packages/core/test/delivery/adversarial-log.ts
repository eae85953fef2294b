import type { Awaitable } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import {
  type Appended,
  AppendRefused,
  type Draft,
  type Entry,
  type Follow,
  type Page,
  type Retention,
  type StreamLog,
} from '../../src/streams/log.ts';
import { MemoryStreamLog } from '../../src/streams/memory-log.ts';

type Position = { readonly epoch: string; readonly offset: number };
/** `luck` is 0–15; the more, the worse it ends. */
type Step = (luck: number) => void;

/** What the log really held, whatever anybody was told. One stream. */
export class Truth {
  readonly #epochs: { readonly epoch: string; readonly entries: Entry[] }[] = [];

  begin(epoch: string): void {
    this.#epochs.push({ epoch, entries: [] });
  }

  took(epoch: string, entry: Entry): void {
    this.entries(epoch).push(entry);
  }

  /** The nth epoch, from 0; -1 for one that never was. */
  order(epoch: string): number {
    return this.#epochs.findIndex((each) => each.epoch === epoch);
  }

  get current(): string {
    return this.#epochs.at(-1)?.epoch ?? '';
  }

  entries(epoch: string): Entry[] {
    return this.#epochs.find((each) => each.epoch === epoch)?.entries ?? [];
  }

  all(): Entry[] {
    return this.#epochs.flatMap((each) => each.entries);
  }
}

/**
 * A log as bad as the port allows. Each call, each answer and each notification is a step that waits until the
 * script picks it, in any order: so appends take effect in another order than they were called in, fail before or
 * after that, or take effect after they have failed; reads show what was, late, or fail; entries are followed late,
 * out of order and twice. Entries are evicted and the whole stream is lost whenever the script says so.
 * A `prompt` one answers at once, as the log in memory does.
 */
export class AdversarialLog implements StreamLog {
  readonly truth = new Truth();
  readonly #prompt: boolean;
  readonly #time = new SimulatedClock();
  readonly #inner: MemoryStreamLog;
  readonly #steps: Step[] = [];
  #pinned: { readonly stream: string; readonly follow: Follow } | undefined;

  constructor(prompt: boolean, retention: Retention) {
    this.#prompt = prompt;
    this.#inner = new MemoryStreamLog(this.#time, retention);
  }

  get waiting(): number {
    return this.#steps.length;
  }

  /** Runs one of the steps that wait. */
  step(pick: number, luck: number): void {
    const [step] = this.#steps.splice(pick % Math.max(1, this.#steps.length), 1);
    step?.(luck);
  }

  /** Time passes for the entries. */
  age(ms: number): void {
    this.#time.advance(ms);
  }

  /** The stream's state is lost, and it begins anew. Whether it could be. */
  lose(): boolean {
    if (this.#prompt || this.#pinned === undefined) return false;
    this.#inner.release(this.#pinned.stream);
    this.#begin();
    return true;
  }

  /** The oldest entry of an epoch that can still be read; infinite where that is over. */
  oldest(epoch: string): number {
    const page = this.#pinned && this.#inner.read(this.#pinned.stream, { epoch: '', offset: 0 }, 1);
    if (page?.epoch !== epoch) return Number.POSITIVE_INFINITY;
    return page.entries[0]?.offset ?? page.head + 1;
  }

  open(stream: string, follow: Follow): Awaitable<Position> {
    return this.#answer(() => {
      this.#pinned = { stream, follow };
      return this.#begin();
    });
  }

  release(stream: string): Awaitable<void> {
    return this.#answer(() => {
      this.#pinned = undefined;
      this.#inner.release(stream);
    });
  }

  append(stream: string, draft: Draft): Awaitable<Appended | undefined> {
    const take = () => this.#inner.append(stream, draft);
    if (this.#prompt) return take();
    return new Promise((resolve, reject) => {
      this.#steps.push((luck) => {
        if (luck >= 10 && luck <= 12) return reject(new AppendRefused('refused'));
        if (luck === 13) return reject(new Error('lost before it took effect'));
        if (luck === 14) this.#steps.push(take);
        if (luck === 14) return reject(new Error('took effect after it was given up'));
        const position = take();
        if (luck === 15) return reject(new Error('took effect, and then the answer was lost'));
        this.#steps.push(() => resolve(position));
      });
    });
  }

  read(stream: string, after: Position, maxEntries: number): Awaitable<Page | undefined> {
    // Pages are short, so that readers need several.
    return this.#answer(() => this.#inner.read(stream, after, Math.min(maxEntries, 3)), 13);
  }

  position(stream: string): Awaitable<Position | undefined> {
    return this.#answer(() => this.#inner.position(stream));
  }

  #answer<T>(effect: () => T, failsFrom = 16): Awaitable<T> {
    if (this.#prompt) return effect();
    return new Promise((resolve, reject) => {
      this.#steps.push((luck) => {
        if (luck >= failsFrom) return reject(new Error('failed'));
        const result = effect();
        this.#steps.push(() => resolve(result));
      });
    });
  }

  #begin(): Position {
    const { stream, follow } = this.#pinned as { stream: string; follow: Follow };
    const position = this.#inner.open(stream, (entry, epoch) => {
      this.truth.took(epoch, entry);
      if (this.#prompt) return follow(entry, epoch);
      const notify: Step = (luck) => {
        if (luck >= 13) this.#steps.push(notify);
        follow(entry, epoch);
      };
      this.#steps.push(notify);
    });
    this.truth.begin(position.epoch);
    return position;
  }
}

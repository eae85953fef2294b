import { type LevelTrie, within } from '@callboard/protocol';
import type { ServerClient } from '../client.ts';
import type { Rounds } from '../rounds.ts';
import { isFor } from '../streams/recovery.ts';
import { type Channel, type Last, serialNow } from './channel.ts';
import type { Pattern } from './pattern.ts';
import type { FilterSubscription } from './subscriptions.ts';

/** Who is sent last values. */
export interface LastValueTaker {
  readonly open: boolean;
  readonly congested: boolean;
  /** Then `LastValues.relieved` is called. */
  awaitRelief(): void;
  /** @param filter the one by which the client reads the channel. */
  lastValue(channel: Channel, last: Last, filter: string): void;
}

/** Places in the trie that are looked at in one step. */
const STRIDE = 32;

/** A filter that the client reads by, for as long as the request of this `mid` is what it reads by. */
interface Wanted {
  readonly pattern: Pattern;
  readonly mid: number;
}

/** Filters that a client has begun to read by, together. */
interface Batch {
  readonly wanted: readonly Wanted[];
  /** Of the first of them that is not done: the channels that it has not been sent. */
  channels: Generator<Channel | undefined, void, void> | undefined;
  /** Of the first that is not done. */
  at: number;
  /** What was made after this came live. */
  readonly since: number;
}

/** Sends a connection the last values of channels that the client reads through filters, as it takes them. */
export class LastValues {
  readonly #client: ServerClient;
  readonly #link: LastValueTaker;
  readonly #retaining: LevelTrie<Channel>;
  readonly #rounds: Rounds;
  readonly #batches: Batch[] = [];
  /** What it waits for, while something is to be sent. */
  #awaits: 'turn' | 'relief' | undefined;

  constructor(client: ServerClient, link: LastValueTaker, retaining: LevelTrie<Channel>, rounds: Rounds) {
    this.#client = client;
    this.#link = link;
    this.#retaining = retaining;
    this.#rounds = rounds;
  }

  /** From now on, of all channels that one of these filters fits. */
  add(filters: Iterable<FilterSubscription>): void {
    const wanted = Array.from(filters, ({ right: { pattern }, mid }) => ({ pattern, mid }));
    this.#batches.push({ wanted, channels: undefined, at: 0, since: serialNow() });
    if (this.#awaits === undefined) this.#begin();
  }

  /** The connection takes more. */
  relieved(): void {
    if (this.#awaits === 'relief') this.#begin();
  }

  #begin(): void {
    this.#awaits = 'turn';
    if (this.#step()) this.#rounds.add(this.#step);
  }

  /** Says whether to go on when its turn comes. */
  readonly #step = (): boolean => {
    this.#awaits = undefined;
    for (let looked = 0; looked < STRIDE; looked++) {
      const [batch] = this.#batches;
      if (batch === undefined || !this.#link.open) return false;
      if (this.#link.congested) {
        this.#awaits = 'relief';
        this.#link.awaitRelief();
        return false;
      }
      this.#look(batch);
    }
    this.#awaits = 'turn';
    return true;
  };

  /** At the next place, or at what comes after the last one. */
  #look(batch: Batch): void {
    const wanted = batch.wanted[batch.at];
    if (wanted === undefined) return void this.#batches.shift();
    batch.channels ??= within(this.#retaining, wanted.pattern.levels);
    const { done, value } = this.#reads(wanted) ? batch.channels.next() : over;
    if (value !== undefined) this.#send(value, batch);
    if (done !== true) return;
    batch.channels = undefined;
    batch.at++;
  }

  /** It may have gone, and come again: that is another batch then. */
  #reads({ pattern, mid }: Wanted): boolean {
    return this.#client.filters?.get(pattern.text)?.mid === mid;
  }

  #send(channel: Channel, { wanted, at, since }: Batch): void {
    const { last, levels } = channel;
    if (last === undefined || last.serial > since) return;
    if (!isFor(last.entry, { clientId: this.#client.id })) return;
    // Once, by the first that fits.
    for (let i = 0; i < at; i++) {
      const before = wanted[i] as Wanted;
      if (before.pattern.matches(levels) && this.#reads(before)) return;
    }
    if (this.#client.readsThroughFilter(channel))
      this.#link.lastValue(channel, last, (wanted[at] as Wanted).pattern.text);
  }
}

const over = { done: true, value: undefined } as const;

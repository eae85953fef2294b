import { type LevelTrie, within } from '@callboard/protocol';
import type { ServerClient } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { Link } from '../link.ts';
import { isFor } from '../streams/recovery.ts';
import { type Channel, serialNow } from './channel.ts';
import { Pattern } from './pattern.ts';

/** Channels looked at before the event loop gets its turn. */
const SLICE = 250;

/** Filters that a client has begun to read by, together. */
interface Batch {
  readonly patterns: readonly Pattern[];
  /** Of the first of them that is not done: the channels that it has not been sent. */
  channels: Generator<Channel, void, void> | undefined;
  /** Of the first that is not done. */
  at: number;
  /** What was made after this came live. */
  readonly since: number;
}

/** Sends a connection the last values of channels that the client reads through filters, as it takes them. */
export class LastValues {
  readonly #client: ServerClient;
  readonly #link: Link;
  readonly #retaining: LevelTrie<Channel>;
  readonly #clock: Clock;
  readonly #batches: Batch[] = [];
  /** What it waits for, while something is to be sent. */
  #awaits: 'turn' | 'relief' | undefined;

  constructor(client: ServerClient, link: Link, retaining: LevelTrie<Channel>, clock: Clock) {
    this.#client = client;
    this.#link = link;
    this.#retaining = retaining;
    this.#clock = clock;
  }

  /** From now on, of all channels that one of these filters fits. */
  add(filters: readonly string[]): void {
    const patterns = filters.map((filter) => new Pattern(filter));
    this.#batches.push({ patterns, channels: undefined, at: 0, since: serialNow() });
    if (this.#awaits === undefined) this.#goOn();
  }

  /** The connection takes more. */
  relieved(): void {
    if (this.#awaits === 'relief') this.#goOn();
  }

  readonly #goOn = (): void => {
    this.#awaits = undefined;
    for (let looked = 0; looked < SLICE; looked++) {
      const [batch] = this.#batches;
      if (batch === undefined || !this.#link.open) return;
      if (this.#link.congested) {
        this.#awaits = 'relief';
        return this.#link.awaitRelief();
      }
      const channel = this.#next(batch);
      if (channel === undefined) this.#batches.shift();
      else this.#send(channel, batch);
    }
    this.#awaits = 'turn';
    this.#clock.endOfTurn(this.#goOn);
  };

  #next(batch: Batch): Channel | undefined {
    for (;;) {
      const pattern = batch.patterns[batch.at];
      if (pattern === undefined) return undefined;
      batch.channels ??= within(this.#retaining, pattern.levels);
      const { value } = batch.channels.next();
      if (value !== undefined) return value;
      batch.channels = undefined;
      batch.at++;
    }
  }

  #send(channel: Channel, { patterns, at, since }: Batch): void {
    const { last } = channel;
    if (last === undefined || last.serial > since) return;
    if (!isFor(last.entry, { clientId: this.#client.id })) return;
    // Once, by the first that fits.
    if (patterns.slice(0, at).some((pattern) => pattern.matches(channel.levels))) return;
    if (this.#client.readsThroughFilter(channel)) this.#link.send(channel.retained(last));
  }
}

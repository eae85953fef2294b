import type { Clock, Server } from '@callboard/core';
import type { Logger } from '@callboard/runtime';
import { Batches } from './batches.ts';
import { streamOf } from './contract.ts';
import type { Roster } from './roster.ts';

export interface TellingParts {
  readonly server: Server;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly batchMs: number;
  /** All that has changed in it is told. */
  settled(roster: Roster): void;
}

/** Counts alone are told less often: there they change all the time. */
const COUNTS_MS = 1_000;

/** Tells those who watch, batch by batch, in the order in which things happened. */
export class Telling {
  /** Batches that there have been, told or not. */
  batches = 0;
  readonly #parts: TellingParts;
  readonly #lists: Batches<Roster>;
  readonly #counts: Batches<Roster>;
  /** What is told of these is not stored yet; true where something has changed since. */
  readonly #busy = new Map<Roster, boolean>();

  constructor(parts: TellingParts) {
    const { clock, batchMs } = parts;
    const tell = (roster: Roster) => this.#tell(roster);
    this.#parts = parts;
    this.#lists = new Batches(clock, batchMs, tell);
    this.#counts = new Batches(clock, Math.max(batchMs, COUNTS_MS), tell);
  }

  add(roster: Roster): void {
    if (this.#busy.has(roster)) this.#busy.set(roster, true);
    else (roster.counts.listed ? this.#lists : this.#counts).add(roster);
  }

  clear(): void {
    this.#lists.clear();
    this.#counts.clear();
  }

  #tell(roster: Roster): void {
    const { server, logger } = this.#parts;
    const batch = roster.batch();
    if (batch !== undefined) this.batches++;
    if (batch === undefined || roster.watchers.size === 0) {
      if (roster.hasChanged) this.add(roster);
      return this.#parts.settled(roster);
    }
    this.#busy.set(roster, false);
    const stored = () => {
      const changed = this.#busy.get(roster);
      this.#busy.delete(roster);
      if (changed || roster.hasChanged) this.add(roster);
      else this.#parts.settled(roster);
    };
    server.publish(streamOf(roster.channel), batch).then(stored, (cause) => {
      logger.error('presence was not told', { channel: roster.channel, cause });
      stored();
      // Whoever gets the next one sees that one is missing, and asks.
      roster.resync = true;
      this.#counts.add(roster);
    });
  }
}

import assert from 'node:assert/strict';
import type { Gap, Publication } from '../../../src/api.ts';
import { channels, fits } from './service.ts';
import { look, type Witness, type WitnessParts } from './witness.ts';

export interface FilterParts extends WitnessParts {
  /** Whether the filter lets the user read the channel. */
  readonly covers: (channel: string) => boolean;
}

/** Of a filter: each at most once, in the order of its channel; within a connection all of them, or a gap. */
export class FilterWitness implements Witness {
  readonly #parts: FilterParts;
  readonly #heard = new Set<string>();
  /** The last that came of each channel, as its place among all of it. */
  readonly #last = new Map<string, number>();
  /** By channel: all that is behind this place must come. */
  readonly #all = new Map<string, number>();
  /** The server sends it, on this connection. */
  #isIn = false;

  constructor(parts: FilterParts) {
    this.#parts = parts;
  }

  connected(): void {
    this.#isIn = false;
    this.#all.clear();
  }

  lost(): void {
    this.#isIn = false;
    this.#all.clear();
  }

  begins(at: unknown): void {
    assert.equal(at, undefined, 'a filter has no position');
  }

  joined(): void {
    this.#isIn = true;
    for (const channel of channels) this.allows(channel);
  }

  ended(): void {
    this.#isIn = false;
    this.#all.clear();
  }

  /** From now on all of it must come that the server takes. */
  allows(channel: string): void {
    const { log, covers } = this.#parts;
    if (this.#isIn && covers(channel) && !this.#all.has(channel))
      this.#all.set(channel, log.all(channel).length);
  }

  /** The right to the channel is changing. */
  changes(channel: string): void {
    this.#all.delete(channel);
  }

  publication(publication: Publication): void {
    const { name, log, clientId, tally } = this.#parts;
    const { channel, retained } = publication;
    assert.ok(fits(name, channel), `${name} does not fit ${channel}`);
    const { data, place } = look(this.#parts, publication);
    const last = this.#last.get(channel) ?? 0;
    const told = `${clientId()} had ${data.id} of ${channel} after ${log.all(channel)[last - 1]?.data.id} by ${name}`;
    if (retained) return assert.ok(place >= last, told);
    assert.ok(!this.#heard.has(data.id), `${told} again`);
    assert.ok(place > last, told);
    this.#heard.add(data.id);
    this.#last.set(channel, place);
    this.#nothingMissed(channel, place - 1);
    tally.count('filtered');
    this.#reaches(channel, place);
  }

  gap({ stream, from, to }: Gap): void {
    const { name, log } = this.#parts;
    assert.ok(fits(name, stream));
    this.#nothingMissed(stream, log.placeOf(stream, from));
    this.#reaches(stream, log.placeOf(stream, to));
  }

  atHead(): void {
    for (const channel of this.#all.keys()) this.#nothingMissed(channel, Number.POSITIVE_INFINITY);
  }

  has(channel: string, id: string): void {
    const { covers, name, clientId } = this.#parts;
    if (covers(channel)) assert.ok(this.#heard.has(id), `${clientId()} did not get ${id} by ${name}`);
  }

  #reaches(channel: string, place: number): void {
    const all = this.#all.get(channel);
    if (all !== undefined) this.#all.set(channel, Math.max(all, place));
  }

  #nothingMissed(channel: string, upTo: number): void {
    const { log, name, clientId } = this.#parts;
    const after = this.#all.get(channel);
    const missed = after !== undefined && log.between(channel, after, clientId(), upTo);
    assert.ok(!missed, `${clientId()} missed this by ${name} without being told: ${JSON.stringify(missed)}`);
  }
}

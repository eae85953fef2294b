import assert from 'node:assert/strict';
import type { Position } from '@callboard/protocol';
import { type Gap, isFor } from '../../src/streams/recovery.ts';
import type { AdversarialLog } from './adversarial-log.ts';

/**
 * Holds one reader's side of the promise against what the log really held: each entry that was meant for it came
 * once and in order, or lies in a gap that it was told of; and no gap was said to be larger than it was.
 */
export class Account {
  readonly #log: AdversarialLog;
  #clientId: string;
  #at: Position;

  constructor(log: AdversarialLog, clientId: string, at: Position) {
    this.#log = log;
    this.#clientId = clientId;
    this.#at = at;
  }

  get position(): Position {
    return this.#at;
  }

  /** The reader is another client from here on. */
  rename(clientId: string): void {
    this.#clientId = clientId;
  }

  message(offset: number, body: string): void {
    const { epoch } = this.#at;
    assert.ok(offset > this.#at.offset, `twice or out of order: ${offset} after ${this.#at.offset}`);
    this.#nothingMeantUpTo(offset - 1);
    const entry = this.#log.truth.entries(epoch)[offset - 1];
    assert.equal(body, entry?.body, `another entry than ${epoch}/${offset}`);
    assert.ok(entry && isFor(entry, { clientId: this.#clientId }), 'not meant for this reader');
    this.#at = { epoch, offset };
  }

  /** A position that was announced: there was nothing meant for the reader up to it. */
  announced(offset: number): void {
    if (offset <= this.#at.offset) return;
    this.#nothingMeantUpTo(offset);
    assert.ok(offset <= this.#log.truth.entries(this.#at.epoch).length, 'announced what never was');
    this.#at = { epoch: this.#at.epoch, offset };
  }

  gap({ from, to, reason }: Omit<Gap, 'stream'>): void {
    const { truth } = this.#log;
    assert.equal(from.epoch, this.#at.epoch, 'the gap begins in another epoch');
    assert.ok(from.offset >= this.#at.offset, 'the gap covers what was received');
    this.#nothingMeantUpTo(from.offset);
    if (reason === 'session') {
      assert.ok(truth.order(to.epoch) >= truth.order(from.epoch), 'the gap goes back');
    } else {
      if (reason === 'epoch') assert.ok(truth.order(to.epoch) > truth.order(from.epoch), 'not a later epoch');
      else assert.equal(to.epoch, from.epoch, 'evicted, but another epoch');
      if (reason === 'evicted') assert.ok(to.offset > from.offset, 'the gap is empty or goes back');
      assert.ok(to.offset < this.#log.oldest(to.epoch), 'the gap covers what is there');
    }
    this.#at = to;
  }

  /** Nothing that was meant for the reader is still to come. */
  atHead(): void {
    const { truth } = this.#log;
    assert.equal(this.#at.epoch, truth.current, 'the reader is left in an epoch that has ended');
    this.#nothingMeantUpTo(truth.entries(truth.current).length);
  }

  #nothingMeantUpTo(offset: number): void {
    const { epoch, offset: at } = this.#at;
    for (const entry of this.#log.truth.entries(epoch).slice(at, offset)) {
      const meant = isFor(entry, { clientId: this.#clientId });
      assert.ok(!meant, `${this.#clientId} at ${epoch}/${at} missed ${entry.offset} without being told`);
    }
  }
}

import { createHash } from 'node:crypto';
import type { Clock } from '@callboard/core';

/** How many are remembered, and for how long. */
const MAX = 1_000;
const TTL_MS = 30_000;

/**
 * What was just sent and will come back, as 3.1.1 sends a publication to all who subscribed, its publisher among them. Topic and
 * payload are all that tells it: within 30 seconds the first that looks the same is taken for it.
 */
export class Echoes {
  readonly #clock: Clock;
  /** How often and until when, the oldest first. */
  readonly #expected = new Map<string, { times: number; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  expect(topic: string, payload: Uint8Array): void {
    const key = keyOf(topic, payload);
    const times = (this.#current(key)?.times ?? 0) + 1;
    this.#expected.delete(key);
    this.#expected.set(key, { times, until: this.#clock.now() + TTL_MS });
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > MAX && oldest !== undefined) this.#expected.delete(oldest);
  }

  /** Whether this is one that is expected; then it is not any more. */
  takes(topic: string, payload: Uint8Array): boolean {
    if (this.#expected.size === 0) return false;
    const key = keyOf(topic, payload);
    const expected = this.#current(key);
    if (expected === undefined) return false;
    if (--expected.times === 0) this.#expected.delete(key);
    return true;
  }

  #current(key: string) {
    const expected = this.#expected.get(key);
    if (expected === undefined || expected.until > this.#clock.now()) return expected;
    this.#expected.delete(key);
    return undefined;
  }
}

function keyOf(topic: string, payload: Uint8Array): string {
  return `${createHash('sha1').update(payload).digest('base64')} ${topic}`;
}

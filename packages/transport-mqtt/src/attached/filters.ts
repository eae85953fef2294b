import { fits } from '../topics.ts';
import type { BridgedTopics, BrokerSettings } from './options.ts';

/** One subscription at the broker. */
export interface Asked {
  readonly topic: string;
  /** Its subscription identifier, where the broker takes them. */
  readonly id: number;
  /** Not what this node sends itself; a protocol error with a shared subscription [MQTT-3.8.3-4]. */
  readonly noLocal: boolean;
  /** Of retained messages alone, as shared subscriptions bring none (section 4.8.2): until they have come. */
  readonly once: boolean;
}

/** Which topics go which way, and what to subscribe to for that. */
export class Filters {
  readonly asked: readonly Asked[];
  readonly #in: readonly string[];
  readonly #out: readonly string[];

  /** @param patterns those of the channel policies. */
  constructor({ topics, group, availability }: BrokerSettings, patterns: readonly string[]) {
    const bridged = topics ?? patterns.map((filter): BridgedTopics => ({ filter, direction: 'both' }));
    const going = (way: 'in' | 'out') =>
      bridged
        .filter(({ direction }) => direction === way || direction === 'both')
        .map(({ filter }) => filter);
    this.#in = [...new Set(going('in'))];
    this.#out = going('out');
    const shared = group !== undefined;
    const apart = availability
      .map(({ topic }) => topic)
      .filter((topic, i, all) => all.indexOf(topic) === i && (shared || !this.#in.includes(topic)));
    const plain = [...this.#in, ...apart].map((topic) => ({ topic, noLocal: true, once: false }));
    const all = shared
      ? [
          ...this.#in.map((filter) => ({ topic: `$share/${group}/${filter}`, noLocal: false, once: false })),
          ...plain.map((each, i) => ({ ...each, once: i < this.#in.length })),
        ]
      : plain;
    this.asked = all.map((each, i) => ({ ...each, id: i + 1 }));
  }

  /** Whether it comes back where nothing prevents that. */
  bringsIn(topic: string): boolean {
    return this.#in.some((filter) => fits(topic, filter));
  }

  takesOut(topic: string): boolean {
    return this.#out.some((filter) => fits(topic, filter));
  }

  /**
   * Whether a message is for its channel. A broker may send one to each subscription that fits [MQTT-3.3.4-2]: it is taken once, by
   * the first of them.
   * @param ids of the subscriptions; undefined where the broker does not say.
   */
  take(topic: string, retained: boolean, ids: readonly number[] | undefined): boolean {
    const first = this.#in.findIndex((filter) => fits(topic, filter));
    if (first < 0) return false;
    if (ids === undefined || ids.includes(first + 1)) return true;
    return retained && this.asked.some(({ id, once }) => once && ids.includes(id));
  }
}

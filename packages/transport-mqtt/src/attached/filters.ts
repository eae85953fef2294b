import { Pattern } from '@callboard/core';
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
  readonly #in: readonly Pattern[];
  readonly #out: readonly Pattern[];

  /** @param patterns those of the channel policies. */
  constructor({ topics, group, availability }: BrokerSettings, patterns: readonly string[]) {
    const bridged = topics ?? patterns.map((filter): BridgedTopics => ({ filter, direction: 'both' }));
    const going = (way: 'in' | 'out') =>
      uncovered(bridged.filter(({ direction }) => direction !== opposite[way]).map(({ filter }) => filter));
    this.#in = going('in');
    this.#out = going('out');
    const shared = group !== undefined;
    // To every node, and to this one anyway where its own filters cover it.
    const apart = uncovered(availability.map(({ topic }) => topic)).filter(
      (pattern) => shared || !this.#in.some((each) => each.covers(pattern)),
    );
    const kind = (filters: readonly Pattern[], first: number, fields: Pick<Asked, 'noLocal' | 'once'>) =>
      filters.map(({ text }, i) => ({ topic: text, id: first + i, ...fields }));
    const channels = { noLocal: !shared, once: false };
    this.asked = [
      ...kind(this.#in, CHANNELS, channels).map((each) =>
        shared ? { ...each, topic: `$share/${group}/${each.topic}` } : each,
      ),
      ...kind(apart, AVAILABILITY, { noLocal: true, once: false }),
      ...(shared ? kind(this.#in, RETAINED, { noLocal: true, once: true }) : []),
    ];
  }

  /** Whether it comes back where nothing prevents that. */
  bringsIn(topic: string): boolean {
    return fitting(this.#in, topic) >= 0;
  }

  takesOut(topic: string): boolean {
    return fitting(this.#out, topic) >= 0;
  }

  /**
   * Whether a message is for its channel. A broker may send one to each subscription that fits [MQTT-3.3.4-2]: it is taken once, by
   * the first of them.
   * @param ids of the subscriptions; undefined where the broker does not say.
   */
  take(topic: string, retained: boolean, ids: readonly number[] | undefined): boolean {
    const first = fitting(this.#in, topic);
    if (first < 0) return false;
    if (ids === undefined || ids.includes(CHANNELS + first)) return true;
    return retained && ids.includes(RETAINED + first);
  }
}

/** The first subscription identifier of each kind. */
const CHANNELS = 1;
const RETAINED = 100_001;
const AVAILABILITY = 200_001;

const opposite = { in: 'out', out: 'in' } as const;

function fitting(patterns: readonly Pattern[], topic: string): number {
  const levels = topic.split('/');
  return patterns.findIndex((pattern) => pattern.matches(levels));
}

/** Each once, without those that another one covers. */
function uncovered(filters: readonly string[]): Pattern[] {
  const patterns = [...new Set(filters)].map((text) => new Pattern(text));
  // `#` and `+/#` cover each other: the first stays.
  return patterns.filter(
    (pattern, at) =>
      !patterns.some((other, i) => i !== at && other.covers(pattern) && (i < at || !pattern.covers(other))),
  );
}

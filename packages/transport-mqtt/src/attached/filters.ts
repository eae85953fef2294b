import { Pattern } from '@callboard/core';
import type { BridgedTopics, BrokerSettings } from './options.ts';

/** One subscription at the broker. */
export interface Asked {
  readonly topic: string;
  /** Its subscription identifier, where the broker takes them. */
  readonly id: number;
  /** Not what this node sends itself; a protocol error with a shared subscription [MQTT-3.8.3-4]. */
  readonly noLocal: boolean;
  /** Whether it is for what the broker keeps. */
  readonly kept: 'too' | 'alone' | 'not';
}

/** What is asked for with a new connection, and when the broker has said what it keeps. */
export interface Plan {
  readonly atFirst: readonly Asked[];
  readonly later: readonly Asked[];
  /** Topics whose subscription ends then. */
  readonly left: readonly string[];
}

/** Which topics go which way, and what to subscribe to for that. */
export class Filters {
  readonly #in: readonly Pattern[];
  readonly #out: readonly Pattern[];
  readonly #apart: readonly Pattern[];
  readonly #group: string | undefined;

  /** @param patterns those of the channel policies. */
  constructor({ topics, group, availability }: BrokerSettings, patterns: readonly string[]) {
    const bridged = topics ?? patterns.map((filter): BridgedTopics => ({ filter, direction: 'both' }));
    const going = (way: 'in' | 'out') =>
      uncovered(bridged.filter(({ direction }) => direction !== opposite[way]).map(({ filter }) => filter));
    this.#in = going('in');
    this.#out = going('out');
    this.#group = group;
    // To every node, and to this one anyway where its own filters cover it.
    this.#apart = uncovered(availability.map(({ topic }) => topic)).filter(
      (pattern) => group !== undefined || !this.#in.some((each) => each.covers(pattern)),
    );
  }

  /**
   * RETAIN is as it was published (section 3.8.3.1), so that channels know what the broker keeps. That what has it was kept already is told by a
   * subscription of its own: one of the same topic takes its place [MQTT-3.8.4-3], or stands beside it where that is shared, as it brings
   * nothing that is kept (section 4.8.2).
   * @param identified whether the broker says by which subscription a message comes.
   */
  plan(identified: boolean): Plan {
    const group = this.#group;
    const ask = (filters: readonly Pattern[], first: number, fields: Pick<Asked, 'noLocal' | 'kept'>) =>
      filters.map(({ text }, i) => ({ topic: text, id: first + i, ...fields }));
    const apart = ask(this.#apart, AVAILABILITY, { noLocal: true, kept: 'too' });
    if (group !== undefined) {
      const shared = ask(this.#in, CHANNELS, { noLocal: false, kept: 'not' }).map((each) => ({
        ...each,
        topic: `$share/${group}/${each.topic}`,
      }));
      // Without identifiers nothing would tell what it brings from what comes by the group.
      const kept = identified ? ask(this.#in, KEPT, { noLocal: true, kept: 'alone' }) : [];
      return { atFirst: [...shared, ...apart, ...kept], later: [], left: kept.map(({ topic }) => topic) };
    }
    const own = ask(this.#in, CHANNELS, { noLocal: true, kept: identified ? 'not' : 'too' });
    if (!identified) return { atFirst: [...own, ...apart], later: [], left: [] };
    const kept = ask(this.#in, KEPT, { noLocal: true, kept: 'too' });
    return { atFirst: [...kept, ...apart], later: own, left: [] };
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
    return (retained || this.#group === undefined) && ids.includes(KEPT + first);
  }

  /** Whether what has the flag is what the broker keeps, rather than what somebody publishes now. */
  isKept(ids: readonly number[]): boolean {
    return ids.some((id) => id >= KEPT && id < AVAILABILITY);
  }
}

/** The first subscription identifier of each kind. */
const CHANNELS = 1;
const KEPT = 100_001;
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

import { GuardedObservable, type Logger } from '@callboard/core';
import { type Observable, Subject } from 'rxjs';
import { fits } from '../topics.ts';

/** A topic, or a filter for many, on which devices say whether they are there. */
export interface Availability {
  /** `tele/+/LWT` for Tasmota. */
  readonly topic: string;
  /** The payloads that say so. Default `online` and `offline`. */
  readonly online?: string;
  readonly offline?: string;
  /** The device, by the levels of a topic. Default: the levels that the wildcards stand for, else the first one. */
  readonly device?: (levels: readonly string[]) => string;
  /**
   * The user that a device is while it is there: with a client that reads nothing, so that it is among `server.users`, has a status, and
   * comes and goes by the native events. Undefined: none. Whoever may publish `topic` at the broker decides who is there: give
   * devices user ids of their own. Default: none.
   */
  readonly userId?: (device: string) => string | undefined;
}

/** A device behind the broker: it has no connection here. */
export interface DeviceAvailability {
  readonly device: string;
  readonly online: boolean;
  /** Milliseconds since 1970 (UTC): since when this is known. */
  readonly at: number;
  /** As `Availability.userId` says. */
  readonly userId?: string;
}

/** Which devices are there, as they say themselves. */
export class Devices {
  readonly byId = new Map<string, DeviceAvailability>();
  /** What changes. */
  readonly changes$: Observable<DeviceAvailability>;
  readonly #availability: readonly Availability[];
  readonly #max: number;
  readonly #changes = new Subject<DeviceAvailability>();

  /** @param max devices that are remembered; others go unheard. */
  constructor(availability: readonly Availability[], max: number, logger: Logger) {
    this.#availability = availability;
    this.#max = max;
    this.changes$ = new GuardedObservable(this.#changes, logger);
  }

  get online(): number {
    let count = 0;
    for (const { online } of this.byId.values()) if (online) count++;
    return count;
  }

  /** What this says of a device, where that is news. @throws what `device` throws. */
  take(topic: string, payload: Uint8Array, at: number): void {
    for (const each of this.#availability) if (fits(topic, each.topic)) this.#said(each, topic, payload, at);
  }

  #said(
    {
      topic: filter,
      online = 'online',
      offline = 'offline',
      device = byWildcards(filter),
      userId,
    }: Availability,
    topic: string,
    payload: Uint8Array,
    at: number,
  ): void {
    const said = Buffer.from(payload).toString();
    const id = device(topic.split('/'));
    // An empty one: what the broker keeps of it is removed, and with that what is known of it.
    if (said !== online && said !== offline && said !== '') return;
    const before = this.byId.get(id);
    const isOnline = said === online;
    const isNews =
      before === undefined ? said !== '' && this.byId.size < this.#max : before.online !== isOnline;
    if (said === '') this.byId.delete(id);
    if (!isNews) return;
    const user = userId?.(id);
    const now = { device: id, online: isOnline, at, ...(user !== undefined && { userId: user }) };
    if (said !== '') this.byId.set(id, now);
    this.#changes.next(now);
  }
}

function byWildcards(filter: string): (levels: readonly string[]) => string {
  const wild = filter.split('/').flatMap((level, i) => (level === '+' || level === '#' ? [i] : []));
  return (levels) => (wild.length === 0 ? levels[0] : wild.map((i) => levels[i]).join('/')) ?? '';
}

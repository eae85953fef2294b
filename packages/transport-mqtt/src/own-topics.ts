import type { Framed } from '@callboard/core';
import type { Disconnect } from '@callboard/protocol';
import type { Device } from './device.ts';
import type { QoS } from './dialect.ts';
import { KnownPublication } from './known-publication.ts';
import type { Session } from './session.ts';

/** Callboard's own topics. No filter of others fits them [MQTT-4.7.2-1]. */
export const ownTopics = {
  /** A device asks the server's handlers. */
  call: '$callboard/call',
  /** Their answers, where it names no topic for them. */
  reply: '$callboard/reply',
  /** What is sent to its user. */
  inbox: '$callboard/inbox',
  /** Native events, one level below: `$callboard/events/STATUS_CHANGE`, or `+`. */
  events: '$callboard/events',
  /** Why the server ends the connection, in versions that have no word for that. */
  disconnect: '$callboard/disconnect',
} as const;

/** Whether it is one of those that begin with `$`: nobody's channels. */
export function isReserved(topic: string): boolean {
  return topic.startsWith('$');
}

/** What a session has subscribed to of Callboard's own topics: granted by their names, not by policies. */
export class OwnSubscriptions {
  readonly #session: Session;
  /** By filter; made with the first, as most devices know nothing of these. */
  #granted: Map<string, { readonly qos: QoS; readonly end: () => void }> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The QoS that is granted: what only who is there is to know, at most once. Undefined where there is no such topic. */
  subscribe(filter: string, qos: QoS): QoS | undefined {
    const end = this.#begin(filter, qos);
    if (end === undefined) return undefined;
    this.#granted ??= new Map();
    this.#granted.get(filter)?.end();
    const granted = filter === ownTopics.inbox ? qos : 0;
    this.#granted.set(filter, { qos: granted, end });
    return granted;
  }

  unsubscribe(filter: string): boolean {
    this.#granted?.get(filter)?.end();
    return this.#granted?.delete(filter) === true;
  }

  *[Symbol.iterator](): Iterator<{ filter: string; qos: QoS }> {
    for (const [filter, { qos }] of this.#granted ?? []) yield { filter, qos };
  }

  /** Why its connection ends, to a device that wants to know. */
  farewell(device: Device, { code, reason, reconnect, afterMs }: Disconnect): Uint8Array | undefined {
    if (this.#granted?.has(ownTopics.disconnect) !== true) return undefined;
    const why = KnownPublication.own(ownTopics.disconnect, { code, reason, reconnect, afterMs });
    return framed(device, why)?.bytes();
  }

  /** The session is over. */
  end(): void {
    for (const { end } of this.#granted?.values() ?? []) end();
    this.#granted = undefined;
  }

  #begin(filter: string, qos: QoS): (() => void) | undefined {
    const { core } = this.#session;
    if (filter === ownTopics.reply || filter === ownTopics.disconnect) return () => {};
    if (filter === ownTopics.inbox) {
      const inbox = core.client.messages$.subscribe((message) =>
        this.#session.deliver(KnownPublication.own(filter, message), qos, false),
      );
      return () => inbox.unsubscribe();
    }
    const [top, space, type, ...more] = filter.split('/');
    if (`${top}/${space}` !== ownTopics.events || type === undefined || more.length > 0) return undefined;
    return this.#follow(type === '+' || type === '#' ? undefined : type);
  }

  #follow(type: string | undefined): (() => void) | undefined {
    try {
      return this.#session.core.follow(type, (event) => {
        const publication = KnownPublication.own(`${ownTopics.events}/${event.type}`, event);
        this.#session.deliver(publication, 0, false);
      });
    } catch {
      return undefined;
    }
  }
}

/** Tells this connection alone. */
export function tell(device: Device, publication: KnownPublication): void {
  const frame = framed(device, publication);
  if (frame !== undefined) device.link.send(frame);
}

function framed(device: Device, publication: KnownPublication): Framed | undefined {
  return device.dialect.publish(publication, { qos: 0, retain: false }, device.clock);
}

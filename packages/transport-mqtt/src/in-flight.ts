import type { GatewayPublication } from '@callboard/core';
import type { MqttLimits } from './limits.ts';
import { afterHeader } from './properties.ts';
import type { SharedGroup } from './shared.ts';
import type { Waiting } from './store.ts';

export interface Outgoing {
  readonly publication: GatewayPublication;
  readonly retained: boolean;
  /** Where it is kept beyond the server's life. */
  waiting?: Waiting;
  readonly qos: 1 | 2;
  readonly identifiers?: readonly number[] | undefined;
  /** Whose other members may be given it instead. */
  readonly group?: SharedGroup | undefined;
}

/** Writes to the device. */
export interface Sender {
  /** As much as any packet may yet wait for the device. */
  readonly hasRoom: boolean;
  /** PUBLISH; false where the device is not to be given it. */
  publish(messageId: number, outgoing: Outgoing, again: boolean): boolean;
  /** PUBREL. */
  pubrel(messageId: number): void;
}

interface Sent {
  readonly outgoing: Outgoing;
  /** The device has it, and is to release the packet id: QoS 2. */
  received: boolean;
}

const MAX_MESSAGE_ID = 65_535;

/** Types of control packets (section 2.1.2). */
const PUBACK = 4;
const PUBREC = 5;
const PUBCOMP = 7;

/**
 * What a session is to be given at least or exactly once: on its way and not acknowledged, in the order in which it was sent, and
 * behind that what waits. References: a publication is in memory once, however many sessions it waits for.
 */
export class InFlight {
  readonly #limits: MqttLimits;
  readonly #sent = new Map<number, Sent>();
  /** Packet ids of what is to be sent again, and has not been yet. */
  #unsent: number[] = [];
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  /** When the first of what waits does, or has before. */
  #expiresAt = Number.POSITIVE_INFINITY;
  #lastId = 0;
  #window: number;

  constructor(limits: MqttLimits) {
    this.#limits = limits;
    this.#window = limits.maxInFlight;
  }

  get length(): number {
    return this.#sent.size + this.#waiting.length;
  }

  /** Half of what may wait does. */
  get saturated(): boolean {
    const { maxQueued, maxQueuedBytes } = this.#limits;
    return this.#waiting.length * 2 > maxQueued || this.#waitingBytes * 2 > maxQueuedBytes;
  }

  /** Takes it behind all others; false, and nothing, where that would be too much. */
  add(outgoing: Outgoing): boolean {
    const { maxQueued, maxQueuedBytes } = this.#limits;
    const bytes = outgoing.publication.payload.length;
    if (this.#waiting.length >= maxQueued || this.#waitingBytes + bytes > maxQueuedBytes) return false;
    this.#wait(outgoing);
    return true;
  }

  /** As many as the device takes at a time [MQTT-3.3.4-9], and no more than the limit; for its connection that has begun. */
  allow(receiveMaximum: number): void {
    this.#window = Math.min(receiveMaximum, this.#limits.maxInFlight);
  }

  /** Sends what may be on its way: first what was before. */
  release(sender: Sender): void {
    while (this.#unsent.length > 0 && this.#mayGo(sender)) {
      const messageId = this.#unsent.shift() as number;
      const { outgoing, received } = this.#sent.get(messageId) as Sent;
      if (received) sender.pubrel(messageId);
      else if (!sender.publish(messageId, outgoing, true)) this.#sent.delete(messageId);
    }
    while (this.#waiting.length > 0 && this.#mayGo(sender)) {
      const outgoing = this.#waiting.shift() as Outgoing;
      this.#waitingBytes -= outgoing.publication.payload.length;
      const messageId = this.#nextId();
      if (sender.publish(messageId, outgoing, false))
        this.#sent.set(messageId, { outgoing, received: false });
    }
  }

  /** Its connection is gone: nothing more goes. */
  lost(): void {
    this.#window = 0;
  }

  /** Sends again what was not acknowledged, and then what waits [MQTT-4.4.0-1] [MQTT-4.6.0-1]. */
  again(sender: Sender): void {
    this.#unsent = [...this.#sent.keys()];
    this.release(sender);
  }

  /** Whether this packet is what the device is to say next of something that it was sent. */
  awaits(packet: Buffer): boolean {
    const type = (packet[0] as number) >> 4;
    if (type !== PUBACK && type !== PUBREC && type !== PUBCOMP) return false;
    const at = afterHeader(packet);
    const sent = packet.length < at + 2 ? undefined : this.#sent.get(packet.readUInt16BE(at));
    if (sent === undefined) return false;
    return type === (sent.outgoing.qos === 1 ? PUBACK : sent.received ? PUBCOMP : PUBREC);
  }

  /** PUBACK. @returns what it was, if it was on its way with QoS 1. */
  acknowledged(messageId: number): Outgoing | undefined {
    const outgoing = this.#sent.get(messageId)?.outgoing;
    return outgoing?.qos === 1 ? this.#forget(messageId) : undefined;
  }

  /** PUBREC, which refuses it or has it. @returns what it is, if it is on its way with QoS 2. */
  received(messageId: number, refused: boolean): Outgoing | undefined {
    const sent = this.#sent.get(messageId);
    if (sent?.outgoing.qos !== 2) return undefined;
    sent.received = true;
    if (refused) this.#forget(messageId);
    return sent.outgoing;
  }

  /** PUBCOMP. @returns what it was, if it was received. */
  completed(messageId: number): Outgoing | undefined {
    return this.#sent.get(messageId)?.received === true ? this.#forget(messageId) : undefined;
  }

  /** As it was before the server was stopped. */
  restore(outgoing: Outgoing, messageId: number | undefined, received: boolean): void {
    if (messageId === undefined) {
      this.#wait(outgoing);
    } else {
      this.#sent.set(messageId, { outgoing, received });
      this.#lastId = messageId;
    }
  }

  *all(): Iterable<Outgoing> {
    for (const { outgoing } of this.#sent.values()) yield outgoing;
    yield* this.#waiting;
  }

  /**
   * Takes out, in order, what another member of a group may be given: what waits, and what was sent with QoS 1; with QoS 2 the
   * device that has begun finishes [MQTT-4.8.2-4] [MQTT-4.8.2-5].
   */
  withdraw(may: (group: SharedGroup) => boolean): Outgoing[] {
    const goes = ({ group }: Outgoing) => group !== undefined && may(group);
    const withdrawn: Outgoing[] = [];
    for (const [messageId, { outgoing }] of this.#sent)
      if (outgoing.qos === 1 && goes(outgoing)) {
        withdrawn.push(outgoing);
        this.#forget(messageId);
      }
    return [...withdrawn, ...this.#take(goes)];
  }

  /** Takes out what waits, and has expired meanwhile [MQTT-3.3.2-5]. */
  expired(now: number): Outgoing[] {
    if (now < this.#expiresAt) return [];
    this.#expiresAt = Number.POSITIVE_INFINITY;
    const all = this.#take(() => true);
    const hasExpired = ({ publication }: Outgoing) => expiryOf(publication) <= now;
    for (const each of all) if (!hasExpired(each)) this.#wait(each);
    return all.filter(hasExpired);
  }

  #wait(outgoing: Outgoing): void {
    const { publication } = outgoing;
    this.#waiting.push(outgoing);
    this.#waitingBytes += publication.payload.length;
    this.#expiresAt = Math.min(this.#expiresAt, expiryOf(publication));
  }

  #take(goes: (outgoing: Outgoing) => boolean): Outgoing[] {
    const taken: Outgoing[] = [];
    const stays: Outgoing[] = [];
    for (const outgoing of this.#waiting) (goes(outgoing) ? taken : stays).push(outgoing);
    this.#waiting = stays;
    this.#waitingBytes = stays.reduce((sum, { publication }) => sum + publication.payload.length, 0);
    return taken;
  }

  /** Where there is no room it goes with the next acknowledgement: so there is one to come. */
  #mayGo(sender: Sender): boolean {
    const onTheirWay = this.#onTheirWay;
    return onTheirWay < this.#window && (onTheirWay === 0 || sender.hasRoom);
  }

  get #onTheirWay(): number {
    return this.#sent.size - this.#unsent.length;
  }

  #forget(messageId: number): Outgoing | undefined {
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.filter((each) => each !== messageId);
    const sent = this.#sent.get(messageId);
    this.#sent.delete(messageId);
    return sent?.outgoing;
  }

  /** One that is not on its way [MQTT-2.3.1-2]. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % MAX_MESSAGE_ID) + 1;
    while (this.#sent.has(this.#lastId));
    return this.#lastId;
  }
}

function expiryOf({ attributes }: GatewayPublication): number {
  return attributes?.expiresAt ?? Number.POSITIVE_INFINITY;
}

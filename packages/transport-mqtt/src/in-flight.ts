import type { GatewayPublication } from '@callboard/core';
import type { MqttLimits } from './limits.ts';
import type { Waiting } from './store.ts';

export interface Outgoing {
  readonly publication: GatewayPublication;
  readonly retained: boolean;
  /** Where it is kept beyond the server's life. */
  waiting?: Waiting;
}

const MAX_MESSAGE_ID = 65_535;

/**
 * What a session is to be given at least once: on its way and not acknowledged, in the order in which it was sent, and
 * behind that what waits. References: a publication is in memory once, however many sessions it waits for.
 */
export class InFlight {
  readonly #limits: MqttLimits;
  readonly #sent = new Map<number, Outgoing>();
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #lastId = 0;

  constructor(limits: MqttLimits) {
    this.#limits = limits;
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
    this.#waiting.push(outgoing);
    this.#waitingBytes += bytes;
    return true;
  }

  /** Sends what may be on its way. */
  release(send: (messageId: number, outgoing: Outgoing, again: boolean) => void): void {
    let at = 0;
    while (at < this.#waiting.length && this.#sent.size < this.#limits.maxInFlight) {
      const outgoing = this.#waiting[at++] as Outgoing;
      this.#waitingBytes -= outgoing.publication.payload.length;
      const messageId = this.#nextId();
      this.#sent.set(messageId, outgoing);
      send(messageId, outgoing, false);
    }
    if (at > 0) this.#waiting.splice(0, at);
  }

  /** Sends again what was not acknowledged, and then what waits [MQTT-4.4.0-1] [MQTT-4.6.0-1]. */
  again(send: (messageId: number, outgoing: Outgoing, again: boolean) => void): void {
    for (const [messageId, outgoing] of this.#sent) send(messageId, outgoing, true);
    this.release(send);
  }

  /** What it was, if it was on its way. */
  acknowledged(messageId: number): Outgoing | undefined {
    const outgoing = this.#sent.get(messageId);
    this.#sent.delete(messageId);
    return outgoing;
  }

  /** As it was before the server was stopped. */
  restore(outgoing: Outgoing, messageId: number | undefined): void {
    if (messageId === undefined) {
      this.#waiting.push(outgoing);
      this.#waitingBytes += outgoing.publication.payload.length;
    } else {
      this.#sent.set(messageId, outgoing);
      this.#lastId = messageId;
    }
  }

  *all(): Iterable<Outgoing> {
    yield* this.#sent.values();
    yield* this.#waiting;
  }

  /** One that is not on its way [MQTT-2.3.1-2]. */
  #nextId(): number {
    do this.#lastId = (this.#lastId % MAX_MESSAGE_ID) + 1;
    while (this.#sent.has(this.#lastId));
    return this.#lastId;
  }
}

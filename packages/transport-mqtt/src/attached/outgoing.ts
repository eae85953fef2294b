import type { BrokerLimits } from './options.ts';

/** What is to go to the broker. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string;
}

/**
 * What waits for the broker, and what is on its way to it, in order. Where too much waits, what was published at most once goes
 * first, the oldest of it, and then the oldest of all.
 */
export class OutgoingQueue {
  dropped = 0;
  readonly #limits: BrokerLimits;
  readonly #waiting: Outgoing[] = [];
  readonly #inFlight = new Set<Outgoing>();
  #bytes = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(limits: BrokerLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  /** Of what waits. */
  get bytes(): number {
    return this.#bytes;
  }

  add(outgoing: Outgoing): void {
    const { maxQueued, maxQueuedBytes, maxPacketBytes } = this.#limits;
    const { length } = outgoing.payload;
    if (length > Math.min(maxPacketBytes, maxQueuedBytes)) {
      this.dropped++;
      return;
    }
    this.#waiting.push(outgoing);
    this.#bytes += length;
    while (this.#waiting.length > maxQueued || this.#bytes > maxQueuedBytes) this.#drop();
  }

  /** What may go now; it is on its way until `done`. */
  next(): Outgoing | undefined {
    if (this.#inFlight.size >= this.#limits.maxInFlight) return undefined;
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#bytes -= next.payload.length;
    this.#inFlight.add(next);
    return next;
  }

  /** It needs nothing more, or there is nothing more to be done for it. */
  done(outgoing: Outgoing): void {
    if (this.#inFlight.delete(outgoing) && this.length === 0) this.#whenEmpty?.();
  }

  /** It has not gone: it is the first to go. */
  putBack(outgoing: Outgoing): void {
    if (!this.#inFlight.delete(outgoing)) return;
    this.#waiting.unshift(outgoing);
    this.#bytes += outgoing.payload.length;
  }

  /** The connection is gone, and with it what was on its way at most once. */
  lost(): void {
    for (const each of this.#inFlight) if (each.qos === 0) this.#inFlight.delete(each);
  }

  /** Whether something that the broker is to keep for this topic has not got there yet. */
  retains(topic: string): boolean {
    const does = (each: Outgoing) => each.retain && each.topic === topic;
    return [...this.#inFlight].some(does) || this.#waiting.some(does);
  }

  whenEmpty(): Promise<void> {
    if (this.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  #drop(): void {
    const oldest = this.#waiting.findIndex(({ qos }) => qos === 0);
    const [dropped] = this.#waiting.splice(Math.max(0, oldest), 1);
    this.#bytes -= dropped?.payload.length ?? 0;
    this.dropped++;
  }
}

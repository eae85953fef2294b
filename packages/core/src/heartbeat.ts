import { Disconnect } from '@callboard/protocol';
import type { Link } from './link.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';

const SLOTS = 25;

/**
 * Pings every link once an interval and ends those that stay silent. One timer for all: the interval is cut into
 * slots, and each link has its place in one.
 */
export class Heartbeat {
  readonly #node: Node;
  readonly #slots = Array.from({ length: SLOTS }, () => new Set<Link>());
  readonly #pongSlots: number;
  readonly #tickMs: number;
  #turn = 0;
  #timer: unknown;

  constructor(node: Node) {
    this.#node = node;
    const { pingIntervalMs, pongTimeoutMs } = node.limits;
    this.#tickMs = pingIntervalMs / SLOTS;
    this.#pongSlots = Math.ceil(pongTimeoutMs / this.#tickMs);
    if (this.#pongSlots >= SLOTS)
      throw new RangeError('limits.pongTimeoutMs must be less than limits.pingIntervalMs');
  }

  start(): void {
    const tick = () => {
      this.#timer = this.#node.clock.setTimeout(tick, this.#tickMs);
      this.#tick();
    };
    this.#timer = this.#node.clock.setTimeout(tick, this.#tickMs);
  }

  stop(): void {
    this.#node.clock.clearTimeout(this.#timer);
  }

  /** The link is pinged one interval from now, and so on. */
  add(link: Link): void {
    const slot = this.#slots[this.#turn % SLOTS] as Set<Link>;
    slot.add(link);
    link.slot = slot;
  }

  remove(link: Link): void {
    link.slot?.delete(link);
    link.slot = undefined;
  }

  #tick(): void {
    this.#turn++;
    const { clock, codec } = this.#node;
    const silent = this.#slots[(this.#turn + SLOTS - this.#pongSlots) % SLOTS] as Set<Link>;
    for (const link of silent) if (!link.heard) link.end(new Disconnect('STALE'));
    const ping = new Encoded(codec.encode({ op: 'ping' }));
    for (const link of this.#slots[this.#turn % SLOTS] as Set<Link>) {
      link.heard = false;
      link.client?.expireOutcomes(clock.now());
      const offset = link.takeSkipped();
      link.send(offset === undefined ? ping : new Encoded(codec.encode({ op: 'ping', offset })));
    }
  }
}

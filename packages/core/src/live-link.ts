import { Disconnect, disconnectName, disconnects } from '@callboard/protocol';
import type { ServerClient } from './client.ts';
import type { Node } from './node.ts';
import type { Frame, Outbox, OutboxOwner, Wire } from './outbox.ts';
import { TokenBucket } from './rate.ts';
import type { Framing, Peer } from './transport.ts';

/** From the close of a connection to its termination where the peer does not answer. */
const CLOSE_TIMEOUT_MS = 5_000;

/** The server's end of one connection, whatever it speaks: its outbox, its budgets, its deadline and its end. */
export abstract class LiveLink implements OutboxOwner {
  readonly peer: Peer;
  readonly connectedAt: number;
  /** Connections were accepted in this order, whatever the clock says. */
  readonly order: number;
  /** Whose connection it is, once that is known. */
  client: ServerClient | undefined;
  readonly frameBudget: TokenBucket;
  readonly byteBudget: TokenBucket;
  protected readonly node: Node;
  protected readonly outbox: Outbox;
  /** The handshake's deadline, or once it is ending, that of its end. */
  #timer: unknown;
  #state: 'open' | 'ending' | 'closed' = 'open';

  constructor(node: Node, wire: Wire, framing: Framing, peer: Peer) {
    const { clock, limits, flusher } = node;
    this.node = node;
    this.peer = peer;
    this.connectedAt = clock.now();
    this.order = node.counters.accepted;
    this.frameBudget = new TokenBucket(limits.maxFramesPerSecond, this.connectedAt);
    this.byteBudget = new TokenBucket(limits.maxBytesPerSecond, this.connectedAt);
    this.outbox = flusher.outbox(wire, framing, limits.maxOutboxBytes, this);
    this.deadline(limits.handshakeTimeoutMs, 'HANDSHAKE_TIMEOUT');
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  send(frame: Frame): void {
    if (this.#state === 'open') this.outbox.push(frame);
  }

  /** Bytes that may yet wait for it. */
  get room(): number {
    return this.outbox.room;
  }

  /** More waits for it than it takes for the time being. */
  get congested(): boolean {
    return this.outbox.congested;
  }

  /** Goes on with what waits beside the outbox, once it is congested no more. */
  awaitRelief(): void {
    if (this.open) this.outbox.awaitRelief();
  }

  abstract relieved(): void;

  overflowed(): void {
    this.end(new Disconnect('SLOW_READER'));
  }

  /** Says why it ends, then ends it; the client may come back where the code says so. */
  end(disconnect: Disconnect): void {
    if (this.#state !== 'open') return;
    const { clock, counters } = this.node;
    const { code, reason, reconnect } = disconnect;
    counters.count(counters.disconnects, disconnectName(code));
    // From here on an outbox that overflows, by the last word for example, is of no interest.
    this.#state = 'ending';
    // A slow reader would not read it, and its socket holds enough already.
    if (code !== disconnects.SLOW_READER) this.farewell(disconnect);
    this.outbox.clear();
    this.hangUp(disconnect);
    this.#detach(!reconnect, reason);
    // Unless that closed it at once.
    if (this.#state === 'ending') this.#timer = clock.setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS);
  }

  /** Ends it with `reason` after `ms`, unless another deadline is set, or none. */
  deadline(ms: number | undefined, reason?: 'HANDSHAKE_TIMEOUT' | 'VERIFY_TIMEOUT'): void {
    const { clock } = this.node;
    clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (ms === undefined || reason === undefined) return;
    this.#timer = clock.setTimeout(() => this.end(new Disconnect(reason)), ms);
  }

  /** The connection is no more: once, whoever began it. */
  protected lost(forGood: boolean, reason: string): void {
    if (this.#state === 'closed') return;
    const begunHere = this.#state === 'ending';
    this.#state = 'closed';
    this.deadline(undefined);
    this.outbox.clear();
    this.node.closed(this);
    if (!begunHere) this.#detach(forGood, reason);
  }

  #detach(forGood: boolean, reason: string): void {
    this.deadline(undefined);
    this.detach(forGood, reason);
  }

  /** Tells the peer why, as the last thing. */
  protected abstract farewell(disconnect: Disconnect): void;
  /** Closes the connection after what was written. */
  protected abstract hangUp(disconnect: Disconnect): void;
  /** Ends it now. */
  protected abstract terminate(): void;
  /** Leaves the client and whatever it read. */
  protected abstract detach(forGood: boolean, reason: string): void;
}

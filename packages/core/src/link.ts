import { Disconnect, disconnectName, disconnects, INBOX } from '@callboard/protocol';
import type { Channel, Publication } from './channels/channel.ts';
import { Conflation } from './channels/conflation.ts';
import { LastValues } from './channels/last-values.ts';
import type { ChannelReader } from './channels/reader.ts';
import type { FilterSubscription } from './channels/subscriptions.ts';
import type { ServerClient } from './client.ts';
import type { Node } from './node.ts';
import { Encoded, type Outbox, type OutboxOwner } from './outbox.ts';
import { TokenBucket } from './rate.ts';
import type { Gap, Reader } from './streams/feed.ts';
import type { Connection, ConnectionEvents, Peer } from './transport.ts';

/** From the close of a connection to its termination where the peer does not answer. */
const CLOSE_TIMEOUT_MS = 5_000;

/** The server's end of one connection: its outbox, its budgets, the client that it serves and whose inbox it reads. */
export class Link implements ConnectionEvents, Reader<Encoded>, OutboxOwner {
  readonly peer: Peer;
  readonly connectedAt: number;
  /** Connections were accepted in this order, whatever the clock says. */
  readonly order: number;
  /** Whose connection it is, once that is known. */
  client: ServerClient | undefined;
  /** `connect` has come: the verifier is being asked, or the inbox opened. */
  authenticating = false;
  /** Whether something came since the last ping. */
  heard = true;
  /** Its place in the heartbeat, while the client is online. */
  slot: Set<Link> | undefined;
  readonly frameBudget: TokenBucket;
  readonly byteBudget: TokenBucket;
  readonly #node: Node;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  /** The last entry passed over that is not for this client, since it was last told so. */
  #skipped: number | undefined;
  /** The handshake's deadline, or once it is ending, that of its end. */
  #timer: unknown;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #readers: Map<string, ChannelReader> | undefined;
  /** The publication that it was given last through a filter, by serial. */
  #latest = 0;
  #conflation: Conflation | undefined;
  #lastValues: LastValues | undefined;

  constructor(node: Node, connection: Connection, peer: Peer) {
    const { clock, limits, flusher } = node;
    this.#node = node;
    this.#connection = connection;
    this.peer = peer;
    this.connectedAt = clock.now();
    this.order = node.counters.accepted;
    this.frameBudget = new TokenBucket(limits.maxFramesPerSecond, this.connectedAt);
    this.byteBudget = new TokenBucket(limits.maxBytesPerSecond, this.connectedAt);
    this.#outbox = flusher.outbox(connection, limits.maxOutboxBytes, this);
    this.deadline(limits.handshakeTimeoutMs, 'HANDSHAKE_TIMEOUT');
  }

  get clientId(): string {
    return this.client?.id ?? '';
  }

  deliver(item: Encoded): void {
    this.#node.counters.delivered++;
    this.#skipped = undefined;
    this.send(item);
  }

  skip(offset: number): void {
    this.#skipped = offset;
  }

  /** Of the inbox, or of a channel. */
  gap(gap: Gap): void {
    const isInbox = gap.stream === this.client?.user.inbox;
    if (isInbox) this.#skipped = undefined;
    else this.#conflation?.flush(gap.stream);
    const stream = isInbox ? INBOX : gap.stream;
    this.send(new Encoded(this.#node.codec.encode({ op: 'gap', ...gap, stream })));
  }

  /** What a channel delivers. */
  publication(item: Publication): void {
    if (item.channel.policy.overflow !== 'latest') return this.deliverNow(item);
    this.#conflation ??= new Conflation(this, this.#node.limits.maxOutboxBytes);
    if (!this.#conflation.takes(item)) this.deliverNow(item);
  }

  /** What a channel delivers that the client reads through a filter; nothing where it has been sent it otherwise. */
  filtered(item: Publication): void {
    if (this.#latest === item.serial || item.entry.exclude === this.clientId) return;
    const { name } = item.channel;
    // Its own reader's to send, which may have read further than what is live, or is about to.
    if (this.#readers?.has(name) || this.client?.starting?.has(name)) return;
    this.#latest = item.serial;
    this.publication(item);
  }

  deliverNow(item: Publication): void {
    this.#node.counters.delivered++;
    this.send(item);
  }

  /** Sends what waits of this channel, now. */
  flushConflated(channel: string): void {
    this.#conflation?.flush(channel);
  }

  /** Its client has left the channel. */
  left(channel: Channel): void {
    this.#readers?.delete(channel.name);
    this.#conflation?.left(channel);
  }

  /** Of the channels that these filters fit, as the connection takes them. */
  sendLastValues(client: ServerClient, filters: Iterable<FilterSubscription>): void {
    const { channels, rounds } = this.#node;
    this.#lastValues ??= new LastValues(client, this, channels.retaining, rounds);
    this.#lastValues.add(filters);
  }

  /** More waits for it than it takes for the time being. */
  get congested(): boolean {
    return this.#outbox.congested;
  }

  /** Goes on with what waits beside the outbox, once it is congested no more. */
  awaitRelief(): void {
    if (this.open) this.#outbox.awaitRelief();
  }

  relieved(): void {
    this.#conflation?.release();
    this.#lastValues?.relieved();
  }

  /** Those of its channels, by name. */
  get readers(): Map<string, ChannelReader> {
    this.#readers ??= new Map();
    return this.#readers;
  }

  leaveChannels(): void {
    for (const reader of this.#readers?.values() ?? []) reader.leave();
    this.#readers = undefined;
  }

  /** Bytes that may yet wait for it. */
  get room(): number {
    return this.#outbox.room;
  }

  /** Once after entries were passed over: all of the inbox up to there that is for this client was sent. */
  takeSkipped(): number | undefined {
    const offset = this.#skipped;
    this.#skipped = undefined;
    return offset;
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  send(frame: Encoded): void {
    if (this.#state === 'open') this.#outbox.push(frame);
  }

  received(text: string, bytes: number): void {
    if (this.#state !== 'open') return;
    this.heard = true;
    this.#node.inbound.receive(this, text, bytes);
  }

  malformed(reason: string): void {
    if (this.#state === 'open') this.end(new Disconnect('MALFORMED_FRAME', { reason }));
  }

  overflowed(): void {
    this.end(new Disconnect('SLOW_READER'));
  }

  /** Once, whoever began it: from here on the client is lost, or closed where it wants no more of the session. */
  closed(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    const begunHere = this.#state === 'ending';
    this.#state = 'closed';
    this.deadline(undefined);
    this.#outbox.clear();
    this.#node.closed(this);
    if (!begunHere) this.#detach(code === 1000, reason || String(code));
  }

  /** Says why it ends, then ends it; the client may come back where the code says so. */
  end(disconnect: Disconnect): void {
    if (this.#state !== 'open') return;
    const { clock, codec, counters } = this.#node;
    const { code, reason, reconnect, afterMs } = disconnect;
    counters.count(counters.disconnects, disconnectName(code));
    // From here on an outbox that overflows, by the last word for example, is of no interest.
    this.#state = 'ending';
    // A slow reader would not read it, and its socket holds enough already.
    if (code !== disconnects.SLOW_READER) {
      const frame = codec.encode({
        op: 'disconnect',
        code,
        reason,
        reconnect,
        ...(afterMs !== undefined && { afterMs }),
      });
      this.#outbox.push(new Encoded(frame));
      this.#outbox.flush();
    }
    this.#outbox.clear();
    this.#connection.close(code, reason);
    this.#detach(!reconnect, reason);
    // Unless that closed it at once.
    if (this.#state === 'ending')
      this.#timer = clock.setTimeout(() => this.#connection.terminate(), CLOSE_TIMEOUT_MS);
  }

  /** Ends it with `reason` after `ms`, unless another deadline is set, or none. */
  deadline(ms: number | undefined, reason?: 'HANDSHAKE_TIMEOUT' | 'VERIFY_TIMEOUT'): void {
    const { clock } = this.#node;
    clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (ms === undefined || reason === undefined) return;
    this.#timer = clock.setTimeout(() => this.end(new Disconnect(reason)), ms);
  }

  #detach(forGood: boolean, reason: string): void {
    this.deadline(undefined);
    this.#node.heartbeat.remove(this);
    this.leaveChannels();
    this.client?.detached(this, forGood, reason);
  }
}

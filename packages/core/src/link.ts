import { Disconnect, INBOX } from '@callboard/protocol';
import type { Channel, Last, Publication } from './channels/channel.ts';
import { Conflation } from './channels/conflation.ts';
import { LastValues } from './channels/last-values.ts';
import type { ChannelReader } from './channels/reader.ts';
import type { FilterSubscription } from './channels/subscriptions.ts';
import type { ServerClient } from './client.ts';
import { LiveLink } from './live-link.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import type { Gap, Reader } from './streams/feed.ts';
import { isFor } from './streams/recovery.ts';
import type { Connection, ConnectionEvents, Peer } from './transport.ts';

/** The server's end of a connection that speaks Callboard's frames: the client that it serves and whose inbox it reads. */
export class Link extends LiveLink implements ConnectionEvents, Reader<Encoded> {
  /** `connect` has come: the verifier is being asked, or the inbox opened. */
  authenticating = false;
  /** Whether something came since the last ping. */
  heard = true;
  /** Its place in the heartbeat, while the client is online. */
  slot: Set<Link> | undefined;
  readonly #connection: Connection;
  /** The last entry passed over that is not for this client, since it was last told so. */
  #skipped: number | undefined;
  #readers: Map<string, ChannelReader> | undefined;
  /** The publication that it was given last through a filter, by serial. */
  #latest = 0;
  #conflation: Conflation | undefined;
  #lastValues: LastValues | undefined;

  constructor(node: Node, connection: Connection, peer: Peer) {
    super(node, connection, connection.framing, peer);
    this.#connection = connection;
  }

  get clientId(): string {
    return this.client?.id ?? '';
  }

  deliver(item: Encoded): void {
    this.node.counters.delivered++;
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
    this.send(new Encoded(this.node.codec.encode({ op: 'gap', ...gap, stream })));
  }

  /** What a channel delivers. */
  publication(item: Publication): void {
    if (item.channel.policy.overflow !== 'latest') return this.deliverNow(item);
    this.#conflation ??= new Conflation(this, this.node.limits.maxOutboxBytes);
    if (!this.#conflation.takes(item)) this.deliverNow(item);
  }

  /** What a channel delivers that the client reads through a filter; nothing where it has been sent it otherwise. */
  filtered(item: Publication): void {
    if (this.#latest === item.serial || !isFor(item.entry, this)) return;
    const { name } = item.channel;
    // Its own reader's to send, which may have read further than what is live, or is about to.
    if (this.#readers?.has(name) || this.client?.starting?.has(name)) return;
    this.#latest = item.serial;
    this.publication(item);
  }

  deliverNow(item: Publication): void {
    this.node.counters.delivered++;
    this.send(item);
  }

  /** Sends what waits of this channel, now. */
  flushConflated(channel: string): void {
    this.#conflation?.flush(channel);
  }

  /** Of a channel that a filter of the client's fits. */
  lastValue(channel: Channel, last: Last): void {
    this.send(channel.retained(last));
  }

  /** Its client has left the channel. */
  left(channel: Channel): void {
    this.#readers?.delete(channel.name);
    this.#conflation?.left(channel);
  }

  /** Of the channels that these filters fit, as the connection takes them. */
  sendLastValues(client: ServerClient, filters: Iterable<FilterSubscription>): void {
    const { channels, rounds } = this.node;
    this.#lastValues ??= new LastValues(client, this, channels.retaining, rounds);
    this.#lastValues.add(filters);
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

  /** Once after entries were passed over: all of the inbox up to there that is for this client was sent. */
  takeSkipped(): number | undefined {
    const offset = this.#skipped;
    this.#skipped = undefined;
    return offset;
  }

  received(text: string, bytes: number): void {
    if (!this.open) return;
    this.heard = true;
    this.node.inbound.receive(this, text, bytes);
  }

  malformed(reason: string): void {
    if (this.open) this.end(new Disconnect('MALFORMED_FRAME', { reason }));
  }

  /** From here on the client is lost, or closed where it wants no more of the session. */
  closed(code: number, reason: string): void {
    this.lost(code === 1000, reason || String(code));
  }

  protected farewell({ code, reason, reconnect, afterMs }: Disconnect): void {
    const frame = this.node.codec.encode({
      op: 'disconnect',
      code,
      reason,
      reconnect,
      ...(afterMs !== undefined && { afterMs }),
    });
    this.outbox.push(new Encoded(frame));
    this.outbox.flush();
  }

  protected hangUp({ code, reason }: Disconnect): void {
    this.#connection.close(code, reason);
  }

  protected terminate(): void {
    this.#connection.terminate();
  }

  protected detach(forGood: boolean, reason: string): void {
    this.node.heartbeat.remove(this);
    this.leaveChannels();
    this.client?.user.feed?.leave(this);
    this.client?.detached(this, forGood, reason);
  }
}

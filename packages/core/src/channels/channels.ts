import type { Position, Sender, Streams } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Link } from '../link.ts';
import type { Node } from '../node.ts';
import { Appends } from '../streams/appends.ts';
import type { Feed } from '../streams/feed.ts';
import { Channel, type Publication } from './channel.ts';
import { type ChannelPolicies, Policies, retentionOf } from './policy.ts';
import { ChannelReader } from './reader.ts';

/** What a session keeps of a subscription, over its connections. */
export interface Subscription {
  readonly channel: Channel;
  /** Where it began: a client that does not know yet goes on from there. */
  readonly base: Position;
  /** That of the latest connection. */
  reader: ChannelReader | undefined;
}

export type Positions = Readonly<Record<string, Position>>;

/** The channels of this node that somebody needs, and who reads them. */
export class Channels {
  readonly byName = new Map<string, Channel>();
  readonly policies: Policies;
  readonly #node: Node;

  constructor(node: Node, policies: ChannelPolicies | undefined) {
    this.#node = node;
    this.policies = new Policies(policies);
  }

  /**
   * Appends to the channel. One that nobody needs and that keeps nothing is not made for it: nobody could tell.
   * @throws ReplyError as `Hub.send`, TypeError where the data is no JSON value.
   */
  publish(name: string, body: { data: unknown; from?: Sender }, exclude?: string): Awaitable<void> {
    const { codec, log } = this.#node;
    const draft = { body: codec.encodeBody(body), ...(exclude !== undefined && { exclude }) };
    const { history, retain } = this.policies.of(name);
    if (!this.byName.has(name) && history === undefined && retain !== true) return;
    const channel = this.pin(name);
    const append = () => {
      channel.published();
      const appends = new Appends();
      appends.add(log, name, draft);
      return appends.settle();
    };
    const done = () => this.unpin(channel);
    try {
      const { ready } = channel;
      const appended = isPromise(ready) ? ready.then(append) : append();
      if (!isPromise(appended)) return done();
      return appended.then(done, (error) => {
        done();
        throw error;
      });
    } catch (error) {
      done();
      throw error;
    }
  }

  /** The channel, which stays until it is unpinned as often; made where there was none. */
  pin(name: string): Channel {
    const known = this.byName.get(name);
    const channel = known ?? this.#open(name);
    channel.pins++;
    return channel;
  }

  unpin(channel: Channel): void {
    channel.pins--;
    this.#settle(channel);
  }

  /** Readers for channels that a client is about to subscribe to, each at its position or at the head. */
  async start(clientId: string, names: readonly string[], positions: Positions): Promise<ChannelReader[]> {
    const readers: ChannelReader[] = [];
    const start = async (name: string) => {
      const channel = this.pin(name);
      const reader = new ChannelReader(clientId, channel);
      readers.push(reader);
      await channel.ready;
      await reader.start(positionIn(positions, name));
    };
    const started = await Promise.allSettled(names.map(start));
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined) return readers;
    this.abandon(readers);
    throw failed.reason;
  }

  abandon(readers: readonly ChannelReader[]): void {
    for (const reader of readers) {
      // It may be what could not be opened.
      if (reader.channel.feed !== undefined) reader.leave();
      this.unpin(reader.channel);
    }
  }

  /** The client has subscribed; `begin` sends it what is held back. `had`: those that it has anyway. */
  subscribe(
    client: ServerClient,
    readers: readonly ChannelReader[],
    had: readonly string[],
  ): { streams: Streams; begin: () => void } {
    client.channels ??= new Map();
    const streams: Record<string, Streams[string]> = {};
    const subscriptions = client.channels;
    for (const name of had) {
      const feed = subscriptions.get(name)?.channel.feed;
      if (feed !== undefined) streams[name] = { ...feed.position, recovered: true };
    }
    let room = client.link === undefined ? 0 : client.link.room / 2;
    for (const reader of readers) {
      room -= reader.fit(room);
      const { channel, head, recovered } = reader;
      subscriptions.set(channel.name, { channel, base: reader.base, reader: undefined });
      channel.subscribers.add(client);
      this.unpin(channel);
      streams[channel.name] = { ...head, recovered };
    }
    const begin = () => {
      for (const reader of readers) {
        const subscription = subscriptions.get(reader.channel.name);
        if (client.link === undefined || subscription === undefined) reader.leave();
        else this.#begin(client.link, subscription, reader);
      }
    };
    return { streams, begin };
  }

  unsubscribe(client: ServerClient, names: Iterable<string>): void {
    for (const name of names) {
      const subscription = client.channels?.get(name);
      if (subscription === undefined) continue;
      client.channels?.delete(name);
      client.link?.readers.delete(name);
      subscription.reader?.leave();
      subscription.channel.subscribers.delete(client);
      this.#settle(subscription.channel);
    }
  }

  /** The session has ended. */
  left(client: ServerClient): void {
    if (client.channels !== undefined) this.unsubscribe(client, [...client.channels.keys()]);
  }

  /** Readers for a connection that is about to take over the client's session; what they are given is held back. */
  resume(client: ServerClient, link: Link, positions: Positions): Awaitable<void> {
    const waiting: PromiseLike<void>[] = [];
    for (const [name, { channel, base, reader: before }] of client.channels ?? []) {
      const reader = new ChannelReader(client.id, channel);
      link.readers.set(name, reader);
      const started = reader.start(positionIn(positions, name) ?? base, before);
      if (isPromise(started)) waiting.push(started);
    }
    if (waiting.length > 0) return Promise.all(waiting).then(() => {});
  }

  /**
   * Where a resumed client's channels are, of which no more is sent at once than half of `room` holds. What has been
   * subscribed to since `resume` began goes on with a gap.
   */
  streams(client: ServerClient, link: Link, room: number): Streams {
    for (const [name, reader] of link.readers) {
      if (client.channels?.get(name)?.channel === reader.channel) continue;
      link.readers.delete(name);
      reader.leave();
    }
    const streams: Record<string, Streams[string]> = {};
    let left = room / 2;
    for (const [name, { channel, base }] of client.channels ?? []) {
      let reader = link.readers.get(name);
      if (reader === undefined) {
        reader = new ChannelReader(client.id, channel);
        link.readers.set(name, reader);
        reader.start(undefined);
        reader.gap({ stream: name, from: base, to: reader.position, reason: 'evicted' });
      }
      left -= reader.fit(left);
      streams[name] = { ...reader.head, recovered: reader.recovered };
    }
    return streams;
  }

  /** The client has been told of `streams`. */
  resumed(client: ServerClient, link: Link): void {
    for (const [name, subscription] of client.channels ?? []) {
      const reader = link.readers.get(name);
      if (reader !== undefined) this.#begin(link, subscription, reader);
    }
  }

  /** The server has stopped: nothing is kept. */
  clear(): void {
    for (const channel of [...this.byName.values()]) this.#close(channel);
  }

  #begin(link: Link, subscription: Subscription, reader: ChannelReader): void {
    subscription.reader = reader;
    link.readers.set(reader.channel.name, reader);
    if (link.open) reader.begin(link);
    else reader.leave();
  }

  #open(name: string): Channel {
    const { clock, codec, feeds } = this.#node;
    const policy = this.policies.of(name);
    const channel = new Channel(name, policy, clock, codec);
    const opened = (feed: Feed<Publication>) => {
      channel.opened(feed);
      return feed;
    };
    const feed = feeds.open(name, channel.itemOf, retentionOf(policy));
    this.byName.set(name, channel);
    if (!isPromise(feed)) channel.ready = opened(feed);
    else {
      const ready = feed.then((late) => {
        // Closed before it was open.
        if (this.byName.get(name) !== channel) feeds.close(late);
        return opened(late);
      });
      channel.ready = ready;
      ready.then(undefined, () => this.#close(channel));
    }
    return channel;
  }

  /** Closes it where nobody needs it any more, now or when what is kept has expired. */
  #settle(channel: Channel): void {
    const { clock } = this.#node;
    if (channel.inUse || channel.timer !== undefined || this.byName.get(channel.name) !== channel) return;
    const { keptMs } = channel;
    if (keptMs === 0) return this.#close(channel);
    if (keptMs === Number.POSITIVE_INFINITY) return;
    channel.timer = clock.setTimeout(
      () => {
        channel.timer = undefined;
        this.#settle(channel);
      },
      Math.min(keptMs, LONGEST_TIMER_MS),
    );
    (channel.timer as { unref?: () => void }).unref?.();
  }

  #close(channel: Channel): void {
    const { clock, feeds } = this.#node;
    clock.clearTimeout(channel.timer);
    channel.timer = undefined;
    if (this.byName.get(channel.name) === channel) this.byName.delete(channel.name);
    if (channel.feed !== undefined) feeds.close(channel.feed);
  }
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Names are a client's: `constructor` is one like any other. */
function positionIn(positions: Positions, name: string): Position | undefined {
  return Object.hasOwn(positions, name) ? positions[name] : undefined;
}

import {
  type ErrorCode,
  errors,
  isChannel,
  type Position,
  ReplyError,
  type Streams,
} from '@callboard/protocol';
import { type Awaitable, GuardedObservable, isPromise } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import type { SubscriptionChange } from '../api.ts';
import type { ServerClient } from '../client.ts';
import type { Link } from '../link.ts';
import type { Node } from '../node.ts';
import type { Channel, Publication } from './channel.ts';
import type { FilterReader } from './filter-readers.ts';
import { ChannelReader } from './reader.ts';
import { FilterRight, Rights } from './rights.ts';

/** What a session keeps of a subscription, over its connections. */
export interface Subscription {
  /** Of the request that made it. */
  readonly mid: number;
  readonly channel: Channel;
  /** Where it began: a client that does not know yet goes on from there. */
  readonly base: Position;
  /** That of the latest connection. */
  reader: ChannelReader | undefined;
}

export interface FilterSubscription {
  readonly mid: number;
  readonly right: FilterRight;
  /** What reads by it. Default: the client. */
  readonly reader?: SubscriptionReader;
}

/** Of a gateway's session. */
export interface SubscriptionReader extends FilterReader {
  lastValue(publication: Publication, ageMs: number): void;
  /** The right is gone. */
  ended(): void;
}

export type Positions = Readonly<Record<string, Position>>;

/** What a client is about to subscribe to: channels, each with its reader, and filters. */
export interface Granted {
  readonly readers: readonly ChannelReader[];
  readonly filters: ReadonlyMap<string, FilterRight>;
}

/** Who reads which channels, by their names and through filters, over which connection. */
export class Subscriptions {
  readonly rights: Rights;
  readonly changes$: Observable<SubscriptionChange>;
  readonly #node: Node;
  readonly #changes = new Subject<SubscriptionChange>();

  constructor(node: Node) {
    this.#node = node;
    this.rights = new Rights(node.channels.policies);
    this.changes$ = new GuardedObservable(this.#changes, node.logger);
  }

  /** Readers for channels that a client is about to subscribe to, each at its position or at the head. */
  async start(
    client: ServerClient,
    names: readonly string[],
    positions: Positions,
  ): Promise<ChannelReader[]> {
    const { channels } = this.#node;
    const readers: ChannelReader[] = [];
    const start = async (name: string) => {
      const channel = channels.pin(name);
      const reader = new ChannelReader(client.id, channel);
      readers.push(reader);
      const { position } = await channel.ready;
      client.starting ??= new Map();
      client.starting.set(name, position);
      await reader.start(positionIn(positions, name));
    };
    const started = await Promise.allSettled(names.map(start));
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined) return readers;
    this.abandon(client, readers);
    throw failed.reason;
  }

  /** Nothing comes of it. What did not go through a filter meanwhile is lost. */
  abandon(client: ServerClient, readers: readonly ChannelReader[]): void {
    for (const reader of readers) {
      const { channel } = reader;
      const from = client.starting?.get(channel.name);
      client.starting?.delete(channel.name);
      // It may be what could not be opened.
      if (channel.feed !== undefined) reader.leave();
      if (from !== undefined && client.readsThroughFilter(channel)) {
        const to = channel.feed.position;
        if (to.offset > from.offset) client.link?.gap({ stream: channel.name, from, to, reason: 'evicted' });
      }
      this.#node.channels.unpin(channel);
    }
  }

  /** The client has subscribed; `begin` sends it what is held back. `had`: those that it has anyway. */
  subscribe(
    client: ServerClient,
    mid: number,
    { readers, filters }: Granted,
    had: readonly string[],
  ): { streams: Streams; begin: () => void } {
    const { channels } = this.#node;
    const streams: Record<string, Streams[string]> = {};
    for (const name of had) {
      const feed = client.channels?.get(name)?.channel.feed;
      streams[name] = feed === undefined ? unrecovered : { ...feed.position, recovered: true };
    }
    let room = client.link === undefined ? 0 : client.link.room / 2;
    for (const reader of readers) {
      room -= reader.fit(room);
      const { channel, head, recovered } = reader;
      // It is a filter's: after the reply it would be taken for the subscription's, which begins later.
      client.link?.flushConflated(channel.name);
      client.channels ??= new Map();
      client.channels.set(channel.name, { mid, channel, base: reader.base, reader: undefined });
      channel.enter(client);
      channels.unpin(channel);
      streams[channel.name] = { ...head, recovered };
    }
    for (const [filter, right] of filters) {
      this.letFilter(client, filter, { mid, right });
      streams[filter] = unrecovered;
    }
    // At the end, as whoever is told may end the client.
    for (const { channel } of readers)
      if (client.channels?.has(channel.name)) this.#tell(client, channel.name, true);
    const begin = () => {
      for (const reader of readers) {
        client.starting?.delete(reader.channel.name);
        const subscription = client.channels?.get(reader.channel.name);
        if (client.link === undefined || subscription === undefined) reader.leave();
        else this.#begin(client.link, subscription, reader);
      }
      if (filters.size === 0) return;
      const begun = [...filters.keys()].map((filter) => client.filters?.get(filter));
      client.link?.sendLastValues(
        client,
        begun.filter((each) => each !== undefined),
      );
    };
    return { streams, begin };
  }

  /** Of channels and filters. */
  unsubscribe(client: ServerClient, names: Iterable<string>): void {
    const { channels } = this.#node;
    for (const name of names) {
      this.letFilter(client, name, undefined);
      const subscription = client.channels?.get(name);
      if (subscription === undefined) continue;
      client.channels?.delete(name);
      client.link?.left(subscription.channel);
      subscription.reader?.leave();
      subscription.channel.left(client);
      channels.settle(subscription.channel);
      this.#tell(client, name, false);
    }
  }

  /**
   * Asks again what the client may read, and ends what it may not any more. Resolves when that is done; never rejects. Where
   * nobody could say, a subscription ends too, but the client may come back to it.
   */
  async recheck(client: ServerClient): Promise<void> {
    const { rights } = this;
    const { clients, codec, limits } = this.#node;
    const [names, filters] = [[...(client.channels?.keys() ?? [])], [...(client.filters?.keys() ?? [])]];
    const [reads, filterRights] = await Promise.all([
      Promise.all(names.map((name) => this.#ask(client, name, () => rights.toRead(client, name)))),
      Promise.all(filters.map((filter) => this.#ask(client, filter, () => rights.toFilter(client, filter)))),
    ]);
    if (clients.byId.get(client.id) !== client) return;
    const ended = new Map<ErrorCode, string[]>();
    const end = (code: ErrorCode, name: string) => ended.set(code, [...(ended.get(code) ?? []), name]);
    for (const [i, name] of names.entries()) {
      const right = reads[i];
      if (right !== true) end(right || 'FORBIDDEN', name);
    }
    for (const [i, filter] of filters.entries()) {
      const right = filterRights[i];
      const before = client.filters?.get(filter);
      if (right instanceof FilterRight) this.letFilter(client, filter, { mid: 0, ...before, right });
      else end(right ?? 'FORBIDDEN', filter);
    }
    for (const [code, channels] of ended) {
      const { message, retryable } = errors[code];
      for (const name of channels) {
        const subscription = client.channels?.get(name);
        if (retryable) subscription?.channel.awaits(limits.resumeWindowMs);
        // Its reply may not have reached the client, who would take it for news.
        client.outcomes?.revoke(subscription?.mid ?? client.filters?.get(name)?.mid ?? 0);
      }
      const readers = channels.map((name) => client.filters?.get(name)?.reader);
      this.unsubscribe(client, channels);
      for (const reader of readers) reader?.ended();
      client.send(codec.encode({ op: 'unsubscribed', channels, code, message, retryable }));
    }
  }

  /** The right, or a code that says why nobody could tell. */
  async #ask<Right>(
    client: ServerClient,
    channel: string,
    right: () => Awaitable<Right>,
  ): Promise<Right | ErrorCode> {
    const { requests, logger } = this.#node;
    try {
      const asked = right();
      return isPromise(asked) ? await requests.deadline(asked, 'CHECK_TIMEOUT') : asked;
    } catch (cause) {
      if (cause instanceof ReplyError && cause.code === 'CHECK_TIMEOUT') return 'CHECK_TIMEOUT';
      logger.error('a right could not be checked', { client: client.id, channel, cause });
      return 'UNAVAILABLE';
    }
  }

  /** The session has ended. */
  left(client: ServerClient): void {
    const { channels, filters } = client;
    if (channels !== undefined || filters !== undefined)
      this.unsubscribe(client, [...(channels?.keys() ?? []), ...(filters?.keys() ?? [])]);
  }

  /** Readers for a connection that is about to take over the client's session; what they are given is held back. */
  resume(client: ServerClient, link: Link, positions: Positions): Awaitable<void> {
    const waiting: PromiseLike<void>[] = [];
    for (const [name, { channel, base, reader: before }] of client.channels ?? []) {
      const reader = new ChannelReader(client.id, channel);
      link.readers.set(name, reader);
      const started = reader.resume(positionIn(positions, name), base, before);
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
        const to = reader.position;
        reader.recovered = base.epoch === to.epoch && base.offset === to.offset;
        if (!reader.recovered) reader.gap({ stream: name, from: base, to, reason: 'evicted' });
      }
      left -= reader.fit(left);
      streams[name] = { ...reader.head, recovered: reader.recovered };
    }
    for (const filter of client.filters?.keys() ?? []) streams[filter] = unrecovered;
    return streams;
  }

  /** The client has been told of `streams`. */
  resumed(client: ServerClient, link: Link): void {
    for (const [name, subscription] of client.channels ?? []) {
      const reader = link.readers.get(name);
      if (reader !== undefined) this.#begin(link, subscription, reader);
    }
    if (client.filters !== undefined && client.filters.size > 0)
      link.sendLastValues(client, client.filters.values());
  }

  /** Puts this in the place of the one before; undefined ends it. */
  letFilter(client: ServerClient, filter: string, subscription: FilterSubscription | undefined): void {
    const { filters } = this.#node.channels;
    const before = client.filters?.get(filter);
    if (before !== undefined) filters.delete(filter, before.right.policies, before.reader ?? client);
    client.filters?.delete(filter);
    if (subscription !== undefined) {
      client.filters ??= new Map();
      client.filters.set(filter, subscription);
      filters.add(filter, subscription.right.policies, subscription.reader ?? client);
    }
    // A gateway's session reads a channel as if that were a filter.
    const subscribed = subscription !== undefined;
    if ((before !== undefined) !== subscribed && isChannel(filter)) this.#tell(client, filter, subscribed);
  }

  #tell(client: ServerClient, channel: string, subscribed: boolean): void {
    if (this.#changes.observed) this.#changes.next({ client, channel, subscribed });
  }

  #begin(link: Link, subscription: Subscription, reader: ChannelReader): void {
    subscription.reader = reader;
    link.readers.set(reader.channel.name, reader);
    if (link.open) reader.begin(link);
    else reader.leave();
  }
}

const unrecovered = { recovered: false } as const;

/** Names are a client's: `constructor` is one like any other. */
function positionIn(positions: Positions, name: string): Position | undefined {
  return Object.hasOwn(positions, name) ? positions[name] : undefined;
}

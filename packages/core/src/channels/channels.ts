import { type Contract, LevelTrie, type Meta, ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import { LONGEST_TIMER_MS } from '../clock.ts';
import type { OwnPublication, PublicationListener } from '../gateways/port.ts';
import type { OutgoingPublication } from '../hub.ts';
import type { Node } from '../node.ts';
import { type Schema, satisfying } from '../requests/contract.ts';
import { Appends } from '../streams/appends.ts';
import type { Feed } from '../streams/feed.ts';
import type { Attributes, Draft, Outcome } from '../streams/log.ts';
import { ByPattern } from './by-pattern.ts';
import { Channel, type Publication } from './channel.ts';
import { FilterReaders } from './filter-readers.ts';
import { type PayloadFormat, payloadFormats } from './payload.ts';
import {
  type ChannelPolicies,
  type ChannelPolicy,
  isBridged,
  isKept,
  Policies,
  retentionOf,
} from './policy.ts';

/** What is to be published. `data` is any JSON value, or a Uint8Array. */
export interface PublicationDraft extends Omit<OutgoingPublication, 'kind'> {
  readonly version?: number;
  readonly key?: string;
  /** Client id. */
  readonly exclude?: string;
  /** The bytes that the data was made of. */
  readonly payload?: Uint8Array;
  /** Whoever is not there need not be given it later. */
  readonly atMostOnce?: boolean;
  readonly attributes?: Attributes | undefined;
  /** What only those who read bytes are given: it is no data of this channel. */
  readonly withheld?: boolean;
  /** By whom it came, and who is not told of it. */
  readonly via?: PublicationListener | undefined;
}

/** Stands in `only` for those who read bytes: no client has this id. */
const BYTE_READERS = '$bytes';

/** The channels of this node that somebody needs, or that keep something. */
export class Channels {
  readonly byName = new Map<string, Channel>();
  readonly policies: Policies;
  readonly filters = new FilterReaders();
  /** Those that have a last value, by the levels of their names. */
  readonly retaining = new LevelTrie<Channel>();
  /** Told of what this node publishes. */
  readonly listeners = new Set<PublicationListener>();
  readonly #node: Node;
  /** Of the contract. */
  readonly #schemas = new ByPattern<Schema>();

  constructor(node: Node, policies: ChannelPolicies | undefined, contract: Contract | undefined) {
    this.#node = node;
    this.policies = new Policies(policies);
    for (const [pattern, schema] of Object.entries(contract?.channels ?? {}))
      this.#schemas.add(pattern, schema);
  }

  /** What the channel's schema makes of data. @throws ReplyError INVALID_DATA, with where and why. */
  satisfied(channel: string, data: unknown): Awaitable<unknown> {
    const schema = this.policyOf(channel).schema ?? this.#schemas.of(channel);
    return schema === undefined ? data : satisfying(schema, data, 'INVALID_DATA');
  }

  /**
   * Publishes what its schema is satisfied by, if it passes the plugins' operators. Says what became of it. Into a channel
   * that nobody needs and that keeps nothing it goes nowhere: nobody could tell.
   * @throws ReplyError as `Hub.send`, TypeError where the data is no JSON value.
   */
  publish(draft: PublicationDraft): Awaitable<Outcome> {
    const outcome = this.#pass(draft);
    return isPromise(outcome) ? outcome.then(this.#counted) : this.#counted(outcome);
  }

  readonly #counted = (outcome: Outcome): Outcome => {
    this.#node.counters.publications[outcome]++;
    return outcome;
  };

  policyOf(name: string): ChannelPolicy {
    return this.byName.get(name)?.policy ?? this.policies.of(name);
  }

  #pass(draft: PublicationDraft): Awaitable<Outcome> {
    const { channel, payload } = draft;
    const { data, meta } = this.#node.hub.publication(draft);
    // Bytes that an operator has made something else of are not what was published.
    const bytes = payload !== undefined && data === draft.data ? payload : undefined;
    // What is no JSON value is refused wherever it goes, so that is tried; what was read from bytes is one.
    const outcome =
      bytes !== undefined && this.#isLost(channel)
        ? 'published'
        : this.#append(channel, this.#draftOf(draft, data, meta, bytes));
    if (this.listeners.size === 0 || !isBridged(this.policyOf(channel))) return outcome;
    const told = (made: Outcome): Outcome => {
      if (made === 'published') this.#tell(new Told(draft, this.policyOf(channel), data, bytes));
      return made;
    };
    return isPromise(outcome) ? outcome.then(told) : told(outcome);
  }

  #draftOf(
    draft: PublicationDraft,
    data: unknown,
    meta: Meta | undefined,
    bytes: Uint8Array | undefined,
  ): Draft {
    const { from, version, key, exclude, atMostOnce, withheld, attributes } = draft;
    const body = this.#node.codec.encodeBody({
      data,
      ...(from !== undefined && { from }),
      ...(meta !== undefined && { meta }),
      ...(version !== undefined && { version }),
    });
    return {
      body,
      ...(bytes !== undefined && { payload: bytes, ...(atMostOnce === true && { atMostOnce }) }),
      ...(attributes !== undefined && {
        attributes:
          data === draft.data && meta === draft.meta ? attributes : { ...attributes, own: undefined },
      }),
      ...(withheld === true && { only: BYTE_READERS }),
      ...(exclude !== undefined && { exclude }),
      ...(version !== undefined && { version }),
      ...(key !== undefined && { key }),
    };
  }

  #tell(publication: Told): void {
    for (const listener of this.listeners) if (listener !== publication.via) listener(publication);
  }

  #append(name: string, draft: Draft): Awaitable<Outcome> {
    if (this.#isLost(name)) return 'published';
    const channel = this.pin(name);
    const append = () => {
      // The server has stopped while it was being opened.
      if (this.byName.get(name) !== channel) throw new ReplyError('UNAVAILABLE');
      channel.published(draft.key !== undefined);
      const appends = new Appends();
      appends.add(this.#node.log, name, draft);
      const settled = appends.settle();
      return isPromise(settled) ? settled.then(() => appends.outcome) : appends.outcome;
    };
    const done = (outcome: Outcome) => {
      this.unpin(channel);
      return outcome;
    };
    const failed = (error: unknown): never => {
      this.unpin(channel);
      throw error;
    };
    try {
      const { ready } = channel;
      const appended = isPromise(ready) ? ready.then(append) : append();
      return isPromise(appended) ? appended.then(done, failed) : done(appended);
    } catch (error) {
      return failed(error);
    }
  }

  /** Whether what is published goes nowhere: nobody could ever tell. */
  #isLost(name: string): boolean {
    if (this.byName.has(name)) return false;
    const policy = this.policies.of(name);
    if (policy.history !== undefined || (policy.retain ?? false) !== false) return false;
    return this.filters.of(name, policy).length === 0;
  }

  /**
   * The channel, which stays until it is unpinned as often; made where there was none.
   * @throws ReplyError UNAVAILABLE where that would be one too many.
   */
  pin(name: string): Channel {
    const known = this.byName.get(name);
    const channel = known ?? this.#open(name);
    channel.pins++;
    return channel;
  }

  /** Forgets the last value, if there is one. */
  forgetLast(name: string): void {
    const channel = this.byName.get(name);
    channel?.feed?.settle();
    channel?.forgetLast();
    if (channel !== undefined) this.settle(channel);
  }

  /** Forgets it where it is of no bytes: something newer may have come. */
  forgetEmpty(name: string): void {
    const channel = this.byName.get(name);
    channel?.feed?.settle();
    if (channel?.last?.entry.payload?.length === 0) this.forgetLast(name);
  }

  /** Whether anybody would be given now what is published there. */
  hasReaders(name: string): boolean {
    const channel = this.byName.get(name);
    if (channel !== undefined) return channel.inUse || channel.readThroughFilters;
    return this.filters.of(name, this.policies.of(name)).length > 0;
  }

  unpin(channel: Channel): void {
    channel.pins--;
    this.settle(channel);
  }

  /** Closes it where nobody needs it any more, now or when what is kept has expired. */
  settle(channel: Channel): void {
    const { clock } = this.#node;
    if (channel.inUse || channel.timer !== undefined || this.byName.get(channel.name) !== channel) return;
    channel.feed?.settle();
    const { keptMs } = channel;
    if (keptMs === 0) return this.#close(channel);
    if (keptMs === Number.POSITIVE_INFINITY) return;
    channel.timer = clock.setTimeout(
      () => {
        channel.timer = undefined;
        this.settle(channel);
      },
      Math.min(keptMs, LONGEST_TIMER_MS),
    );
    (channel.timer as { unref?: () => void }).unref?.();
  }

  /** The server has stopped: nothing is kept. */
  clear(): void {
    for (const channel of [...this.byName.values()]) this.#close(channel);
  }

  #open(name: string): Channel {
    const { clock, codec, feeds, limits } = this.#node;
    const { filters, retaining } = this;
    if (this.byName.size >= limits.maxServerChannels)
      throw new ReplyError('UNAVAILABLE', { message: 'The server has too many channels.' });
    const policy = this.policies.of(name);
    const channel = new Channel(name, policy, { clock, codec, filters, retaining });
    const opened = (feed: Feed<Publication>) => {
      channel.opened(feed);
      return feed;
    };
    const feed = feeds.open(name, channel.itemOf, retentionOf(policy));
    this.byName.set(name, channel);
    channel.opening = feed;
    if (!isPromise(feed)) channel.ready = opened(feed);
    else {
      const ready = feed.then(opened);
      channel.ready = ready;
      ready.then(undefined, () => this.#close(channel));
    }
    return channel;
  }

  #close(channel: Channel): void {
    const { clock, feeds } = this.#node;
    if (this.byName.get(channel.name) !== channel) return;
    this.byName.delete(channel.name);
    clock.clearTimeout(channel.timer);
    channel.timer = undefined;
    channel.forgetLast();
    // One that is still being opened before whoever waits for it could use it.
    feeds.close(channel.name, channel.feed ?? channel.opening);
  }
}

/** What listeners are told of, in bytes when they want them. */
class Told implements OwnPublication {
  readonly channel: string;
  readonly via: PublicationListener | undefined;
  readonly atMostOnce: boolean;
  readonly retain: boolean;
  readonly format: PayloadFormat;
  readonly #data: unknown;
  #payload: Uint8Array | undefined;

  constructor(
    { channel, via, atMostOnce = false, attributes }: PublicationDraft,
    policy: ChannelPolicy,
    data: unknown,
    payload: Uint8Array | undefined,
  ) {
    this.channel = channel;
    this.via = via;
    this.atMostOnce = atMostOnce && payload !== undefined;
    this.retain = isKept(policy, attributes);
    this.format = policy.payload ?? 'text';
    this.#data = data;
    this.#payload = payload;
  }

  get payload(): Uint8Array {
    this.#payload ??= payloadFormats[this.format].encode(this.#data);
    return this.#payload;
  }
}

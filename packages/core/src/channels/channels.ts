import type { Sender } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Node } from '../node.ts';
import { Appends } from '../streams/appends.ts';
import type { Feed } from '../streams/feed.ts';
import { Channel, type Publication } from './channel.ts';
import { FilterReaders } from './filter-readers.ts';
import { LevelTrie } from './level-trie.ts';
import { type ChannelPolicies, Policies, retentionOf } from './policy.ts';

/** The channels of this node that somebody needs, or that keep something. */
export class Channels {
  readonly byName = new Map<string, Channel>();
  readonly policies: Policies;
  readonly filters = new FilterReaders();
  /** Those that have a last value, by the levels of their names. */
  readonly retaining = new LevelTrie<Channel>();
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
    if (!this.byName.has(name) && !this.#matters(name)) return;
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

  /** Whether anybody could ever tell that something was published into a channel which is not there. */
  #matters(name: string): boolean {
    const policy = this.policies.of(name);
    if (policy.history !== undefined || policy.retain === true) return true;
    return this.filters.of(name.split('/'), policy).length > 0;
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
    this.settle(channel);
  }

  /** Closes it where nobody needs it any more, now or when what is kept has expired. */
  settle(channel: Channel): void {
    const { clock } = this.#node;
    if (channel.inUse || channel.timer !== undefined || this.byName.get(channel.name) !== channel) return;
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
    const { clock, codec, feeds } = this.#node;
    const { filters, retaining } = this;
    const policy = this.policies.of(name);
    const channel = new Channel(name, policy, { clock, codec, filters, retaining });
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

  #close(channel: Channel): void {
    const { clock, feeds } = this.#node;
    clock.clearTimeout(channel.timer);
    channel.timer = undefined;
    channel.forgetLast();
    if (this.byName.get(channel.name) === channel) this.byName.delete(channel.name);
    if (channel.feed !== undefined) feeds.close(channel.feed);
  }
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

import type { Codec } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Clock } from '../clock.ts';
import { Encoded } from '../outbox.ts';
import type { Feed, Reader } from '../streams/feed.ts';
import type { Entry } from '../streams/log.ts';
import { type ChannelPolicy, retentionOf } from './policy.ts';

/** A publication's frame, the same for all readers, and what it was made of. */
export class Publication extends Encoded {
  readonly entry: Entry;

  constructor(text: string, entry: Entry) {
    super(text);
    this.entry = entry;
  }

  get offset(): number {
    return this.entry.offset;
  }
}

interface Last {
  readonly publication: Publication;
  readonly at: number;
}

/** One channel while it is needed: its feed, who has subscribed, and its last value, for which it reads itself. */
export class Channel implements Reader<Publication> {
  readonly name: string;
  readonly policy: ChannelPolicy;
  /** Clients with a session, online or about to come back. */
  readonly subscribers = new Set<ServerClient>();
  /** Not before `ready`. */
  feed!: Feed<Publication>;
  ready!: Awaitable<Feed<Publication>>;
  /** What else needs it just now: observers, appends, whoever is about to subscribe. */
  pins = 0;
  last: Last | undefined;
  /** Runs while nobody needs it, and something is kept. */
  timer: unknown;
  readonly clientId = '';
  readonly #clock: Clock;
  readonly #codec: Codec;
  #publishedAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, policy: ChannelPolicy, clock: Clock, codec: Codec) {
    this.name = name;
    this.policy = policy;
    this.#clock = clock;
    this.#codec = codec;
  }

  readonly itemOf = (entry: Entry): Publication =>
    new Publication(this.#codec.publication(this.name, entry.offset, entry.body), entry);

  /** The feed is there. */
  opened(feed: Feed<Publication>): void {
    this.feed = feed;
    if (this.policy.retain === true) feed.join(this);
  }

  published(): void {
    this.#publishedAt = this.#clock.now();
  }

  get inUse(): boolean {
    return this.subscribers.size > 0 || this.pins > 0;
  }

  /** How long something is kept yet, in milliseconds. */
  get keptMs(): number {
    if (this.last !== undefined) return Number.POSITIVE_INFINITY;
    if (this.policy.history === undefined) return 0;
    return Math.max(0, this.#publishedAt + retentionOf(this.policy).ttlMs - this.#clock.now());
  }

  /** The frame of its last value, for whoever has just subscribed. */
  retained({ publication: { entry }, at }: Last): Encoded {
    const ageMs = Math.max(0, this.#clock.now() - at);
    return new Encoded(this.#codec.publication(this.name, entry.offset, entry.body, ageMs));
  }

  deliver(publication: Publication): void {
    this.last = { publication, at: this.#clock.now() };
  }

  skip(): void {}

  gap(): void {
    this.last = undefined;
  }
}

import { type Codec, fromWire, type LevelTrie, type PublicationFrame } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { GatewayPublication, PublicationContent, PublicationFraming } from '../gateways/port.ts';
import { Encoded, Framed } from '../outbox.ts';
import type { Feed, Gap, Reader } from '../streams/feed.ts';
import { type Attributes, type Entry, keyLimits } from '../streams/log.ts';
import type { FilterReader, FilterReaders } from './filter-readers.ts';
import { payloadFormats } from './payload.ts';
import { type ChannelPolicy, isKept, retentionOf } from './policy.ts';

/** How long a channel that is there for filters alone stays after a publication, so that it need not begin anew each time. */
const LINGER_MS = 10_000;

const nobody: ReadonlySet<never> = new Set();
let made = 0;

/** Publications that are made from now on have a higher one. */
export function serialNow(): number {
  return made;
}

/** A publication's frame, the same for all readers, and what it was made of. */
export class Publication extends Encoded implements GatewayPublication {
  readonly entry: Entry;
  readonly channel: Channel;
  /** Another one for each that is made: by it a connection knows what it was given last. */
  readonly serial = ++made;
  #content: PublicationContent | undefined;
  #payload: Uint8Array | undefined;
  #framed: { readonly by: PublicationFraming; readonly frame: Framed }[] | undefined;

  constructor(text: string, entry: Entry, channel: Channel) {
    super(text);
    this.entry = entry;
    this.channel = channel;
  }

  get offset(): number {
    return this.entry.offset;
  }

  get name(): string {
    return this.channel.name;
  }

  get content(): PublicationContent {
    this.#content ??= this.channel.contentOf(this.text);
    return this.#content;
  }

  get payload(): Uint8Array {
    this.#payload ??=
      this.entry.payload ?? payloadFormats[this.channel.policy.payload ?? 'text'].encode(this.content.data);
    return this.#payload;
  }

  get atMostOnce(): boolean {
    return this.entry.atMostOnce === true;
  }

  get attributes(): Attributes | undefined {
    return this.entry.attributes;
  }

  framed(framing: PublicationFraming): Framed {
    this.#framed ??= [];
    for (const { by, frame } of this.#framed) if (by === framing) return frame;
    const frame = new Framed(framing.frame(this));
    this.#framed.push({ by: framing, frame });
    return frame;
  }
}

/** A last value. Not the frame of it: that is made for the few who come. */
export interface Last {
  readonly entry: Entry;
  /** The publication's. */
  readonly serial: number;
  readonly at: number;
}

export interface ChannelParts {
  readonly clock: Clock;
  readonly codec: Codec;
  readonly filters: FilterReaders;
  /** Channels that have a last value, by the levels of their names. */
  readonly retaining: LevelTrie<Channel>;
}

/** One channel while it is needed: its feed, who has subscribed, its last value, and who reads it through filters. */
export class Channel implements Reader<Publication> {
  readonly name: string;
  readonly policy: ChannelPolicy;
  /** Not before `ready`. */
  feed!: Feed<Publication>;
  ready!: Awaitable<Feed<Publication>>;
  /** Before that: it may be closed while it is being opened. */
  opening!: Awaitable<Feed<Publication>>;
  /** What else needs it just now: observers, appends, whoever is about to subscribe. */
  pins = 0;
  /** Runs while nobody needs it, and something is kept. */
  timer: unknown;
  readonly clientId = '';
  readonly #parts: ChannelParts;
  /** Made with the first. */
  #subscribers: Set<ServerClient> | undefined;
  #last: Last | undefined;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #awaitedUntil = Number.NEGATIVE_INFINITY;
  #filterReaders: readonly ReadonlySet<FilterReader>[] = [];
  /** Of the filters, when they were looked at. */
  #filtersVersion = -1;

  constructor(name: string, policy: ChannelPolicy, parts: ChannelParts) {
    this.name = name;
    this.policy = policy;
    this.#parts = parts;
  }

  get levels(): readonly string[] {
    return this.name.split('/');
  }

  /** Clients with a session, online or about to come back. */
  get subscribers(): ReadonlySet<ServerClient> {
    return this.#subscribers ?? nobody;
  }

  enter(client: ServerClient): void {
    this.#subscribers ??= new Set();
    this.#subscribers.add(client);
  }

  left(client: ServerClient): void {
    this.#subscribers?.delete(client);
  }

  readonly itemOf = (entry: Entry, epoch: string): Publication => {
    const { offset, body } = entry;
    return new Publication(this.#parts.codec.publication(this.name, { epoch, offset }, body), entry, this);
  };

  /** What readers are told by a frame of this channel. */
  contentOf(text: string): PublicationContent {
    const { data, from, meta } = this.#parts.codec.decodeServer(text) as PublicationFrame;
    return { data: fromWire(data), ...(from && { from }), ...(meta && { meta }) };
  }

  /** The feed is there. */
  opened(feed: Feed<Publication>): void {
    this.feed = feed;
    feed.endWith(this);
  }

  /** @param keyed under an idempotency key, which is remembered for as long as the channel is there. */
  published(keyed: boolean): void {
    this.#publishedAt = this.#parts.clock.now();
    if (keyed) this.awaits(keyLimits.ttlMs);
  }

  /** Somebody who knows it may come back to it: it does not begin anew for so long. */
  awaits(ms: number): void {
    this.#awaitedUntil = Math.max(this.#awaitedUntil, this.#parts.clock.now() + ms);
  }

  get inUse(): boolean {
    return this.subscribers.size > 0 || this.pins > 0;
  }

  get last(): Last | undefined {
    return this.#lastMs > 0 ? this.#last : undefined;
  }

  forgetLast(): void {
    if (this.#last === undefined) return;
    this.#last = undefined;
    this.#parts.retaining.delete(this.levels);
  }

  /** How long something is kept yet, in milliseconds. */
  get keptMs(): number {
    if (this.#lastMs > 0) return this.#lastMs;
    const { history } = this.policy;
    const ttlMs = history === undefined ? 0 : retentionOf(this.policy).ttlMs;
    const lingerMs = this.readThroughFilters ? LINGER_MS : 0;
    const until = Math.max(this.#publishedAt + Math.max(ttlMs, lingerMs), this.#awaitedUntil);
    return Math.max(0, until - this.#parts.clock.now());
  }

  /** How long there is a last value yet, in milliseconds. */
  get #lastMs(): number {
    if (this.#last === undefined) return 0;
    const expiresAt = this.#last.entry.attributes?.expiresAt;
    return expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - this.#parts.clock.now();
  }

  /** Whether a filter that somebody reads by fits it. */
  get readThroughFilters(): boolean {
    return this.#readers().some((readers) => readers.size > 0);
  }

  /** The frame of its last value, for whoever has just subscribed. */
  retained({ entry, at }: Last): Encoded {
    const { codec, clock } = this.#parts;
    const ageMs = Math.max(0, clock.now() - at);
    const { epoch } = this.feed.position;
    const { offset, body } = entry;
    return new Encoded(codec.publication(this.name, { epoch, offset }, body, ageMs));
  }

  /** The last value for readers of other protocols. */
  retainedItem({ entry }: Last): Publication {
    return this.itemOf(entry, this.feed.position.epoch);
  }

  /** Comes after all who have subscribed: who is sent it as one of these is not sent it again through a filter. */
  deliver(publication: Publication): void {
    if (isKept(this.policy, publication.attributes)) this.#keep(publication);
    for (const readers of this.#readers()) for (const { link } of readers) link?.filtered(publication);
  }

  skip(): void {}

  gap(gap: Gap): void {
    this.forgetLast();
    const told = new Set<FilterReader>(this.subscribers);
    for (const readers of this.#readers())
      for (const reader of readers) {
        if (told.has(reader)) continue;
        told.add(reader);
        reader.link?.gap(gap);
      }
  }

  #keep({ entry, serial }: Publication): void {
    const { clock, retaining } = this.#parts;
    if (this.#last === undefined) retaining.set(this.levels, this);
    this.#last = { entry, serial, at: clock.now() };
  }

  #readers(): readonly ReadonlySet<FilterReader>[] {
    const { filters } = this.#parts;
    if (this.#filtersVersion !== filters.version) {
      this.#filtersVersion = filters.version;
      this.#filterReaders = filters.of(this.name, this.policy);
    }
    return this.#filterReaders;
  }
}

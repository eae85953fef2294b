import type { Client } from '@callboard/core';
import type { Sight } from '../users/tracked-user.ts';
import type { Due } from '../wheel.ts';
import type { Batch, Counts, Entry, Member, MemberMeta, Page } from './contract.ts';
import { type ChannelPresencePolicy, defaultMaxListed } from './options.ts';

/** What one page has at most, about: so that it pushes nothing else out of what a session remembers. */
const PAGE_ENTRIES = 256;
const PAGE_BYTES = 32_768;
/** What one batch has, about: so that it fits into what a watcher's connection holds. */
const BATCH_BYTES = 131_072;
/** An entry without what is said. */
const ENTRY_BYTES = 48;

/** A client that has subscribed to a channel, from then until nothing is to be known of it any more. */
export interface Membership extends Due {
  readonly roster: Roster;
  readonly client: Client;
  /** Grows with each that comes into sight. */
  order: number;
  /** What it says of itself; undefined where that is nothing. */
  meta: MemberMeta | undefined;
  metaBytes: number;
  /** Whether it is in the channel as far as its connection goes: in `grace` it is without one, and `closed` for good, and seen yet. */
  state: 'here' | 'grace' | 'closed' | 'away';
  /** It has not left, nor has its session ended. */
  subscribed: boolean;
  /** As others see it; undefined where they do not. */
  entry: Entry | undefined;
}

/** Who is in one channel, and what of that is yet to be told. */
export class Roster {
  readonly channel: string;
  readonly policy: ChannelPresencePolicy;
  /** Ids of clients that are told. */
  readonly watchers = new Set<string>();
  /** By client id. */
  readonly memberships = new Map<string, Membership>();
  /** Of the last batch. */
  seq: number;
  /** Watchers may lack something: they are to be told a batch even where nothing has changed. */
  resync = false;
  /** How many clients each has there. */
  readonly #users = new Map<string, number>();
  #clients = 0;
  /** Clients that have changed since the last batch, and whether those who watch know them. */
  readonly #changed = new Map<string, boolean>();
  #listed: boolean;
  #made = 0;

  /** @param seq of no batch yet. */
  constructor(channel: string, policy: ChannelPresencePolicy, seq: number) {
    this.channel = channel;
    this.seq = seq;
    this.policy = policy;
    this.#listed = policy.countsOnly !== true;
  }

  get counts(): Counts {
    return { users: this.#users.size, clients: this.#clients, listed: this.#listed };
  }

  get isIdle(): boolean {
    return this.memberships.size === 0 && this.watchers.size === 0 && !this.hasChanged;
  }

  get members(): readonly Member[] {
    const byUser = new Map<string, { readonly clientId: string; readonly meta: MemberMeta }[]>();
    for (const { entry } of this.memberships.values()) {
      if (entry === undefined) continue;
      const [clientId, userId, meta = {}] = entry;
      const clients = byUser.get(userId) ?? [];
      clients.push({ clientId, meta });
      byUser.set(userId, clients);
    }
    return [...byUser].map(([userId, clients]) => ({ userId, clients }));
  }

  add(client: Client): Membership {
    const membership: Membership = {
      ...{ roster: this, client, order: 0, meta: undefined, metaBytes: 0 },
      ...{ state: 'away', slot: undefined, subscribed: true, entry: undefined },
    };
    this.memberships.set(client.id, membership);
    return membership;
  }

  /** Makes a change to a membership, whatever that means for who is seen there. Says whether there is something to be told. */
  change(membership: Membership, sight: Sight, change: (membership: Membership) => void): boolean {
    const { client, entry: before } = membership;
    change(membership);
    // Until they are gone for others nothing that they do changes what is seen of them.
    if (sight !== 'fading') membership.entry = sight === 'open' ? this.#entryOf(membership) : undefined;
    const { entry, subscribed, state } = membership;
    if (before === undefined && entry !== undefined) this.#appeared(membership);
    if (before !== undefined && entry === undefined) this.#count(client.user.id, -1);
    if (!subscribed && state === 'away' && entry === undefined) this.memberships.delete(client.id);
    if (before === entry) return false;
    if (!this.#changed.has(client.id)) this.#changed.set(client.id, before !== undefined);
    return true;
  }

  /** There is something to be told. */
  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** What has changed since the last time, or as much of it as is told at once; undefined where that comes to nothing. */
  batch(): Batch | undefined {
    const { maxListed = defaultMaxListed, countsOnly = false } = this.policy;
    // Around the limit it does not go to and fro.
    this.#listed = !countsOnly && this.#clients <= (this.#listed ? maxListed : 0.9 * maxListed);
    const must = this.resync;
    this.resync = false;
    if (!this.#listed) {
      this.#changed.clear();
      return { seq: ++this.seq, ...this.counts };
    }
    const set: Entry[] = [];
    const gone: string[] = [];
    let bytes = 0;
    for (const [id, known] of this.#changed) {
      if (bytes > BATCH_BYTES) break;
      this.#changed.delete(id);
      const membership = this.memberships.get(id);
      if (membership?.entry !== undefined) set.push(membership.entry);
      else if (known) gone.push(id);
      bytes += ENTRY_BYTES + (membership?.metaBytes ?? 0);
    }
    if (set.length === 0 && gone.length === 0 && !must) return undefined;
    const head = { seq: ++this.seq, ...this.counts };
    return { ...head, ...(set.length > 0 && { set }), ...(gone.length > 0 && { gone }) };
  }

  /** Some of those who are there now, whether or not that has been told. */
  page(after = 0): Omit<Page, 'run' | 'settlesMs'> {
    const head = { seq: this.seq, ...this.counts };
    const entries: Entry[] = [];
    let bytes = 0;
    let last = 0;
    if (!this.#listed) return { ...head, entries };
    for (const { order, metaBytes, entry } of this.memberships.values()) {
      if (order <= after || entry === undefined) continue;
      bytes += metaBytes;
      if (entries.length === PAGE_ENTRIES || (bytes > PAGE_BYTES && entries.length > 0))
        return { ...head, entries, next: last };
      entries.push(entry);
      last = order;
    }
    return { ...head, entries };
  }

  /** The same one where nothing has changed. */
  #entryOf({ client, state, meta, entry }: Membership): Entry | undefined {
    const isIn = state !== 'away' && (this.policy.members !== 'entered' || meta !== undefined);
    if (!isIn) return undefined;
    if (entry !== undefined && entry[2] === meta) return entry;
    return meta === undefined ? [client.id, client.user.id] : [client.id, client.user.id, meta];
  }

  /** Whoever comes into sight is the last one, also where they have been here for long. */
  #appeared(membership: Membership): void {
    const { id, user } = membership.client;
    membership.order = ++this.#made;
    this.memberships.delete(id);
    this.memberships.set(id, membership);
    this.#count(user.id, 1);
  }

  #count(userId: string, by: 1 | -1): void {
    this.#clients += by;
    const count = (this.#users.get(userId) ?? 0) + by;
    if (count === 0) this.#users.delete(userId);
    else this.#users.set(userId, count);
  }
}

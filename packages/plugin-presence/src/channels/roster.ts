import type { Client } from '@callboard/core';
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
  /** Grows with each that comes. */
  readonly order: number;
  /** What it says of itself; undefined where that is nothing. */
  meta: MemberMeta | undefined;
  metaBytes: number;
  /** Whether it is in the channel as far as its connection goes: `grace` is without one, and seen yet. */
  state: 'here' | 'grace' | 'away';
  /** It has not left, nor has its session ended. */
  subscribed: boolean;
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
    for (const membership of this.memberships.values()) {
      if (!this.#isIn(membership)) continue;
      const { client, meta = {} } = membership;
      const clients = byUser.get(client.user.id) ?? [];
      clients.push({ clientId: client.id, meta });
      byUser.set(client.user.id, clients);
    }
    return [...byUser].map(([userId, clients]) => ({ userId, clients }));
  }

  add(client: Client): Membership {
    const membership: Membership = {
      ...{ roster: this, client, order: ++this.#made, meta: undefined, metaBytes: 0 },
      ...{ state: 'away', slot: undefined, subscribed: true },
    };
    this.memberships.set(client.id, membership);
    return membership;
  }

  /** Makes a change to a membership, whatever that means for who is there. Says whether there is something to be told. */
  change(membership: Membership, change: (membership: Membership) => void): boolean {
    const { client } = membership;
    const before = this.#isIn(membership);
    change(membership);
    const after = this.#isIn(membership);
    if (before !== after) this.#count(client.user.id, after ? 1 : -1);
    if (!membership.subscribed && membership.state === 'away') this.memberships.delete(client.id);
    if (!before && !after) return false;
    if (!this.#changed.has(client.id)) this.#changed.set(client.id, before);
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
      if (membership !== undefined && this.#isIn(membership)) set.push(entryOf(membership));
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
    for (const membership of this.memberships.values()) {
      const { order, metaBytes } = membership;
      if (order <= after || !this.#isIn(membership)) continue;
      bytes += metaBytes;
      if (entries.length === PAGE_ENTRIES || (bytes > PAGE_BYTES && entries.length > 0))
        return { ...head, entries, next: last };
      entries.push(entryOf(membership));
      last = order;
    }
    return { ...head, entries };
  }

  #isIn({ state, meta }: Membership): boolean {
    return state !== 'away' && (this.policy.members !== 'entered' || meta !== undefined);
  }

  #count(userId: string, by: 1 | -1): void {
    this.#clients += by;
    const count = (this.#users.get(userId) ?? 0) + by;
    if (count === 0) this.#users.delete(userId);
    else this.#users.set(userId, count);
  }
}

function entryOf({ client, meta }: Membership): Entry {
  return meta === undefined ? [client.id, client.user.id] : [client.id, client.user.id, meta];
}

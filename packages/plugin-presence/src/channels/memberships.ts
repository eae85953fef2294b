import type { ByPattern, Client } from '@callboard/core';
import type { Sight } from '../users/tracked-user.ts';
import type { Wheel } from '../wheel.ts';
import type { Said } from './meta.ts';
import type { ChannelPresencePolicy } from './options.ts';
import { type Membership, Roster } from './roster.ts';

export interface MembershipsParts {
  /** Where graces wait; of users, too, so that both are over at once. */
  readonly wheel: Wheel;
  readonly policies: ByPattern<ChannelPresencePolicy>;
  readonly graceMs: number;
  readonly graceAfterCloseMs: number;
  /** What others may see of a user. */
  sightOf(userId: string): Sight;
  /** There is something to be told of it. */
  changed(roster: Roster): void;
  /** How many batches there have been, of all channels. */
  told(): number;
}

/** What a client may say ahead of being in a channel: of so many channels. */
const MAX_AHEAD = 8;

/** Who is in which channel, by what becomes of clients and their subscriptions. */
export class Memberships {
  readonly rosters = new Map<string, Roster>();
  readonly #parts: MembershipsParts;
  /** By client id. */
  readonly #byClient = new Map<string, Set<Membership>>();
  /** Those that have ended and are seen yet, by user id. */
  readonly #ended = new Map<string, Set<Membership>>();
  readonly #ahead = new WeakMap<Client, Map<string, Said>>();

  constructor(parts: MembershipsParts) {
    this.#parts = parts;
  }

  /** Clients in channels, each in each. */
  get size(): number {
    let size = 0;
    for (const memberships of this.#byClient.values()) size += memberships.size;
    return size;
  }

  /** The client has subscribed to the channel. */
  entered(client: Client, channel: string): void {
    const roster = this.#rosterOf(channel);
    if (roster === undefined) return;
    // It may be seen yet, of a subscription that ended while it had no connection.
    const membership = roster.memberships.get(client.id) ?? roster.add(client);
    add(this.#byClient, client.id, membership);
    const ahead = this.#ahead.get(client);
    const said = ahead?.get(channel);
    ahead?.delete(channel);
    this.#change(membership, () => {
      membership.subscribed = true;
      // A device that was there before the server was, and is not back.
      if (client.online) {
        membership.state = 'here';
        this.#parts.wheel.forget(membership);
      }
      speak(membership, said);
    });
    if (client.online) this.#succeed(membership);
  }

  /** It is subscribed no more: by its own will or because it may not, or because its session is over. */
  left(client: Client, channel: string): void {
    const membership = this.rosters.get(channel)?.memberships.get(client.id);
    if (membership === undefined) return;
    remove(this.#byClient, client.id, membership);
    add(this.#ended, client.user.id, membership);
    this.#change(membership, () => {
      membership.subscribed = false;
      // Nobody waits for whom nobody sees.
      if (client.online || membership.entry === undefined) {
        membership.state = 'away';
        this.#parts.wheel.forget(membership);
      } else if (membership.state === 'here')
        this.#grace(membership, 'closed', this.#parts.graceAfterCloseMs);
    });
  }

  /** Its connection is lost, and it may come back. */
  lost(clientId: string): void {
    for (const membership of this.#byClient.get(clientId) ?? []) {
      if (membership.state === 'here') this.#grace(membership, 'grace', this.#parts.graceMs);
    }
  }

  back(clientId: string): void {
    for (const membership of this.#byClient.get(clientId) ?? []) {
      this.#parts.wheel.forget(membership);
      if (membership.state === 'away') this.#turn(membership, 'here');
      else membership.state = 'here';
    }
  }

  /** What others may see of a user has changed. */
  sighted(userId: string, clientIds: readonly string[]): void {
    const memberships = clientIds.flatMap((id) => [...(this.#byClient.get(id) ?? [])]);
    for (const membership of [...memberships, ...(this.#ended.get(userId) ?? [])])
      this.#change(membership, () => {});
  }

  /** What a client says of itself in a channel that it is in, or will be. */
  say(client: Client, channel: string, said: Said | undefined): void {
    const membership = this.rosters.get(channel)?.memberships.get(client.id);
    if (membership?.subscribed) return this.#change(membership, () => speak(membership, said));
    const ahead = this.#ahead.get(client) ?? new Map<string, Said>();
    ahead.delete(channel);
    if (said !== undefined) ahead.set(channel, said);
    const [oldest] = ahead.keys();
    if (ahead.size > MAX_AHEAD) ahead.delete(oldest as string);
    this.#ahead.set(client, ahead);
  }

  /** The client is told from now on. */
  watches(client: Client, channel: string): void {
    const roster = this.#rosterOf(channel);
    if (roster === undefined) return;
    roster.watchers.add(client.id);
    if (roster.watchers.size > 1) return;
    // Nobody was told for a while: who comes back to what it knew is to see that.
    roster.resync = true;
    this.#parts.changed(roster);
  }

  unwatches(client: Client, channel: string): void {
    const roster = this.rosters.get(channel);
    roster?.watchers.delete(client.id);
    if (roster !== undefined) this.settle(roster);
  }

  /** Forgets it where there is nothing to be known of it. */
  settle(roster: Roster): void {
    if (roster.isIdle && this.rosters.get(roster.channel) === roster) this.rosters.delete(roster.channel);
  }

  /** The server has stopped: everybody is gone. */
  clear(): void {
    this.rosters.clear();
    this.#byClient.clear();
    this.#ended.clear();
  }

  /** The user's clients that said goodbye make room for the one that has come: a page that was loaded anew. */
  #succeed({ roster, client: { user } }: Membership): void {
    for (const membership of this.#ended.get(user.id) ?? [])
      if (membership.roster === roster && membership.state === 'closed') this.#over(membership);
  }

  #grace(membership: Membership, state: 'grace' | 'closed', ms: number): void {
    const { wheel } = this.#parts;
    membership.state = state;
    wheel.wait(membership, wheel.after(ms), this.#over);
  }

  /** Its grace is over. */
  readonly #over = (membership: Membership): void => {
    this.#parts.wheel.forget(membership);
    this.#turn(membership, 'away');
  };

  #turn(membership: Membership, state: Membership['state']): void {
    this.#change(membership, () => {
      membership.state = state;
    });
  }

  #change(membership: Membership, change: (membership: Membership) => void): void {
    const { roster, client } = membership;
    const { changed, sightOf } = this.#parts;
    if (roster.change(membership, sightOf(client.user.id), change)) changed(roster);
    if (!roster.memberships.has(client.id)) remove(this.#ended, client.user.id, membership);
    this.settle(roster);
  }

  #rosterOf(channel: string): Roster | undefined {
    const known = this.rosters.get(channel);
    if (known !== undefined) return known;
    const policy = this.#parts.policies.of(channel);
    if (policy === undefined) return undefined;
    const roster = new Roster(channel, policy, this.#parts.told());
    this.rosters.set(channel, roster);
    return roster;
  }
}

function add(index: Map<string, Set<Membership>>, id: string, membership: Membership): void {
  index.set(id, (index.get(id) ?? new Set()).add(membership));
}

function remove(index: Map<string, Set<Membership>>, id: string, membership: Membership): void {
  const memberships = index.get(id);
  memberships?.delete(membership);
  if (memberships?.size === 0) index.delete(id);
}

function speak(membership: Membership, said: Said | undefined): void {
  membership.meta = said?.meta;
  membership.metaBytes = said?.bytes ?? 0;
}

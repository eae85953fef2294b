import type { ByPattern, Client, Clock } from '@callboard/core';
import { Wheel } from '../wheel.ts';
import type { Said } from './meta.ts';
import type { ChannelPresencePolicy } from './options.ts';
import { type Membership, Roster } from './roster.ts';

export interface MembershipsParts {
  readonly clock: Clock;
  readonly policies: ByPattern<ChannelPresencePolicy>;
  readonly graceMs: number;
  readonly graceAfterCloseMs: number;
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
  /** Those that said goodbye and are seen yet, by user id. */
  readonly #closed = new Map<string, Set<Membership>>();
  readonly #ahead = new WeakMap<Client, Map<string, Said>>();
  readonly #graces: Wheel<Membership>;

  constructor(parts: MembershipsParts) {
    this.#parts = parts;
    this.#graces = new Wheel(parts.clock, (membership) => this.#over(membership));
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
    const own = this.#byClient.get(client.id) ?? new Set();
    own.add(membership);
    this.#byClient.set(client.id, own);
    const ahead = this.#ahead.get(client);
    const said = ahead?.get(channel);
    ahead?.delete(channel);
    this.#change(membership, () => {
      membership.subscribed = true;
      // A device that was there before the server was, and is not back.
      if (client.online) {
        membership.state = 'here';
        this.#graces.forget(membership);
      }
      speak(membership, said);
    });
    if (client.online) this.#succeed(membership);
  }

  /** It is subscribed no more: by its own will or because it may not, or because its session is over. */
  left(client: Client, channel: string): void {
    const membership = this.rosters.get(channel)?.memberships.get(client.id);
    if (membership === undefined) return;
    this.#forget(membership);
    const { state } = membership;
    this.#change(membership, () => {
      membership.subscribed = false;
      if (client.online) membership.state = 'away';
      else if (state === 'here') {
        this.#grace(membership, this.#parts.graceAfterCloseMs);
        const closed = this.#closed.get(client.user.id) ?? new Set();
        this.#closed.set(client.user.id, closed.add(membership));
      }
    });
  }

  /** Its connection is lost, and it may come back. */
  lost(clientId: string): void {
    for (const membership of this.#byClient.get(clientId) ?? []) {
      if (membership.state === 'here') this.#grace(membership, this.#parts.graceMs);
    }
  }

  back(clientId: string): void {
    for (const membership of this.#byClient.get(clientId) ?? []) {
      this.#graces.forget(membership);
      if (membership.state === 'away') this.#turn(membership, 'here');
      else membership.state = 'here';
    }
  }

  /** What a client says of itself in a channel that it is in, or will be. */
  say(client: Client, channel: string, said: Said | undefined): void {
    const membership = this.rosters.get(channel)?.memberships.get(client.id);
    if (membership !== undefined) return this.#change(membership, () => speak(membership, said));
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
    this.#graces.stop();
    this.rosters.clear();
    this.#byClient.clear();
    this.#closed.clear();
  }

  /** The user's clients that said goodbye make room for the one that has come: a page that was loaded anew. */
  #succeed({ roster, client: { user } }: Membership): void {
    for (const membership of this.#closed.get(user.id) ?? [])
      if (membership.roster === roster) this.#over(membership);
  }

  #grace(membership: Membership, ms: number): void {
    membership.state = 'grace';
    this.#graces.wait(membership, this.#graces.after(ms));
  }

  /** Its grace is over. */
  #over(membership: Membership): void {
    const { id } = membership.client.user;
    const closed = this.#closed.get(id);
    closed?.delete(membership);
    if (closed?.size === 0) this.#closed.delete(id);
    this.#graces.forget(membership);
    this.#turn(membership, 'away');
  }

  #turn(membership: Membership, state: Membership['state']): void {
    this.#change(membership, () => {
      membership.state = state;
    });
  }

  #change(membership: Membership, change: (membership: Membership) => void): void {
    const { roster } = membership;
    if (roster.change(membership, change)) this.#parts.changed(roster);
    this.settle(roster);
  }

  #forget(membership: Membership): void {
    const { id } = membership.client;
    const own = this.#byClient.get(id);
    own?.delete(membership);
    if (own?.size === 0) this.#byClient.delete(id);
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

function speak(membership: Membership, said: Said | undefined): void {
  membership.meta = said?.meta;
  membership.metaBytes = said?.bytes ?? 0;
}

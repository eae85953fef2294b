import type { Batch, Entry, Member, MemberClient } from './contract.ts';

/** What has become of a user in a channel. */
export type MemberChange =
  | { readonly type: 'join'; readonly member: Member }
  | { readonly type: 'leave'; readonly member: Member }
  /** What a client of theirs says, or which clients they have there. */
  | { readonly type: 'update'; readonly member: Member; readonly before: Member };

/** A client's copy of who is in a channel. */
export class Replica {
  /** By user id, in the order in which they came. */
  readonly members = new Map<string, Member>();
  /** Of whom each client is, by its id. */
  readonly #users = new Map<string, string>();

  /** How many clients there are. */
  get size(): number {
    return this.#users.size;
  }

  apply({ set = [], gone = [] }: Pick<Batch, 'set' | 'gone'>): readonly MemberChange[] {
    const changed = new Map<string, Map<string, MemberClient>>();
    const clientsOf = (userId: string) => {
      const clients = changed.get(userId) ?? this.#clientsOf(userId);
      changed.set(userId, clients);
      return clients;
    };
    for (const id of gone) {
      const userId = this.#users.get(id);
      if (userId !== undefined) clientsOf(userId).delete(id);
      this.#users.delete(id);
    }
    for (const [clientId, userId, meta = {}] of set) {
      clientsOf(userId).set(clientId, { clientId, meta });
      this.#users.set(clientId, userId);
    }
    return [...changed].flatMap(([userId, clients]) => this.#renew(userId, [...clients.values()]));
  }

  /** Who is there now. Others are gone, but for those to `keep`. */
  replace(entries: readonly Entry[], keep: (clientId: string, userId: string) => boolean) {
    const there = new Set(entries.map(([id]) => id));
    const gone = [...this.#users].flatMap(([id, userId]) => (there.has(id) || keep(id, userId) ? [] : [id]));
    return this.apply({ set: entries, gone });
  }

  clear(): void {
    this.members.clear();
    this.#users.clear();
  }

  #clientsOf(userId: string): Map<string, MemberClient> {
    const clients = this.members.get(userId)?.clients ?? [];
    return new Map(clients.map((client) => [client.clientId, client]));
  }

  #renew(userId: string, clients: readonly MemberClient[]): readonly MemberChange[] {
    const before = this.members.get(userId);
    const member = { userId, clients };
    if (clients.length === 0) {
      this.members.delete(userId);
      return before === undefined ? [] : [{ type: 'leave', member: before }];
    }
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(member)) return [];
    this.members.set(userId, member);
    return [before === undefined ? { type: 'join', member } : { type: 'update', member, before }];
  }
}

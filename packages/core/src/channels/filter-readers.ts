import { fitting, LevelTrie } from '@callboard/protocol';
import type { ServerClient } from '../client.ts';
import type { ChannelPolicy } from './policy.ts';

/** Who reads by one filter, by the policy that lets them. */
type Readers = Map<ChannelPolicy, Set<ServerClient>>;

/**
 * Who reads through filters. A channel keeps what it is given here for as long as `version` stays: that changes with the
 * filters that there are, not with who reads by them.
 */
export class FilterReaders {
  version = 0;
  readonly #trie = new LevelTrie<Readers>();

  add(filter: string, policies: Iterable<ChannelPolicy>, client: ServerClient): void {
    const levels = filter.split('/');
    let readers = this.#trie.get(levels);
    if (readers === undefined) {
      readers = new Map();
      this.#trie.set(levels, readers);
    }
    for (const policy of policies) {
      const clients = readers.get(policy);
      if (clients !== undefined) clients.add(client);
      else {
        readers.set(policy, new Set([client]));
        this.version++;
      }
    }
  }

  delete(filter: string, policies: Iterable<ChannelPolicy>, client: ServerClient): void {
    const levels = filter.split('/');
    const readers = this.#trie.get(levels);
    for (const policy of policies) {
      const clients = readers?.get(policy);
      if (!clients?.delete(client) || clients.size > 0) continue;
      readers?.delete(policy);
      this.version++;
    }
    if (readers?.size === 0) this.#trie.delete(levels);
  }

  /** Those who may read the channel so: sets that may have members in common, and change with who reads. */
  of(name: readonly string[], policy: ChannelPolicy): readonly ReadonlySet<ServerClient>[] {
    return fitting(this.#trie, name)
      .map((readers) => readers.get(policy))
      .filter((clients) => clients !== undefined);
  }
}

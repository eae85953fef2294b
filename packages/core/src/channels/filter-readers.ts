import { fitting, LevelTrie } from '@callboard/protocol';
import type { Gap } from '../streams/feed.ts';
import type { Publication } from './channel.ts';
import type { ChannelPolicy } from './policy.ts';

/** Who reads by filters: a client over its connection, or one subscription of a gateway's session. */
export interface FilterReader {
  /** What takes the publications, while there is something that does. */
  readonly link: FilterLink | undefined;
}

export interface FilterLink {
  filtered(publication: Publication): void;
  gap(gap: Gap): void;
}

const none: readonly ReadonlySet<FilterReader>[] = [];

/** Who reads by one filter, by the policy that lets them. */
type Readers = Map<ChannelPolicy, Set<FilterReader>>;

/**
 * Who reads through filters. A channel keeps what it is given here for as long as `version` stays: that changes with the
 * filters that there are, not with who reads by them.
 */
export class FilterReaders {
  version = 0;
  readonly #trie = new LevelTrie<Readers>();

  add(filter: string, policies: Iterable<ChannelPolicy>, reader: FilterReader): void {
    const levels = filter.split('/');
    let readers = this.#trie.get(levels);
    if (readers === undefined) {
      readers = new Map();
      this.#trie.set(levels, readers);
    }
    for (const policy of policies) {
      const among = readers.get(policy);
      if (among !== undefined) among.add(reader);
      else {
        readers.set(policy, new Set([reader]));
        this.version++;
      }
    }
  }

  delete(filter: string, policies: Iterable<ChannelPolicy>, reader: FilterReader): void {
    const levels = filter.split('/');
    const readers = this.#trie.get(levels);
    for (const policy of policies) {
      const among = readers?.get(policy);
      if (!among?.delete(reader) || among.size > 0) continue;
      readers?.delete(policy);
      this.version++;
    }
    if (readers?.size === 0) this.#trie.delete(levels);
  }

  /** Those who may read the channel so: sets that may have members in common, and change with who reads. */
  of(name: string, policy: ChannelPolicy): readonly ReadonlySet<FilterReader>[] {
    if (this.#trie.isEmpty) return none;
    return fitting(this.#trie, name.split('/'))
      .map((readers) => readers.get(policy))
      .filter((among) => among !== undefined);
  }
}

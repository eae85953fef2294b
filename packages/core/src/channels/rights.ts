import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';
import type { Channel } from './channel.ts';
import { Pattern } from './pattern.ts';
import type { ChannelPolicy, Policies } from './policy.ts';

/** What a client may read by a filter: the channels that it fits, of these policies. */
export class FilterRight {
  readonly pattern: Pattern;
  readonly policies: readonly ChannelPolicy[];

  constructor(pattern: Pattern, policies: readonly ChannelPolicy[]) {
    this.pattern = pattern;
    this.policies = policies;
  }

  covers({ policy, levels }: Pick<Channel, 'policy' | 'levels'>): boolean {
    return this.policies.includes(policy) && this.pattern.matches(levels);
  }
}

/** Who may read what. What a check throws is thrown, or rejects. */
export class Rights {
  readonly #policies: Policies;

  constructor(policies: Policies) {
    this.#policies = policies;
  }

  toRead(client: ServerClient, channel: string): Awaitable<boolean> {
    const { user } = client;
    return this.#policies.of(channel).canSubscribe?.({ user, client, channel }) ?? false;
  }

  /** Of a filter, or of a channel that is read as if it were one. Undefined where none of the policies lets it. */
  toFilter(client: ServerClient, filter: string): Awaitable<FilterRight | undefined> {
    const { user } = client;
    const pattern = new Pattern(filter);
    const asked = pattern.isName
      ? [this.#policies.of(filter)]
      : [...this.#policies.within(pattern)].filter((policy) => policy.filters === true);
    const answers = asked.map((policy) => policy.canSubscribe?.({ user, client, channel: filter }) ?? false);
    const right = (ready: readonly Awaitable<boolean>[]) => {
      const granting = asked.filter((_, i) => ready[i] === true);
      return granting.length === 0 ? undefined : new FilterRight(pattern, granting);
    };
    return answers.some(isPromise) ? Promise.all(answers).then(right) : right(answers);
  }
}

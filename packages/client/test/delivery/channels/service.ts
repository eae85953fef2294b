import type { Awaitable, ChannelPolicies, ChannelPolicy, ChannelRequest, Clock } from '@callboard/core';
import type { Data, Fate } from './publications.ts';

const history = { size: 4, ttlMs: 40_000 };
/** By what their names begin with. */
const kinds = {
  bare: { filters: true },
  kept: { filters: true, history: { ...history, size: 8 } },
  last: { filters: true, history, retain: true },
  value: { retain: true, maxPerSecond: 2 },
  latest: { filters: true, history, overflow: 'latest' },
  flash: { filters: true, retain: true, overflow: 'latest' },
} as const satisfies Record<string, ChannelPolicy>;
export type Kind = keyof typeof kinds;
const policies: Readonly<Record<Kind, ChannelPolicy>> = kinds;

export const channels = ['bare/a', 'kept/a', 'kept/b', 'last/a', 'value/a', 'latest/a', 'flash/a'] as const;
export type ChannelName = (typeof channels)[number];
export const filters = ['+/a', '#', 'kept/#', 'flash/+'] as const;
/** Those in which everything is kept for a while. */
export const isKept = (channel: string): boolean => policies[kindOf(channel)].history !== undefined;
export const isRetained = (channel: string): boolean => policies[kindOf(channel)].retain === true;

export function kindOf(channel: string): Kind {
  return channel.split('/')[0] as Kind;
}

export function fits(filter: string, channel: string): boolean {
  const levels = filter.replaceAll('+', '[^/]*').replace(/(^|\/)#$/, '($1.*)?');
  return new RegExp(`^${levels}$`).test(channel);
}

/** How the application answers who may subscribe. */
export const answers = ['at once', 'late', 'never', 'fails'] as const;

/** A user's right to the channels of one kind. */
interface Right {
  may: boolean;
  /** Changes that the server is still seeing to. */
  pending: number;
  /** Nothing from then on may be sent, where that is so. */
  forbiddenSince: number | undefined;
}

/** The application on the server: who may do what with which channels. */
export class ChannelService {
  answers: (typeof answers)[number] = 'at once';
  readonly #clock: Clock;
  readonly #tick: () => number;
  /** Those that have ever changed, by user and kind. */
  readonly #rights = new Map<string, Right>();

  constructor(clock: Clock, tick: () => number) {
    this.#clock = clock;
    this.#tick = tick;
  }

  may(userId: string, kind: Kind): boolean {
    return this.#rights.get(`${userId} ${kind}`)?.may ?? true;
  }

  /** Whether a filter lets a user read the channel for sure. */
  covers(userId: string, filter: string, channel: string): boolean {
    const kind = kindOf(channel);
    if (!fits(filter, channel) || policies[kind].filters !== true) return false;
    const { may, pending } = this.#rights.get(`${userId} ${kind}`) ?? { may: true, pending: 0 };
    return may && pending === 0;
  }

  /** Whether a refusal may have been right, or an ended right may have been. */
  hasChanged(userId: string, channel: string): boolean {
    return this.#rights.has(`${userId} ${kindOf(channel)}`);
  }

  /** Nothing that was published since may reach the user; undefined where it may. */
  forbiddenSince(userId: string, channel: string): number | undefined {
    return this.#rights.get(`${userId} ${kindOf(channel)}`)?.forbiddenSince;
  }

  /** Gives or takes the right. To be called back when the server has seen to it. */
  change(userId: string, kind: Kind, may: boolean): () => void {
    const key = `${userId} ${kind}`;
    const right = this.#rights.get(key) ?? { may, pending: 0, forbiddenSince: undefined };
    this.#rights.set(key, right);
    right.may = may;
    right.forbiddenSince = undefined;
    right.pending++;
    return () => {
      right.pending--;
      if (right.pending === 0 && !right.may) right.forbiddenSince = this.#tick();
    };
  }

  get policies(): ChannelPolicies {
    const entries = Object.entries(policies).map(([kind, policy]): [string, ChannelPolicy] => [
      `${kind}/+`,
      { ...policy, canSubscribe: this.#canSubscribe(kind as Kind), canPublish: this.#canPublish },
    ]);
    return Object.fromEntries(entries);
  }

  /** A filter names no kind: each is asked for itself. */
  #canSubscribe(kind: Kind): (request: ChannelRequest) => Awaitable<boolean> {
    return ({ user }) => {
      const may = this.may(user.id, kind);
      if (this.answers === 'at once') return may;
      if (this.answers === 'fails') throw new Error('the directory is down');
      return this.answers === 'never' ? new Promise(() => {}) : this.#after(900, may);
    };
  }

  readonly #canPublish = ({ data }: { readonly data: unknown }): Awaitable<boolean> => {
    const fate: Fate = (data as Data).fate ?? 'passes';
    if (fate === 'passes' || fate === 'is forbidden') return fate === 'passes';
    return this.#after(fate === 'waits' ? 700 : 12_000, true);
  };

  #after<T>(ms: number, answer: T): Promise<T> {
    return new Promise((resolve) => void this.#clock.setTimeout(() => resolve(answer), ms));
  }
}

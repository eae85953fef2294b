import type { Awaitable } from '@callboard/runtime';
import type { Client, User } from '../api.ts';
import type { Retention } from '../streams/log.ts';
import { Pattern } from './pattern.ts';

/** Who asks to do something with which channel. */
export interface ChannelRequest {
  readonly user: User;
  readonly client: Client;
  readonly channel: string;
}

/** What holds for the channels of one pattern. */
export interface ChannelPolicy {
  /**
   * What is kept for readers that come back: `size` publications, each for `ttlMs` milliseconds (default 120,000, twice
   * the resume window's default). Default: nothing.
   */
  readonly history?: { readonly size: number; readonly ttlMs?: number };
  /** Keeps the last publication until the server stops, for those who subscribe later. Default false. */
  readonly retain?: boolean;
  /** False refuses with FORBIDDEN, what throws with INTERNAL, too slow with CHECK_TIMEOUT. Default: nobody may. */
  readonly canSubscribe?: (request: ChannelRequest) => Awaitable<boolean>;
  /** Likewise; the server itself always may. */
  readonly canPublish?: (request: ChannelRequest & { readonly data: unknown }) => Awaitable<boolean>;
}

/**
 * Policies by pattern: exact names, and names with `+` and `#` as in MQTT 5, section 4.7. The most specific one holds, and
 * that one alone: compared level by level from the left, a name is before `+`, and that before `#`.
 */
export type ChannelPolicies = Readonly<Record<string, ChannelPolicy>>;

const closed: ChannelPolicy = {};
const HISTORY_TTL_MS = 120_000;

export class Policies {
  readonly #exact = new Map<string, ChannelPolicy>();
  /** The most specific first. */
  readonly #patterns: { readonly pattern: Pattern; readonly policy: ChannelPolicy }[] = [];

  /** @throws TypeError where a pattern is none, RangeError where a history is. */
  constructor(policies: ChannelPolicies = {}) {
    for (const [text, policy] of Object.entries(policies)) {
      const pattern = new Pattern(text);
      const { size = 1, ttlMs = 1 } = policy.history ?? {};
      if (!(Number.isSafeInteger(size) && size > 0 && ttlMs > 0))
        throw new RangeError(
          `channels['${text}'].history keeps a whole number of publications, for some time`,
        );
      if (pattern.isName) this.#exact.set(text, policy);
      else this.#patterns.push({ pattern, policy });
    }
    this.#patterns.sort((a, b) => a.pattern.compare(b.pattern));
  }

  of(channel: string): ChannelPolicy {
    const exact = this.#exact.get(channel);
    if (exact !== undefined || this.#patterns.length === 0) return exact ?? closed;
    const levels = channel.split('/');
    return this.#patterns.find(({ pattern }) => pattern.matches(levels))?.policy ?? closed;
  }
}

export function retentionOf({ history }: ChannelPolicy): Retention {
  return {
    maxEntries: history?.size ?? 0,
    maxLength: Number.POSITIVE_INFINITY,
    ttlMs: history?.ttlMs ?? HISTORY_TTL_MS,
  };
}

import type { Client } from '@callboard/core';
import type { Awaitable } from '@callboard/runtime';
import type { ChannelPresencePolicies } from './channels/options.ts';
import type { PresenceStore } from './store/store.ts';

/** A client that wants to watch users; never its own, whom every client may watch. */
export interface WatchRequest {
  readonly client: Client;
  /** At most 1,000 user ids, each once; there need not be such users. */
  readonly userIds: readonly string[];
}

/**
 * Which of these users the client may watch: all, none, or those whose ids it gives. Asked when a client begins to watch, and
 * again whenever what it may do may have changed. What it throws refuses all of them this time.
 */
export type CanWatch = (request: WatchRequest) => Awaitable<boolean | readonly string[]>;

/**
 * How it shows that somebody uses a client: it says so itself (`told`: active until it says that it is idle), or by what it
 * sends (`used`: idle where it sends nothing for `awayAfterMs`), or not at all (`never`: it is idle always).
 */
export type UseRule = 'told' | 'used' | 'never';

export interface PresenceOptions {
  /** Without input for so long nobody uses a client, in milliseconds. Default 300,000. */
  readonly awayAfterMs?: number;
  /** From the loss of the last connection until its user is OFFLINE, in milliseconds. Default 30,000. */
  readonly graceMs?: number;
  /** The same, where that client said goodbye: a page that was closed or is being reloaded. Default 5,000. */
  readonly graceAfterCloseMs?: number;
  /** Default: nobody may watch anybody but themselves. */
  readonly canWatch?: CanWatch;
  /** Users whom one client may watch at a time. Default 5,000. */
  readonly maxWatched?: number;
  /** Changes are told together, so often, in milliseconds. Default 100. */
  readonly batchMs?: number;
  /** Default: every client says so itself, and a device that cannot is in use while it is connected. */
  readonly useOf?: (client: Client) => UseRule;
  /** Where it is remembered when users were last online and what they have chosen. Default: in memory. */
  readonly store?: PresenceStore;
  /** Presence in channels, by pattern. Default: no channel has it. */
  readonly channels?: ChannelPresencePolicies;
}

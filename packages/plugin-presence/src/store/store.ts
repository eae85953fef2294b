import type { Awaitable } from '@callboard/runtime';
import type { Choice } from '../users/contract.ts';

/** What is known of a user beyond the life of a server. Times are milliseconds since 1970 (UTC). */
export interface Remembered {
  readonly userId: string;
  /** When they were last online; null where they never were. */
  readonly lastOnlineTs: number | null;
  /** When others last saw them online, which is earlier for who was invisible since. */
  readonly lastSeenTs: number | null;
  readonly choice: Choice;
}

/** Where users are remembered. What it throws is logged, and it is asked again. */
export interface PresenceStore {
  /** Called when the server starts, and before anything else. */
  open(): Awaitable<void>;
  /** Those of these users whom it knows, in any order; at most 1,000 are asked for at once. */
  load(userIds: readonly string[]): Awaitable<readonly Remembered[]>;
  /** In place of what it knew of these users; all or nothing. */
  save(users: readonly Remembered[]): Awaitable<void>;
  /** Called when the server has stopped; it may be opened again. */
  close(): Awaitable<void>;
}

import type { Status } from '@callboard/protocol';

/** What the server half and the client half say to each other of users. Times are milliseconds since 1970 (UTC). */

/**
 * What a person wants to be seen as, on all of their clients: as they are (`auto`), AWAY whatever they do, as one who is not
 * to be disturbed, or OFFLINE to everybody but themselves.
 */
export const choices = ['auto', 'away', 'doNotDisturb', 'invisible'] as const;
export type Choice = (typeof choices)[number];

/** A user as others see them. */
export interface UserPresence {
  readonly userId: string;
  readonly status: Status;
  /** Never for one who is OFFLINE. */
  readonly doNotDisturb: boolean;
  /** Null where they are OFFLINE. */
  readonly onlineSinceTs: number | null;
  /** When they were last seen, where they are OFFLINE now; null where that is not known. */
  readonly lastOnlineTs: number | null;
  /** Null where they are not AWAY. */
  readonly awaySinceTs: number | null;
}

/** A user as their own clients see them: as they are. */
export interface OwnPresence extends UserPresence {
  readonly choice: Choice;
  /** Id of the client that was used last; null where none is connected. */
  readonly activeClient: string | null;
}

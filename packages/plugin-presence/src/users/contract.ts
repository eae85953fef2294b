import { type AnyAction, ReplyError, type Status, type UserId, userIdOf } from '@callboard/protocol';

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
  /** When they were last online, where they are OFFLINE now; null where that is not known. */
  readonly lastOnlineTs: number | null;
  /** Null where they are not AWAY. */
  readonly awaySinceTs: number | null;
}

/** A user as their own clients see them: as they are. */
export interface OwnPresence extends UserPresence {
  readonly choice: Choice;
  /** Id of the client that was used last; null where that is gone. */
  readonly activeClient: string | null;
}

/**
 * Of one user, what has the higher version is newer. Versions of all users grow together, as long as a session lasts; those of what
 * users are told of themselves by themselves.
 */
export type Versioned<P> = P & { readonly version: number };

/** Ids in one request, and characters of all of them. */
export const maxAsked = { ids: 1_000, length: 16_384 };

/** First in a session, and again after each resume with the highest version that was told: answered with Begun. */
export interface AskBegin {
  readonly type: 'PRESENCE_BEGIN';
  readonly since?: number;
}
export interface Begun extends Watched {
  readonly own: Versioned<OwnPresence>;
  readonly awayAfterMs: number;
  /** So long, in milliseconds, those who were there before the server was started may not be back yet. */
  readonly settlesMs: number;
}
/** Begins to watch these users, and ends to watch those: answered with Watched. */
export interface AskWatch {
  readonly type: 'PRESENCE_WATCH';
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}
/** How the users are, and those that this client may not watch. */
export interface Watched {
  readonly users: readonly Versioned<UserPresence>[];
  readonly refused: readonly string[];
}
/** Answered when it holds. */
export interface AskChoice {
  readonly type: 'PRESENCE_CHOOSE';
  readonly choice: Choice;
}

/** To those who watch them: how these users are now. */
export interface Changed {
  readonly type: 'PRESENCE_CHANGED';
  readonly users: readonly Versioned<UserPresence>[];
}
/** To a user's own clients. */
export interface OwnChanged {
  readonly type: 'PRESENCE_OWN_CHANGED';
  readonly own: Versioned<OwnPresence>;
}
/** To a client that may not watch these users any more. */
export interface Refused {
  readonly type: 'PRESENCE_REFUSED';
  readonly userIds: readonly string[];
}

/** As text, each once. @throws TypeError where one is no user id. */
export function userIdsIn(userIds: UserId | readonly UserId[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const each of Array.isArray(userIds) ? userIds : [userIds]) {
    const id = userIdOf(each);
    if (id === undefined) throw new TypeError(`not a user id: ${String(each)}`);
    ids.add(id);
  }
  return ids;
}

/** @throws ReplyError INVALID_ACTION */
export function askBegin({ since }: AnyAction): Omit<AskBegin, 'type'> {
  if (since === undefined) return {};
  if (!Number.isSafeInteger(since)) throw invalid('since is no version');
  return { since: since as number };
}

/** @throws ReplyError INVALID_ACTION */
export function askWatch({ add, remove }: AnyAction): Required<Omit<AskWatch, 'type'>> {
  return { add: idsIn(add), remove: idsIn(remove) };
}

/** @throws ReplyError INVALID_ACTION */
export function askChoice({ choice }: AnyAction): Choice {
  if (!choices.includes(choice as Choice)) throw invalid(`choice is none of ${choices.join(', ')}`);
  return choice as Choice;
}

function idsIn(value: unknown = []): readonly string[] {
  if (!Array.isArray(value)) throw invalid('users are named by a list of ids');
  if (value.length > maxAsked.ids) throw invalid(`a request names ${maxAsked.ids} users at most`);
  const ids = new Set<string>();
  for (const each of value) {
    const id = userIdOf(each);
    if (id === undefined) throw invalid('there is something that is no user id');
    ids.add(id);
  }
  return [...ids];
}

function invalid(message: string): ReplyError {
  return new ReplyError('INVALID_ACTION', { message });
}

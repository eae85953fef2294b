import type { AnyAction } from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { Item, ItemState } from './contract.ts';

/** Whom a notification is for. */
export type Recipients =
  | { readonly users: readonly string[] }
  /** Who has subscribed to the channel when it is due. */
  | { readonly channel: string }
  /** Whom the application's query of this name gives when it is due. */
  | { readonly audience: string; readonly params?: unknown };

/** What is kept of a notification; times are milliseconds since 1970 (UTC). */
export interface Definition {
  readonly key: string;
  readonly at: number;
  readonly action: AnyAction;
  readonly to: Recipients;
  /** In falling order. */
  readonly leadTimesMs: readonly number[];
  readonly expiresAt: number;
  /** Later than this a notice is missed, in milliseconds; null where it is told until `expiresAt`. */
  readonly withinMs: number | null;
  /** What was asked for, as text: two that are equal are the same notification. */
  readonly asked: string;
}

export interface Notification extends Definition {
  readonly state: 'scheduled' | 'cancelled';
  /** Grows with each change. */
  readonly version: number;
  /** Grows with each move to another time. */
  readonly round: number;
}

/** A notification falls due once for each of its lead times. */
export interface Notice {
  /** Of this round and lead time of the key. */
  readonly id: string;
  readonly leadMs: number;
  readonly dueAt: number;
}

export type NoticeState = 'waiting' | 'told' | 'skipped' | 'moved' | 'cancelled';

/** A notice that is this node's to tell, for as long as the lease lasts. */
export interface Claimed extends Notice {
  readonly notification: Notification;
  readonly lease: string;
  /** Where the last confirmed page of recipients ended; undefined where there is none. */
  readonly cursor: string | undefined;
  /** How often it has failed since. */
  readonly attempts: number;
  /** Whether telling it has begun. */
  readonly begun: boolean;
  /** Whether a later notice of its round is due as well. */
  readonly superseded: boolean;
}

export interface Claim {
  readonly lease: string;
  readonly now: number;
  readonly until: number;
  readonly limit: number;
}

/** A page of recipients, to be written under its lease. */
export interface Entry {
  readonly id: string;
  readonly lease: string;
  readonly users: readonly string[];
}

/** What has become of a claimed notice. Each but `told` and `skipped` leaves it waiting. */
export type Step = { readonly id: string; readonly lease: string } & (
  | { readonly kind: 'hold'; readonly until: number }
  | { readonly kind: 'page'; readonly cursor: string; readonly until: number }
  | { readonly kind: 'told' }
  | { readonly kind: 'skipped'; readonly why: string }
  | { readonly kind: 'retry'; readonly at: number; readonly why: string }
  /** Given back: it may be claimed at once. */
  | { readonly kind: 'release' }
);

export interface NoticeRecord extends Notice {
  readonly round: number;
  readonly state: NoticeState;
  /** Why it was skipped, or failed last. */
  readonly why: string | undefined;
  readonly attempts: number;
  readonly settledAt: number | undefined;
  /** People told, alerted, and those that have read or dismissed it. */
  readonly people: { readonly told: number; readonly alerted: number; readonly read: number };
}

export interface ListOptions {
  /** Keys after this one. Default: from the first. */
  readonly after?: string | undefined;
  /** 1 to 1,000. Default 100. */
  readonly limit?: number;
}

/** What `replace` makes of a notification. */
export interface Replacement {
  readonly notification: Notification;
  /** Of the new round; where the round is the same those that are there stay, and begin anew. */
  readonly notices: readonly Notice[];
}

export interface Since {
  readonly since: number;
  /** Of the notices that were told at that very time, those with ids after this one. */
  readonly after: string;
  readonly now: number;
  readonly limit: number;
}

export interface ToldTo {
  readonly userId: string;
  readonly item: Item;
  readonly toldAt: number;
}

/**
 * Where notifications are kept: a port. An implementation passes `notifyStoreSuite`. Each method is one transaction: it
 * took effect as a whole, or not at all. Whatever is thrown means that the database cannot be used now.
 */
export interface NotifyStore {
  /** Connects and migrates; called before anything else, and again after anything was thrown. */
  open(): Awaitable<void>;
  /** May be opened again. */
  close(): Awaitable<void>;
  /** Unless the key is there: then it gives what is. */
  create(
    notification: Notification,
    notices: readonly Notice[],
    now: number,
  ): Promise<{ readonly created: boolean; readonly notification: Notification }>;
  get(key: string): Promise<Notification | undefined>;
  /**
   * Unless its version is another one by now: then nothing is done, and it says false. Whoever is telling it loses the
   * lease. What waits of earlier rounds is `moved`, or `cancelled` where the notification is.
   */
  replace(version: number, replacement: Replacement, now: number): Promise<boolean>;
  /** By key. */
  list(options: Required<ListOptions>): Promise<readonly Notification[]>;
  /** All rounds, the first due first. */
  history(key: string): Promise<readonly NoticeRecord[]>;
  /** Notices that are due and nobody's, the first due first. No two claims get the same. */
  claim(claim: Claim): Promise<readonly Claimed[]>;
  /** When there is something to claim next. */
  nextAt(): Promise<number | undefined>;
  /**
   * Puts notices into inboxes, each once however often it is entered. Says of each whether its lease still holds; the others do
   * nothing.
   */
  enter(entries: readonly Entry[]): Promise<readonly boolean[]>;
  /** Says of each whether its lease still held; the others do nothing. */
  settle(steps: readonly Step[], now: number): Promise<readonly boolean[]>;
  /** Neither dismissed nor void, the newest first. */
  inbox(
    userId: string,
    options: { readonly now: number; readonly limit: number },
  ): Promise<{ items: readonly Item[]; unread: number }>;
  /** Items of these people, neither dismissed nor void, of notices that were told since then: the first told first. */
  toldSince(users: readonly string[], options: Since): Promise<readonly ToldTo[]>;
  /** Gives those of the ids that `by` may alert of: unread, not void, and nobody else was let. */
  alert(userId: string, ids: readonly string[], by: string, now: number): Promise<readonly string[]>;
  /** Gives those of the ids that moved on. */
  mark(userId: string, ids: readonly string[], state: ItemState): Promise<readonly string[]>;
  /** Who has items of the notification, of any round, by user id. */
  holders(
    key: string,
    options: { readonly after: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /**
   * Forgets notifications that expired before then with all that belongs to them, about `limit` rows at a time. Says how many; 0 when there
   * are no more.
   */
  prune(before: number, limit: number): Promise<number>;
}

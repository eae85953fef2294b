import { type AnyAction, isAction, ReplyError } from '@callboard/protocol';
import { isStorable } from './storable.ts';

/** What the server half and the client half say to each other. */

/** What has become of an item for its person, over all tabs and devices. It only moves on in this order. */
export const itemStates = ['unread', 'read', 'dismissed'] as const;
export type ItemState = (typeof itemStates)[number];

/** A notification in somebody's inbox. Times are milliseconds since 1970 (UTC). */
export interface Item {
  /** The same wherever and however often it is told. */
  readonly id: string;
  /** The notification's. */
  readonly key: string;
  /** Grows each time the notification is moved to another time. */
  readonly round: number;
  readonly action: AnyAction;
  /** What it is about is then. */
  readonly at: number;
  /** How long before that it was due. */
  readonly leadMs: number;
  readonly dueAt: number;
  readonly expiresAt: number;
  readonly state: ItemState;
  /** Whether a client of the person's has alerted them. */
  readonly alerted: boolean;
}

/** From the server to a person's clients: new items. */
export interface Told {
  readonly type: 'NOTIFICATION';
  readonly items: readonly Item[];
  /** Id of the client that is to alert the person; where it is absent, they have but one. */
  readonly alert?: string;
}
/** Something became of items, on one of the person's clients. */
export interface Changed {
  readonly type: 'NOTIFICATION_CHANGED';
  readonly ids: readonly string[];
  readonly state?: ItemState;
  readonly alerted?: true;
}
/** The notification was moved, edited or cancelled: items of earlier rounds are void, those of this one are as told here. */
export interface Revised extends Pick<Item, 'key' | 'round' | 'action' | 'at' | 'expiresAt'> {
  readonly type: 'NOTIFICATION_REVISED';
}
export type FromServer = Told | Changed | Revised;

/**
 * From a client to the server, which answers with an Inbox: the newest items that are not dismissed, up to `maxListed`, fewer where their actions
 * together would be longer than 128 KiB.
 */
export interface AskInbox {
  readonly type: 'NOTIFY_INBOX';
}
export interface Inbox {
  /** The newest first. */
  readonly items: readonly Item[];
  /** Of all there are. */
  readonly unread: number;
}
/** May this page, by a name of its own, alert the person? Answered with those ids that it may, however often it asks. */
export interface AskAlert {
  readonly type: 'NOTIFY_ALERT';
  readonly ids: readonly string[];
  readonly by: string;
}
/** Answered with the ids of those that moved on. */
export interface Mark {
  readonly type: 'NOTIFY_MARK';
  readonly ids: readonly string[];
  readonly state: Exclude<ItemState, 'unread'>;
}
export type FromClient = AskInbox | AskAlert | Mark;

/** Items that are listed, and ids that one request may name. */
export const maxListed = 200;
const maxName = 320;

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max;
const areIds = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length <= maxListed && value.every((id) => isStorable(id, maxName));

/** @throws ReplyError INVALID_ACTION */
export function askAlert({ ids, by }: AnyAction): Omit<AskAlert, 'type'> {
  if (!areIds(ids) || !isStorable(by, 64)) throw new ReplyError('INVALID_ACTION');
  return { ids, by };
}

/** @throws ReplyError INVALID_ACTION */
export function mark({ ids, state }: AnyAction): Omit<Mark, 'type'> {
  if (!areIds(ids) || (state !== 'read' && state !== 'dismissed')) throw new ReplyError('INVALID_ACTION');
  return { ids, state };
}

/** What the server told, where it is that: a page may be older than its server. */
export function fromServer(action: AnyAction): FromServer | undefined {
  switch (action.type) {
    case 'NOTIFICATION':
      return Array.isArray(action.items) && action.items.every(isItem)
        ? (action as unknown as Told)
        : undefined;
    case 'NOTIFICATION_CHANGED':
      return Array.isArray(action.ids) ? (action as unknown as Changed) : undefined;
    case 'NOTIFICATION_REVISED':
      return isText(action.key, maxName) && typeof action.round === 'number' && isAction(action.action)
        ? (action as unknown as Revised)
        : undefined;
    default:
      return undefined;
  }
}

function isItem(value: Partial<Item> | null): boolean {
  return typeof value === 'object' && value !== null && isText(value.id, maxName) && isAction(value.action);
}

import type { AnyAction } from '@callboard/protocol';
import { type Item, itemStates } from '../contract.ts';
import type { Notice, NoticeRecord, Notification, Recipients } from '../store.ts';
import type { BigNumber, ItemRow, NoticeRow, NotificationRow } from './tables.ts';

export function notificationRow(notification: Notification): NotificationRow {
  const { key, state, version, round, at, expiresAt, withinMs, action, to, leadTimesMs, asked } =
    notification;
  return {
    notification_key: key,
    state,
    version,
    round,
    event_at: at,
    expires_at: expiresAt,
    within_ms: withinMs,
    action: JSON.stringify(action),
    recipients: JSON.stringify(to),
    lead_times: JSON.stringify(leadTimesMs),
    asked,
  };
}

export function notificationOf(row: NotificationRow): Notification {
  return {
    key: row.notification_key,
    state: row.state as Notification['state'],
    version: row.version,
    round: row.round,
    at: Number(row.event_at),
    expiresAt: Number(row.expires_at),
    withinMs: row.within_ms === null ? null : Number(row.within_ms),
    action: JSON.parse(row.action) as AnyAction,
    to: JSON.parse(row.recipients) as Recipients,
    leadTimesMs: JSON.parse(row.lead_times) as number[],
    asked: row.asked,
  };
}

export function noticeRow({ key, round }: Notification, { id, leadMs, dueAt }: Notice): NoticeRow {
  return {
    id,
    notification_key: key,
    round,
    lead_ms: leadMs,
    due_at: dueAt,
    wake_at: dueAt,
    state: 'waiting',
    lease: null,
    page_end: null,
    begun: 0,
    attempts: 0,
    why: null,
    settled_at: null,
  };
}

export function noticeOf({ id, lead_ms, due_at }: Pick<NoticeRow, 'id' | 'lead_ms' | 'due_at'>): Notice {
  return { id, leadMs: Number(lead_ms), dueAt: Number(due_at) };
}

export interface People {
  readonly told: BigNumber;
  readonly alerted: BigNumber;
  readonly read: BigNumber | null;
}

export function recordOf(row: NoticeRow, people: People | undefined): NoticeRecord {
  return {
    ...noticeOf(row),
    round: row.round,
    state: row.state as NoticeRecord['state'],
    why: row.why ?? undefined,
    attempts: row.attempts,
    settledAt: row.settled_at === null ? undefined : Number(row.settled_at),
    people: {
      told: Number(people?.told ?? 0),
      alerted: Number(people?.alerted ?? 0),
      read: Number(people?.read ?? 0),
    },
  };
}

export type ItemView = Pick<ItemRow, 'state' | 'alerted_by'> &
  Pick<NoticeRow, 'id' | 'lead_ms' | 'due_at'> &
  Pick<NotificationRow, 'notification_key' | 'round' | 'action' | 'event_at' | 'expires_at'>;

export function itemOf(row: ItemView): Item {
  return {
    ...noticeOf(row),
    key: row.notification_key,
    round: row.round,
    action: JSON.parse(row.action) as AnyAction,
    at: Number(row.event_at),
    expiresAt: Number(row.expires_at),
    state: itemStates[row.state] as Item['state'],
    alerted: row.alerted_by !== null,
  };
}

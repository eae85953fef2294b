import { type ItemState, itemStates } from '../contract.ts';
import type { Since, ToldTo } from '../store.ts';
import { type ItemView, itemOf } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** Inboxes. */

/** Items that are not void, with what they are about. */
function standing(tx: Transaction, now: number) {
  return tx
    .selectFrom('notify_items')
    .innerJoin('notify_notices', 'notify_notices.id', 'notify_items.notice_id')
    .innerJoin('notify_notifications', (join) =>
      join
        .onRef('notify_notifications.notification_key', '=', 'notify_notices.notification_key')
        .onRef('notify_notifications.round', '=', 'notify_notices.round'),
    )
    .where('notify_notifications.state', '=', 'scheduled')
    .where('notify_notifications.expires_at', '>', now);
}

function current(tx: Transaction, userId: string, now: number) {
  return standing(tx, now).where('notify_items.user_id', '=', userId);
}

const view = [
  'notify_items.state',
  'notify_items.alerted_by',
  'notify_notices.id',
  'notify_notices.lead_ms',
  'notify_notices.due_at',
  'notify_notifications.notification_key',
  'notify_notifications.round',
  'notify_notifications.action',
  'notify_notifications.event_at',
  'notify_notifications.expires_at',
] as const;

export async function inbox(tx: Transaction, userId: string, now: number, limit: number) {
  const rows: ItemView[] = await current(tx, userId, now)
    .where('notify_items.state', '<', itemStates.indexOf('dismissed'))
    .select(view)
    .orderBy('notify_notices.due_at', 'desc')
    .orderBy('notify_notices.id')
    .limit(limit)
    .execute();
  const { unread } = await current(tx, userId, now)
    .where('notify_items.state', '=', itemStates.indexOf('unread'))
    .select((row) => row.fn.countAll<number | string>().as('unread'))
    .executeTakeFirstOrThrow();
  return { items: rows.map(itemOf), unread: Number(unread) };
}

export async function toldSince(
  tx: Transaction,
  users: readonly string[],
  { since, after, now, limit }: Since,
): Promise<readonly ToldTo[]> {
  if (users.length === 0) return [];
  const rows = await standing(tx, now)
    .where('notify_notices.state', '=', 'told')
    .where('notify_notices.wake_at', '>=', since)
    .where((row) => row.or([row('notify_notices.wake_at', '>', since), row('notify_notices.id', '>', after)]))
    .where('notify_items.user_id', 'in', users)
    .where('notify_items.state', '<', itemStates.indexOf('dismissed'))
    .select([...view, 'notify_items.user_id', 'notify_notices.wake_at'])
    .orderBy('notify_notices.wake_at')
    .orderBy('notify_notices.id')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ userId: row.user_id, item: itemOf(row), toldAt: Number(row.wake_at) }));
}

export async function alert(
  tx: Transaction,
  userId: string,
  ids: readonly string[],
  by: string,
  now: number,
) {
  if (ids.length === 0) return [];
  const rows = await current(tx, userId, now)
    .where('notify_items.notice_id', 'in', ids)
    .where('notify_items.state', '=', itemStates.indexOf('unread'))
    .select('notify_items.notice_id')
    .execute();
  const candidates = rows.map(({ notice_id }) => notice_id);
  if (candidates.length === 0) return [];
  await tx
    .updateTable('notify_items')
    .set({ alerted_by: by })
    .where('user_id', '=', userId)
    .where('notice_id', 'in', candidates)
    .where('state', '=', itemStates.indexOf('unread'))
    .where('alerted_by', 'is', null)
    .execute();
  const granted = await tx
    .selectFrom('notify_items')
    .select('notice_id')
    .where('user_id', '=', userId)
    .where('notice_id', 'in', candidates)
    .where('alerted_by', '=', by)
    .execute();
  return granted.map(({ notice_id }) => notice_id);
}

export async function mark(
  tx: Transaction,
  rowLocks: boolean,
  userId: string,
  ids: readonly string[],
  state: ItemState,
) {
  if (ids.length === 0) return [];
  const rows = await tx
    .selectFrom('notify_items')
    .select('notice_id')
    .where('user_id', '=', userId)
    .where('notice_id', 'in', ids)
    .where('state', '<', itemStates.indexOf(state))
    .$if(rowLocks, (query) => query.forUpdate())
    .execute();
  const moving = rows.map(({ notice_id }) => notice_id);
  if (moving.length > 0)
    await tx
      .updateTable('notify_items')
      .set({ state: itemStates.indexOf(state) })
      .where('user_id', '=', userId)
      .where('notice_id', 'in', moving)
      .execute();
  return moving;
}

/** Notice by notice, each by its index: those of one that a million were told, too. */
export async function holders(tx: Transaction, key: string, after: string, limit: number) {
  const notices = await tx
    .selectFrom('notify_notices')
    .select('id')
    .where('notification_key', '=', key)
    .where('begun', '=', 1)
    .execute();
  const users = new Set<string>();
  for (const { id } of notices) {
    const rows = await tx
      .selectFrom('notify_items')
      .select('user_id')
      .where('notice_id', '=', id)
      .where('user_id', '>', after)
      .orderBy('user_id')
      .limit(limit)
      .execute();
    for (const { user_id } of rows) users.add(user_id);
  }
  // As databases compare: by the bytes of UTF-8.
  return [...users].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit);
}

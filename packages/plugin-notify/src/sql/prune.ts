import type { SqlDialect } from './dialect.ts';
import type { Transaction } from './transaction.ts';

/**
 * Forgets what expired before then, about `limit` rows: items first, then their notices, then the notification. Rows are locked in the order in
 * which those who change a notification or tell it lock them, so that nothing of one that is moved just now is lost.
 */
export async function prune(
  tx: Transaction,
  { rowLocks }: SqlDialect,
  before: number,
  limit: number,
): Promise<number> {
  const expired = await tx
    .selectFrom('notify_notifications')
    .select('notification_key')
    .where('expires_at', '<', before)
    .orderBy('expires_at')
    .limit(limit)
    .$if(rowLocks, (query) => query.forUpdate().skipLocked())
    .execute();
  if (expired.length === 0) return 0;
  const keys = expired.map((row) => row.notification_key);
  const notices = await tx
    .selectFrom('notify_notices')
    .select('id')
    .where('notification_key', 'in', keys)
    .orderBy('id')
    .limit(limit)
    .$if(rowLocks, (query) => query.forUpdate())
    .execute();
  let items = 0;
  const empty: string[] = [];
  for (const { id } of notices) {
    items += await forgetItems(tx, id, limit - items);
    if (items >= limit) break;
    empty.push(id);
  }
  if (empty.length > 0) await tx.deleteFrom('notify_notices').where('id', 'in', empty).execute();
  if (empty.length < notices.length || notices.length === limit) return items + empty.length;
  await tx.deleteFrom('notify_notifications').where('notification_key', 'in', keys).execute();
  return items + empty.length + keys.length;
}

async function forgetItems(tx: Transaction, noticeId: string, limit: number): Promise<number> {
  const rows = await tx
    .selectFrom('notify_items')
    .select('user_id')
    .where('notice_id', '=', noticeId)
    .orderBy('user_id')
    .limit(limit)
    .execute();
  const last = rows.at(-1);
  if (last === undefined) return 0;
  await tx
    .deleteFrom('notify_items')
    .where('notice_id', '=', noticeId)
    .where('user_id', '<=', last.user_id)
    .execute();
  return rows.length;
}

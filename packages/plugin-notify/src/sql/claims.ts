import type { Claim, Claimed, Entry, Step } from '../store.ts';
import type { SqlDialect } from './dialect.ts';
import { noticeOf, notificationOf } from './rows.ts';
import type { NoticeRow } from './tables.ts';
import { chunks, passingOver, type Transaction } from './transaction.ts';

/** What a node does with notices that are due, each in a transaction of its own. */

export async function claim(
  tx: Transaction,
  { rowLocks }: SqlDialect,
  { lease, now, until, limit }: Claim,
): Promise<readonly Claimed[]> {
  const due = await tx
    .selectFrom('notify_notices')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('wake_at', '<=', now)
    .orderBy('wake_at')
    .limit(limit)
    .$if(rowLocks, (query) => query.forUpdate().skipLocked())
    .execute();
  if (due.length === 0) return [];
  const ids = due.map(({ id }) => id);
  await tx.updateTable('notify_notices').set({ lease, wake_at: until }).where('id', 'in', ids).execute();
  const keys = [...new Set(due.map((row) => row.notification_key))];
  const found = await tx
    .selectFrom('notify_notifications')
    .selectAll()
    .where('notification_key', 'in', keys)
    .execute();
  const notifications = new Map(found.map((row) => [row.notification_key, notificationOf(row)]));
  const several = keys.filter((key) => (notifications.get(key)?.leadTimesMs.length ?? 0) > 1);
  const dueToo = several.length === 0 ? [] : await dueOf(tx, several, now);
  return due.flatMap((row) => {
    const notification = notifications.get(row.notification_key);
    if (notification === undefined) return [];
    const superseded = dueToo.some(
      (other) =>
        other.notification_key === row.notification_key &&
        other.round === row.round &&
        Number(other.lead_ms) < Number(row.lead_ms),
    );
    const { attempts } = row;
    const begun = row.begun !== 0;
    const cursor = row.page_end ?? undefined;
    return [{ ...noticeOf(row), notification, lease, cursor, begun, attempts, superseded }];
  });
}

/** Notices of the rounds as they are now. */
function dueOf(tx: Transaction, keys: readonly string[], now: number) {
  return tx
    .selectFrom('notify_notices')
    .innerJoin('notify_notifications', (join) =>
      join
        .onRef('notify_notifications.notification_key', '=', 'notify_notices.notification_key')
        .onRef('notify_notifications.round', '=', 'notify_notices.round'),
    )
    .select(['notify_notices.notification_key', 'notify_notices.round', 'lead_ms'])
    .where('notify_notices.notification_key', 'in', keys)
    .where('due_at', '<=', now)
    .execute();
}

export async function enter(
  tx: Transaction,
  dialect: SqlDialect,
  entries: readonly Entry[],
): Promise<readonly boolean[]> {
  const rows = await leased(tx, dialect, entries);
  const held = entries.map(({ id, lease }) => rows.get(id)?.lease === lease);
  const begun = entries.filter(({ id }, i) => held[i] && rows.get(id)?.begun === 0).map(({ id }) => id);
  if (begun.length > 0)
    await tx.updateTable('notify_notices').set({ begun: 1 }).where('id', 'in', begun).execute();
  const items = entries
    .filter((_, i) => held[i])
    .flatMap(({ id, users }) =>
      users.map((user) => ({ user_id: user, notice_id: id, state: 0, alerted_by: null })),
    )
    // In one order everywhere, so that two who enter the same do not wait for each other.
    .sort((a, b) => (a.user_id < b.user_id ? -1 : a.user_id > b.user_id ? 1 : 0));
  for (const chunk of chunks(items)) {
    await passingOver(dialect, tx.insertInto('notify_items').values(chunk)).execute();
  }
  return held;
}

export async function settle(
  tx: Transaction,
  dialect: SqlDialect,
  steps: readonly Step[],
  now: number,
): Promise<readonly boolean[]> {
  const rows = await leased(tx, dialect, steps);
  const held = steps.map(({ id, lease }) => rows.get(id)?.lease === lease);
  const same = new Map<string, { readonly step: Step; readonly ids: string[] }>();
  for (const [i, step] of steps.entries()) {
    if (!held[i]) continue;
    const { id, lease, ...rest } = step;
    const what = JSON.stringify(rest);
    const group = same.get(what) ?? { step, ids: [] };
    same.set(what, group);
    group.ids.push(id);
  }
  for (const { step, ids } of same.values()) {
    const update = tx.updateTable('notify_notices').where('id', 'in', ids);
    await update.set(changeOf(step, now)).execute();
    if (step.kind === 'retry') await update.set((row) => ({ attempts: row('attempts', '+', 1) })).execute();
    if (step.kind === 'release') await update.set((row) => ({ wake_at: row.ref('due_at') })).execute();
  }
  return held;
}

function changeOf(step: Step, now: number): Partial<NoticeRow> {
  switch (step.kind) {
    case 'hold':
      return { wake_at: step.until };
    case 'page':
      return { page_end: step.cursor, wake_at: step.until, attempts: 0 };
    case 'retry':
      return { lease: null, wake_at: step.at, why: step.why };
    case 'release':
      return { lease: null };
    case 'told':
      return { lease: null, state: 'told', settled_at: now, wake_at: now };
    case 'skipped':
      return { lease: null, state: 'skipped', settled_at: now, wake_at: now, why: step.why };
  }
}

/** Of these, the notices that are held: none that is settled. Nobody else gets them before the transaction is over. */
async function leased(
  tx: Transaction,
  { rowLocks }: SqlDialect,
  wanted: readonly { readonly id: string; readonly lease: string }[],
): Promise<Map<string, Pick<NoticeRow, 'id' | 'lease' | 'begun'>>> {
  if (wanted.length === 0) return new Map();
  const leases = new Set(wanted.map(({ lease }) => lease));
  const rows = await tx
    .selectFrom('notify_notices')
    .select(['id', 'lease', 'begun'])
    .where('id', 'in', [...new Set(wanted.map(({ id }) => id))])
    .where('lease', 'in', [...leases])
    .orderBy('id')
    .$if(rowLocks, (query) => query.forUpdate())
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

import { Kysely } from 'kysely';
import type { ItemState } from '../contract.ts';
import type {
  Claim,
  Entry,
  ListOptions,
  Notice,
  NoticeRecord,
  Notification,
  NotifyStore,
  Replacement,
  Since,
  Step,
} from '../store.ts';
import { claim, enter, settle } from './claims.ts';
import type { SqlDialect } from './dialect.ts';
import { alert, holders, inbox, mark, toldSince } from './items.ts';
import { migrate } from './migrate.ts';
import { prune } from './prune.ts';
import { noticeRow, notificationOf, notificationRow, type People, recordOf } from './rows.ts';
import type { Tables } from './tables.ts';
import { passingOver, type Transaction, transaction } from './transaction.ts';

/** Notifications in a database, by one set of queries for all of them. */
export class SqlStore implements NotifyStore {
  readonly #dialect: SqlDialect;
  #db: Kysely<Tables> | undefined;
  #opening: Promise<void> | undefined;

  constructor(dialect: SqlDialect) {
    this.#dialect = dialect;
  }

  async open(): Promise<void> {
    this.#opening ??= this.#open();
    try {
      await this.#opening;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    this.#opening = undefined;
    await db?.destroy();
  }

  create(notification: Notification, notices: readonly Notice[]) {
    return this.#transaction(async (tx) => {
      const row = notificationRow(notification);
      const { numInsertedOrUpdatedRows } = await passingOver(
        this.#dialect,
        tx.insertInto('notify_notifications').values(row),
      ).executeTakeFirstOrThrow();
      const created = numInsertedOrUpdatedRows === 1n;
      if (!created) return { created, notification: (await find(tx, notification.key)) ?? notification };
      await add(tx, notification, notices);
      return { created, notification };
    });
  }

  get(key: string): Promise<Notification | undefined> {
    return this.#transaction((tx) => find(tx, key));
  }

  replace(version: number, { notification, notices }: Replacement, now: number): Promise<boolean> {
    const { key, round, state } = notification;
    return this.#transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('notify_notifications')
        .set(notificationRow(notification))
        .where('notification_key', '=', key)
        .where('version', '=', version)
        .executeTakeFirstOrThrow();
      if (numUpdatedRows === 0n) return false;
      const waiting = tx
        .updateTable('notify_notices')
        .where('notification_key', '=', key)
        // They wait. By their state, SQLite might look through all that wait.
        .where('settled_at', 'is', null);
      const left = { state: state === 'cancelled' ? 'cancelled' : 'moved', settled_at: now, lease: null };
      await waiting.where('round', '<', round).set(left).execute();
      await waiting
        .set((row) => ({ lease: null, page_end: null, attempts: 0, wake_at: row.ref('due_at') }))
        .execute();
      await add(tx, notification, notices);
      return true;
    });
  }

  list({ after = '', limit }: Required<ListOptions>): Promise<readonly Notification[]> {
    return this.#transaction(async (tx) => {
      const rows = await tx
        .selectFrom('notify_notifications')
        .selectAll()
        .where('notification_key', '>', after)
        .orderBy('notification_key')
        .limit(limit)
        .execute();
      return rows.map(notificationOf);
    });
  }

  history(key: string): Promise<readonly NoticeRecord[]> {
    return this.#transaction(async (tx) => {
      const rows = await tx
        .selectFrom('notify_notices')
        .selectAll()
        .where('notification_key', '=', key)
        .orderBy('due_at')
        .execute();
      const counts = await tx
        .selectFrom('notify_items')
        .innerJoin('notify_notices', 'notify_notices.id', 'notify_items.notice_id')
        .where('notify_notices.notification_key', '=', key)
        .groupBy('notify_items.notice_id')
        .select((row) => [
          'notify_items.notice_id as id',
          row.fn.countAll().as('told'),
          row.fn.count('notify_items.alerted_by').as('alerted'),
          row.fn.sum(row.case().when('notify_items.state', '>', 0).then(1).else(0).end()).as('read'),
        ])
        .execute();
      const people = new Map(counts.map((each) => [each.id, each as People]));
      return rows.map((row) => recordOf(row, people.get(row.id)));
    });
  }

  claim(wanted: Claim) {
    return this.#transaction((tx) => claim(tx, this.#dialect, wanted));
  }

  nextAt(): Promise<number | undefined> {
    return this.#transaction(async (tx) => {
      const next = await tx
        .selectFrom('notify_notices')
        .select('wake_at')
        .where('state', '=', 'waiting')
        .orderBy('wake_at')
        .limit(1)
        .executeTakeFirst();
      return next && Number(next.wake_at);
    });
  }

  enter(entries: readonly Entry[]) {
    return this.#transaction((tx) => enter(tx, this.#dialect, entries));
  }

  settle(steps: readonly Step[], now: number) {
    return this.#transaction((tx) => settle(tx, this.#dialect, steps, now));
  }

  inbox(userId: string, { now, limit }: { readonly now: number; readonly limit: number }) {
    return this.#transaction((tx) => inbox(tx, userId, now, limit));
  }

  toldSince(users: readonly string[], options: Since) {
    return this.#transaction((tx) => toldSince(tx, users, options));
  }

  alert(userId: string, ids: readonly string[], by: string, now: number) {
    return this.#transaction((tx) => alert(tx, userId, ids, by, now));
  }

  mark(userId: string, ids: readonly string[], state: ItemState) {
    return this.#transaction((tx) => mark(tx, this.#dialect.rowLocks, userId, ids, state));
  }

  holders(key: string, { after, limit }: { readonly after: string; readonly limit: number }) {
    return this.#transaction((tx) => holders(tx, key, after, limit));
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#transaction((tx) => prune(tx, this.#dialect, before, limit));
  }

  async #open(): Promise<void> {
    const db = new Kysely<Tables>({ dialect: await this.#dialect.connect() });
    this.#db = db;
    await migrate(db, this.#dialect);
  }

  async #transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (this.#db === undefined) throw new Error('the store is not open');
    return transaction(this.#db, this.#dialect, work);
  }
}

async function find(tx: Transaction, key: string): Promise<Notification | undefined> {
  const row = await tx
    .selectFrom('notify_notifications')
    .selectAll()
    .where('notification_key', '=', key)
    .executeTakeFirst();
  return row && notificationOf(row);
}

async function add(tx: Transaction, notification: Notification, notices: readonly Notice[]): Promise<void> {
  if (notices.length === 0) return;
  const rows = notices.map((notice) => noticeRow(notification, notice));
  await tx.insertInto('notify_notices').values(rows).execute();
}

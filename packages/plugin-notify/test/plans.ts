import assert from 'node:assert/strict';
import type { CompiledQuery, Dialect } from 'kysely';
import { noticesOf } from '../src/notices.ts';
import type { SqlDialect } from '../src/sql/dialect.ts';
import { SqlStore } from '../src/sql/sql-store.ts';
import type { Notification } from '../src/store.ts';

/** A statement of the store's, as the database is sent it. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const now = Date.UTC(2026, 0, 1);
const notifications = 400;
const people = Array.from({ length: 40 }, (_, i) => `u${i}`);

/** Fills a database, and gives each statement that the store has for its work, but the inserts. */
export async function statementsOf(
  dialect: SqlDialect,
): Promise<{ store: SqlStore; statements: Statement[] }> {
  const seen = new Map<string, Statement>();
  const store = new SqlStore({
    ...dialect,
    connect: async () =>
      noting(await dialect.connect(), ({ sql, parameters }) => seen.set(sql, { sql, parameters })),
  });
  await store.open();
  for (let i = 0; i < notifications; i++) await schedule(store, `k${i}`, i);
  const claimed = await store.claim({ lease: 'l', now, until: now + 1, limit: notifications / 2 });
  const users = people.slice(0, 20);
  await store.enter(claimed.map(({ id }) => ({ id, lease: 'l', users })));
  await store.settle(
    claimed.map(({ id }) => ({ id, lease: 'l', kind: 'told' })),
    now,
  );
  // And for one of many.
  await schedule(store, 'one', 0);
  await store.get('one');
  await store.list({ after: 'k5', limit: 10 });
  await store.history('k1');
  await store.nextAt();
  const [one] = await store.claim({ lease: 'm', now, until: now + 1_000, limit: 1 });
  assert.ok(one);
  const { id, lease } = one;
  await store.enter([{ id, lease, users: ['u1'] }]);
  for (const step of [
    { kind: 'hold', until: now + 2_000 },
    { kind: 'page', cursor: 'c', until: now + 2_000 },
    { kind: 'retry', at: now, why: 'no' },
  ] as const) {
    await store.settle([{ id, lease, ...step }], now);
  }
  const [told] = (await store.inbox('u1', { now, limit: 10 })).items;
  assert.ok(told);
  await store.toldSince(['u1', 'u2'], { since: now - 1, after: '', now, limit: 10 });
  await store.alert('u1', [told.id], 'me', now);
  await store.mark('u1', [told.id], 'read');
  await store.holders(told.key, { after: 'u0', limit: 10 });
  const was = (await store.get(told.key)) as Notification;
  const moved = { ...was, version: 2, round: 2, at: now + 5 };
  assert.ok(await store.replace(1, { notification: moved, notices: noticesOf(moved, 2, now) }, now));
  assert.ok(await store.prune(now + 2, 10));
  return {
    store,
    statements: [...seen.values()].filter(({ sql }) =>
      /^(select|update|delete)\b.*\bnotify_(?!migrations)/.test(sql),
    ),
  };
}

function schedule(store: SqlStore, key: string, i: number) {
  const notification: Notification = {
    ...{
      key,
      at: now,
      action: { type: 'A' },
      to: { users: people },
      leadTimesMs: [1_000, 0],
      withinMs: null,
    },
    ...{ expiresAt: now + 1 + i * 1_000, asked: 'a', state: 'scheduled', version: 1, round: 1 },
  };
  return store.create(notification, noticesOf(notification, 1, now - 2_000));
}

function noting(dialect: Dialect, note: (query: CompiledQuery) => void): Dialect {
  return {
    createDriver: () => dialect.createDriver(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler() {
      const compiler = dialect.createQueryCompiler();
      return {
        compileQuery(node, id) {
          const query = compiler.compileQuery(node, id);
          note(query);
          return query;
        },
      };
    },
  };
}

import { Socket } from 'node:net';
import { PostgresDialect, type PostgresPool, sql } from 'kysely';
import type { NotifyStore } from '../store.ts';
import { type Connections, defaults, notSilent } from './connections.ts';
import { codeOf, type SqlDialect } from './dialect.ts';
import { SqlStore } from './sql-store.ts';

/** PostgreSQL 12 or later, by a URL, with a pool of `pg`'s that the store ends when it is closed. Needs the package `pg`. */
export function postgresStore(url: string, connections: Connections = {}): NotifyStore {
  return new SqlStore(postgres(url, connections));
}

export function postgres(url: string, options: Connections): SqlDialect {
  const { connections: max, silentMs } = { ...defaults, ...options };
  return {
    async connect() {
      const { default: pg } = await import('pg');
      const pool = new pg.Pool({
        ...{ connectionString: url, max, connectionTimeoutMillis: 5_000 },
        stream: () => notSilent(new Socket(), silentMs),
      });
      // Queries fail where a connection is lost, used or not; unheard, it would end the process besides.
      pool.on('error', () => {});
      pool.on('connect', (client) => client.on('error', () => {}));
      return new PostgresDialect({ pool: pool as unknown as PostgresPool });
    },
    types: { name: 'varchar(255) collate "C"', text: 'text' },
    rowLocks: true,
    ignore: 'on conflict',
    exclusively: (db, migrate) =>
      db.transaction().execute(async (connection) => {
        await sql`select pg_advisory_xact_lock(${LOCK})`.execute(connection);
        await migrate(connection);
      }),
    // deadlock_detected, serialization_failure
    isConflict: (error) => codeOf(error) === '40P01' || codeOf(error) === '40001',
    isDone: () => false,
  };
}

/** Any number that nobody else takes. */
const LOCK = sql.lit(7_161_082_270);

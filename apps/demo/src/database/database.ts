import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { mysqlStore, type NotifyStore, postgresStore, sqliteStore } from '@callboard/plugin-notify';
import {
  type Dialect,
  Kysely,
  Migrator,
  MysqlDialect,
  type MysqlPool,
  PostgresDialect,
  type PostgresPool,
  type SelectQueryBuilder,
  type SqliteDatabase,
  SqliteDialect,
  type Transaction,
} from 'kysely';
import { migrations } from './migrations.ts';
import type { Tables } from './tables.ts';

export type { Tables };
export type Tx = Transaction<Tables>;

/** Where people and events are kept. */
export interface Database {
  readonly db: Kysely<Tables>;
  /** For notifications, in the same place. */
  readonly notifyStore: NotifyStore;
  /** All of it or nothing; once more where another one was in the way. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Whoever asks for the same rows with this waits for the end of the transaction. */
  locking<T extends keyof Tables, O>(
    query: SelectQueryBuilder<Tables, T, O>,
  ): SelectQueryBuilder<Tables, T, O>;
  /** A row with such a key is there already. */
  isDuplicate(error: unknown): boolean;
  close(): Promise<void>;
}

/**
 * @param where `postgres://…`, `mysql://…` or `mariadb://…`; anything else is a folder for SQLite's two files, made where it is
 * missing; `:memory:` keeps nothing. Tables are made and brought up to date.
 */
export async function openDatabase(where: string): Promise<Database> {
  const { dialect, name, locks, notifyStore } = await kindOf(where);
  const db = new Kysely<Tables>({ dialect });
  try {
    const provider = { getMigrations: async () => migrations(name) };
    const names = { migrationTableName: 'demo_migrations', migrationLockTableName: 'demo_migrations_lock' };
    const { error } = await new Migrator({ db, provider, ...names }).migrateToLatest();
    if (error !== undefined) throw error;
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    db,
    notifyStore,
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          const builder = db.transaction();
          return await (locks ? builder.setIsolationLevel('read committed') : builder).execute(work);
        } catch (error) {
          if (attempt === ATTEMPTS || !isConflict(error)) throw error;
        }
      }
    },
    // SQLite has one connection here, and one transaction at a time.
    locking: (query) => (locks ? query.forUpdate() : query),
    isDuplicate: (error) => duplicates.has(codeOf(error)),
    close: () => db.destroy(),
  };
}

const ATTEMPTS = 6;
const codeOf = (error: unknown) => (error as { readonly code?: unknown } | null)?.code;
const isConflict = (error: unknown) => conflicts.has(codeOf(error));
/** PostgreSQL's are deadlock_detected and serialization_failure. */
const conflicts = new Set<unknown>([
  '40P01',
  '40001',
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'SQLITE_BUSY',
]);
const duplicates = new Set<unknown>([
  '23505',
  'ER_DUP_ENTRY',
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
]);

interface Kind {
  readonly dialect: Dialect;
  readonly notifyStore: NotifyStore;
  /** Of a column with text of up to 255 characters that is compared by code point, and nothing else. */
  readonly name: string;
  /** Has locks on rows, and levels of isolation. */
  readonly locks: boolean;
}

async function kindOf(where: string): Promise<Kind> {
  if (/^postgres(ql)?:/.test(where)) {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: where, max: CONNECTIONS, connectionTimeoutMillis: 5_000 });
    // A connection that is lost while nobody uses it is replaced by the next query; unheard, it would end the process.
    pool.on('error', () => {});
    const dialect = new PostgresDialect({ pool: pool as unknown as PostgresPool });
    return { dialect, notifyStore: postgresStore(where), name: 'varchar(255) collate "C"', locks: true };
  }
  if (/^(mysql|mariadb):/.test(where)) {
    const { createPool } = await import('mysql2');
    const uri = where.replace(/^mariadb:/, 'mysql:');
    const pool = createPool({ uri, connectionLimit: CONNECTIONS, connectTimeout: 5_000, charset: 'utf8mb4' });
    const dialect = new MysqlDialect({ pool: pool as unknown as MysqlPool });
    const name = 'varchar(255) character set utf8mb4 collate utf8mb4_bin';
    return { dialect, notifyStore: mysqlStore(uri), name, locks: true };
  }
  // Two files: neither of their connections ever waits for the other.
  const file = (name: string) => (where === ':memory:' ? where : `${where}/${name}.db`);
  const theatre = file('theatre');
  if (where !== ':memory:') mkdirSync(dirname(theatre), { recursive: true });
  const { default: Libsql } = await import('libsql');
  const database = new Libsql(theatre);
  database.exec('pragma journal_mode = wal; pragma synchronous = full');
  const dialect = new SqliteDialect({ database: database as unknown as SqliteDatabase });
  return { dialect, notifyStore: sqliteStore(file('notifications')), name: 'varchar(255)', locks: false };
}

const CONNECTIONS = 8;

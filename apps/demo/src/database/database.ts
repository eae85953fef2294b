import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
  const kind = await patiently(() => upToDate(where));
  const { db, locks, notifyStore } = kind;
  return {
    db,
    notifyStore,
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await kind.transaction(work);
        } catch (error) {
          if (attempt === ATTEMPTS || !conflicts.has(codeOf(error))) throw error;
        }
      }
    },
    // SQLite has one transaction at a time.
    locking: (query) => (locks ? query.forUpdate() : query),
    isDuplicate: (error) => duplicates.has(codeOf(error)),
    close: () => db.destroy(),
  };
}

const ATTEMPTS = 6;
const codeOf = (error: unknown) => (error as { readonly code?: unknown } | null)?.code;
/** PostgreSQL's are deadlock_detected and serialization_failure. */
const conflicts = new Set<unknown>(['40P01', '40001', 'ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT']);
const duplicates = new Set<unknown>([
  '23505',
  'ER_DUP_ENTRY',
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
]);

async function upToDate(where: string): Promise<Kind> {
  const kind = await kindOf(where);
  const { db, name } = kind;
  try {
    const provider = { getMigrations: async () => migrations(name) };
    const names = { migrationTableName: 'demo_migrations', migrationLockTableName: 'demo_migrations_lock' };
    await kind.alone(async () => {
      const { error } = await new Migrator({ db, provider, ...names }).migrateToLatest();
      if (error !== undefined) throw error;
    });
    return kind;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** How long another process may have SQLite's lock, in milliseconds. */
const PATIENCE_MS = 5_000;

/** SQLite's own waiting would stop this process, and with it whatever of it holds the lock. */
async function patiently<T>(attempt: () => T): Promise<Awaited<T>> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(1)) {
    try {
      return await attempt();
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_BUSY' || performance.now() > deadline) throw error;
    }
  }
}

interface Kind {
  readonly db: Kysely<Tables>;
  readonly notifyStore: NotifyStore;
  /** Of a column with text of up to 255 characters that is compared by code point, and nothing else. */
  readonly name: string;
  /** Has locks on rows, and levels of isolation. */
  readonly locks: boolean;
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** For migrations, of which one at a time is made: Kysely sees to that but in SQLite. */
  alone(work: () => Promise<void>): Promise<void>;
}

async function kindOf(where: string): Promise<Kind> {
  if (/^postgres(ql)?:/.test(where)) {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({ connectionString: where, max: CONNECTIONS, connectionTimeoutMillis: 5_000 });
    // A connection that is lost while nobody uses it is replaced by the next query; unheard, it would end the process.
    pool.on('error', () => {});
    const dialect = new PostgresDialect({ pool: pool as unknown as PostgresPool });
    return { ...withLocks(dialect), notifyStore: postgresStore(where), name: 'varchar(255) collate "C"' };
  }
  if (/^(mysql|mariadb):/.test(where)) {
    const { createPool } = await import('mysql2');
    const uri = where.replace(/^mariadb:/, 'mysql:');
    const pool = createPool({ uri, connectionLimit: CONNECTIONS, connectTimeout: 5_000, charset: 'utf8mb4' });
    const dialect = new MysqlDialect({ pool: pool as unknown as MysqlPool });
    const name = 'varchar(255) character set utf8mb4 collate utf8mb4_bin';
    return { ...withLocks(dialect), notifyStore: mysqlStore(uri), name };
  }
  return sqlite(where);
}

const CONNECTIONS = 8;

function withLocks(dialect: Dialect): Pick<Kind, 'db' | 'locks' | 'transaction' | 'alone'> {
  const db = new Kysely<Tables>({ dialect });
  return {
    db,
    locks: true,
    transaction: (work) => db.transaction().setIsolationLevel('read committed').execute(work),
    alone: (work) => work(),
  };
}

/** Two files: neither of their connections ever waits for the other. */
async function sqlite(where: string): Promise<Kind> {
  const isKept = where !== ':memory:';
  if (isKept) mkdirSync(where, { recursive: true });
  const file = (name: string) => (isKept ? join(where, `${name}.db`) : where);
  const { default: Libsql } = await import('libsql');
  const database = new Libsql(file('theatre'));
  database.exec('pragma journal_mode = wal; pragma synchronous = full');
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: database as unknown as SqliteDatabase }),
  });
  // One that reads first and then writes cannot wait for its lock: so all begin as writers.
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    await patiently(() => database.exec('begin immediate'));
    try {
      const result = await work();
      database.exec('commit');
      return result;
    } catch (error) {
      database.exec('rollback');
      throw error;
    }
  };
  return {
    db,
    notifyStore: sqliteStore(file('notifications')),
    name: 'varchar(255)',
    locks: false,
    transaction: (work) => db.connection().execute((connection) => alone(() => work(connection as Tx))),
    alone,
  };
}

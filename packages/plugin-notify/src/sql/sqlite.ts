import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Dialect,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely';
import type { NotifyStore } from '../store.ts';
import { codeOf, type SqlDialect } from './dialect.ts';
import { SqlStore } from './sql-store.ts';

/** A file, or `:memory:`. Several stores and processes may share the file; they write one after the other. */
export function sqliteStore(file: string): NotifyStore {
  return new SqlStore(sqlite(file));
}

export function sqlite(file: string): SqlDialect {
  return {
    async connect() {
      const { default: Database } = await import('libsql');
      const database = new Database(file);
      await patiently(() => database.exec('pragma journal_mode = wal; pragma synchronous = full'));
      return immediate({ database: keepingStatements(database as unknown as SqliteDatabase) }, () =>
        database.exec('begin immediate'),
      );
    },
    types: { name: 'text', text: 'text' },
    rowLocks: false,
    ignore: 'on conflict',
    exclusively: (db, migrate) => db.transaction().execute(migrate),
    isConflict: () => false,
    isDone: () => false,
  };
}

/** A transaction that reads first and then writes cannot wait for its lock: so all begin as writers. */
class ImmediateDriver extends SqliteDriver {
  readonly #begin: () => void;

  /** @param begin not a prepared statement: libsql would have one that failed go on for as long as it is in memory. */
  constructor(config: SqliteDialectConfig, begin: () => void) {
    super(config);
    this.#begin = begin;
  }

  override async beginTransaction(): Promise<void> {
    await patiently(this.#begin);
  }
}

const MOST_STATEMENTS = 128;

/** Statements are made once: what libsql has of each is outside of the heap, and is there until the heap is cleared. */
function keepingStatements(database: SqliteDatabase): SqliteDatabase {
  type Statement = ReturnType<SqliteDatabase['prepare']>;
  const kept = new Map<string, Statement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = kept.get(sql) ?? database.prepare(sql);
      kept.delete(sql);
      kept.set(sql, statement);
      for (const oldest of kept.keys()) {
        if (kept.size <= MOST_STATEMENTS) break;
        kept.delete(oldest);
      }
      return statement;
    },
  };
}

/** How long another one may have the lock, in milliseconds. */
const PATIENCE_MS = 5_000;

/** SQLite's own waiting would stop this process, and with it the very transaction that it waits for. */
async function patiently(attempt: () => void): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(1)) {
    try {
      return attempt();
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_BUSY' || performance.now() > deadline) throw error;
    }
  }
}

function immediate(config: SqliteDialectConfig, begin: () => void): Dialect {
  const plain = new SqliteDialect(config);
  return {
    createDriver: () => new ImmediateDriver(config, begin),
    createAdapter: () => plain.createAdapter(),
    createIntrospector: (db) => plain.createIntrospector(db),
    createQueryCompiler: () => plain.createQueryCompiler(),
  };
}

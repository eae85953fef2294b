import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { memoryStore } from '../src/memory-store.ts';
import { mysqlStore } from '../src/sql/mysql.ts';
import { postgresStore } from '../src/sql/postgres.ts';
import { sqliteStore } from '../src/sql/sqlite.ts';
import type { NotifyStore } from '../src/store.ts';
import { type Database, type Kind, mariadb, postgresql } from './databases.ts';

/** A new database. */
export interface Place {
  /** One more node's store on it. */
  open(): NotifyStore;
  /** What another process needs to open it. */
  readonly address: { readonly kind: string; readonly where: string } | undefined;
  remove(): void;
}

/** Where notifications can be kept. */
export interface Keeping {
  readonly name: string;
  make(): Promise<Place>;
}

export const inMemory: Keeping = {
  name: 'memory',
  async make() {
    const store = memoryStore();
    return { open: () => store, address: undefined, remove() {} };
  },
};

export const inSqlite: Keeping = {
  name: 'SQLite',
  async make() {
    const folder = mkdtempSync(join(tmpdir(), 'callboard-notify-'));
    const where = join(folder, 'notify.db');
    return {
      open: () => sqliteStore(where),
      address: { kind: 'sqlite', where },
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
};

/** For a child process that was told the address. */
export function storeAt(kind: string, where: string): NotifyStore {
  if (kind === 'sqlite') return sqliteStore(where);
  return kind === 'PostgreSQL' ? postgresStore(where) : mysqlStore(where);
}

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';

/** Runs the tests with each database server that is here; where it must be and is not, they fail. */
export function withDatabases(body: (keeping: Keeping, database: () => Database) => void): void {
  for (const kind of [postgresql, mariadb]) withDatabase(kind, body);
}

function withDatabase(kind: Kind, body: (keeping: Keeping, database: () => Database) => void): void {
  if (!kind.installed && !required) process.stderr.write(`Skipped: no ${kind.name} here.\n`);
  (kind.installed || required ? describe : describe.skip)(`with ${kind.name}`, () => {
    let database: Database;
    beforeAll(async () => {
      if (!kind.installed) throw new Error(`no ${kind.name} here: install it`);
      database = await kind.launch();
    }, 60_000);
    afterAll(() => database?.stop());
    const make = async (): Promise<Place> => {
      const where = await database.create();
      return {
        open: () => storeAt(kind.name, where),
        address: { kind: kind.name, where },
        remove() {},
      };
    };
    body({ name: kind.name, make }, () => database);
  });
}

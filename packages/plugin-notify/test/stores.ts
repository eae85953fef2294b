import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { memoryStore } from '../src/memory-store.ts';
import { mysqlStore } from '../src/sql/mysql.ts';
import { postgresStore } from '../src/sql/postgres.ts';
import { sqliteStore } from '../src/sql/sqlite.ts';
import type { NotifyStore } from '../src/store.ts';

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

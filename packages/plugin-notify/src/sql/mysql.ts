import type { Socket } from 'node:net';
import { MysqlDialect, type MysqlPool, sql } from 'kysely';
import type { NotifyStore } from '../store.ts';
import { type Connections, defaults, notSilent } from './connections.ts';
import { codeOf, type SqlDialect } from './dialect.ts';
import { SqlStore } from './sql-store.ts';

/** MySQL 8, or MariaDB 10.6 or later, by a URL, with a pool that the store ends when it is closed. Needs the package `mysql2`. */
export function mysqlStore(url: string, connections: Connections = {}): NotifyStore {
  return new SqlStore(mysql(url, connections));
}

export function mysql(uri: string, options: Connections): SqlDialect {
  const { connections: connectionLimit, silentMs } = { ...defaults, ...options };
  return {
    async connect() {
      const { createPool } = await import('mysql2');
      const pool = createPool({ uri, connectionLimit, connectTimeout: 5_000, charset: 'utf8mb4' });
      pool.on('connection', (connection) => {
        notSilent((connection as unknown as { readonly stream: Socket }).stream, silentMs);
      });
      return new MysqlDialect({ pool: pool as unknown as MysqlPool });
    },
    types: {
      name: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
      text: 'mediumtext character set utf8mb4 collate utf8mb4_bin',
    },
    rowLocks: true,
    ignore: 'insert ignore',
    exclusively: (db, migrate) =>
      db.connection().execute(async (connection) => {
        const { rows } = await sql<{
          got: number | null;
        }>`select get_lock(concat('notify.', database()), 30) as got`.execute(connection);
        if (rows[0]?.got !== 1) throw new Error('another node migrates the tables of notify');
        try {
          await migrate(connection);
        } finally {
          await sql`select release_lock(concat('notify.', database()))`.execute(connection);
        }
      }),
    isConflict: (error) => codeOf(error) === 'ER_LOCK_DEADLOCK' || codeOf(error) === 'ER_LOCK_WAIT_TIMEOUT',
    isDone: (error) => codeOf(error) === 'ER_DUP_KEYNAME',
  };
}

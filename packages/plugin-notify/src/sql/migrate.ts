import { type Kysely, sql } from 'kysely';
import type { SqlDialect } from './dialect.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './tables.ts';

/** Brings the tables up to date, while no other node does. @throws where they are newer than this code. */
export function migrate(db: Kysely<Tables>, dialect: SqlDialect): Promise<void> {
  return dialect.exclusively(db, async (connection) => {
    await sql`create table if not exists notify_migrations (version integer not null primary key)`.execute(
      connection,
    );
    const { rows } = await sql<{
      version: number | null;
    }>`select max(version) as version from notify_migrations`.execute(connection);
    const version = rows[0]?.version ?? 0;
    if (version > migrations.length)
      throw new Error(`the tables of notify have version ${version}, this code knows ${migrations.length}`);
    for (const [i, migration] of migrations.entries()) {
      if (i < version) continue;
      try {
        await sql.raw(migration(dialect.types)).execute(connection);
      } catch (error) {
        if (!dialect.isDone(error)) throw error;
      }
      await sql`insert into notify_migrations (version) values (${i + 1})`.execute(connection);
    }
  });
}

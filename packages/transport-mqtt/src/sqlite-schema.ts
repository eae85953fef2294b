import type Database from 'libsql';

/**
 * What brings the tables from one version to the next. One that has been released is never changed, as files have it behind them; what
 * is written as JSON (`SessionRecord`, `StoredDelivery`, attributes) is of a version, too.
 */
const migrations: readonly string[] = [
  // Files of before there were versions have these tables.
  `
  create table if not exists sessions (client_id text primary key, record text not null) without rowid;
  create table if not exists messages (
    id integer primary key, topic text not null, payload blob not null, sender text, meta text, attributes text
  );
  create table if not exists waiting (
    place integer primary key, client_id text not null, message integer not null, delivery text not null,
    message_id integer, received integer not null
  );
  `,
];

/** Brings a file to this version, or leaves it as it was. @throws where a later one has written it. */
export function migrate(database: Database.Database): void {
  database.exec('begin immediate');
  try {
    const { user_version: version } = database.prepare('pragma user_version').get() as {
      user_version: number;
    };
    if (version > migrations.length)
      throw new Error(
        `the sessions in ${database.name} are of version ${version}, and this code knows ${migrations.length}: run what wrote them, or another file`,
      );
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`pragma user_version = ${migrations.length}`);
    database.exec('commit');
  } catch (error) {
    if (database.inTransaction) database.exec('rollback');
    throw error;
  }
}

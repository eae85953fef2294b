import { type Migration, sql } from 'kysely';

/**
 * Forward only: each is run once, in the order of the names, and never changed afterwards. MySQL commits each statement by itself, so
 * one that was interrupted there is run again and must bear that.
 *
 * @param name text of up to 255 characters that is compared by code point, and nothing else
 */
export function migrations(name: string): Readonly<Record<string, Migration>> {
  const key = sql.raw(name);
  return {
    '1-people': {
      up: (db) =>
        sql`create table if not exists people (
          id ${key} not null primary key,
          name ${key} not null,
          name_key ${key} not null unique,
          role varchar(80) not null,
          about varchar(1000) not null,
          password varchar(255) not null,
          views integer not null default 0,
          version integer not null default 1
        )`
          .execute(db)
          .then(() => {}),
    },
    '2-events': {
      up: (db) =>
        sql`create table if not exists events (
          id ${key} not null primary key,
          owner_id ${key} not null,
          headline ${key} not null,
          description ${sql.raw(name.replace('255', '4000'))} not null,
          place ${key} not null,
          starts_at bigint not null,
          state varchar(16) not null,
          version integer not null,
          run integer not null,
          behind smallint not null,
          settled_run integer not null default 1
        )`
          .execute(db)
          .then(() => {}),
    },
    '3-subscriptions': {
      up: (db) =>
        sql`create table if not exists subscriptions (
          event_id ${key} not null,
          person_id ${key} not null,
          primary key (event_id, person_id)
        )`
          .execute(db)
          .then(() => {}),
    },
    '4-shows': {
      up: (db) =>
        sql`create table if not exists shows (
          id ${key} not null primary key,
          synopsis ${sql.raw(name.replace('255', '600'))} not null,
          cast_note ${sql.raw(name.replace('255', '300'))} not null,
          views integer not null default 0,
          version integer not null default 1
        )`
          .execute(db)
          .then(() => {}),
    },
    '5-sign-in': {
      // Who was here before has no e-mail: nobody knows it.
      async up(db) {
        await once(sql`alter table people add column email ${key}`.execute(db));
        await once(sql`create unique index people_email on people (email)`.execute(db));
        await once(sql`alter table people add column token_version integer not null default 1`.execute(db));
      },
    },
  };
}

/** What adds something, unless a run that was interrupted has added it. */
async function once(addition: Promise<unknown>): Promise<void> {
  try {
    await addition;
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code !== 'ER_DUP_FIELDNAME' && code !== 'ER_DUP_KEYNAME') throw error;
  }
}

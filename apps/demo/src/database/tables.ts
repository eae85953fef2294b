import type { ColumnType, Generated } from 'kysely';

/** Milliseconds since 1970 (UTC); some drivers give a bigint as text. */
type Time = ColumnType<number | string, number, number>;

export interface PeopleTable {
  id: string;
  name: string;
  /** Names that look the same have the same: it is there once. */
  name_key: string;
  /** What they do in the theatre. */
  role: string;
  about: string;
  /** In lower case; absent of who signed up before there were any. It is there once. */
  email: string | null;
  /** Of the password, Argon2id's output alone. */
  password: string;
  views: Generated<number>;
  /** Counts what its owner changed. */
  version: Generated<number>;
  /** Tokens of earlier ones are at their end. */
  token_version: Generated<number>;
}

export interface EventsTable {
  id: string;
  owner_id: string;
  headline: string;
  description: string;
  place: string;
  starts_at: Time;
  /** `gone` is one that was taken down and whose notification is still to be cancelled. */
  state: 'public' | 'private' | 'draft' | 'gone';
  /** Counts what was changed. */
  version: number;
  /** How often it has come out of its draft: each time there is another notification. */
  run: number;
  /** 1 where its notification is not known to be as the event is. */
  behind: number;
  /** Notifications of earlier runs are cancelled. */
  settled_run: Generated<number>;
}

export interface SubscriptionsTable {
  event_id: string;
  person_id: string;
}

/** What can be read about a show; which shows there are is in the code. */
export interface ShowsTable {
  id: string;
  synopsis: string;
  cast_note: string;
  views: Generated<number>;
  /** Counts what the company changed. */
  version: Generated<number>;
}

export interface Tables {
  people: PeopleTable;
  events: EventsTable;
  subscriptions: SubscriptionsTable;
  shows: ShowsTable;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Choice, choices } from '../users/contract.ts';
import type { PresenceStore, Remembered } from './store.ts';

interface Row {
  readonly user_key: string;
  readonly last_online_at: number | null;
  readonly last_seen_at: number | null;
  readonly choice: string;
}
interface Statement {
  run(...values: unknown[]): unknown;
  all(...values: unknown[]): Row[];
}
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

const schema = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists presence_users (
    user_key text primary key,
    last_online_at integer,
    last_seen_at integer,
    choice text not null
  ) without rowid`;
const upsert = `
  insert into presence_users values (?, ?, ?, ?)
  on conflict (user_key) do update set last_online_at = excluded.last_online_at,
    last_seen_at = excluded.last_seen_at, choice = excluded.choice`;
const select = 'select * from presence_users where user_key in (select value from json_each(?))';

/** A file, or `:memory:`. It makes its own table, `presence_users`, beside whatever else is in the file. */
export function sqliteStore(file: string): PresenceStore {
  return new SqliteStore(file);
}

class SqliteStore implements PresenceStore {
  readonly #file: string;
  #database: Database | undefined;
  #upsert: Statement | undefined;
  #select: Statement | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async open(): Promise<void> {
    const { default: Libsql } = await import('libsql');
    // It may have been opened in part before.
    this.close();
    const database = new Libsql(this.#file) as unknown as Database;
    this.#database = database;
    await patiently(() => database.exec(schema));
    this.#upsert = database.prepare(upsert);
    this.#select = database.prepare(select);
  }

  close(): void {
    this.#upsert = undefined;
    this.#select = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  load(userIds: readonly string[]): readonly Remembered[] {
    return this.#opened(this.#select)
      .all(JSON.stringify(userIds.map(keyOf)))
      .map(rememberedIn);
  }

  async save(users: readonly Remembered[]): Promise<void> {
    const database = this.#opened(this.#database);
    const statement = this.#opened(this.#upsert);
    await patiently(() => database.exec('begin immediate'));
    try {
      for (const { userId, lastOnlineTs, lastSeenTs, choice } of users)
        statement.run(keyOf(userId), lastOnlineTs, lastSeenTs, choice);
      database.exec('commit');
    } catch (error) {
      database.exec('rollback');
      throw error;
    }
  }

  #opened<T>(part: T | undefined): T {
    if (part === undefined) throw new Error(`${this.#file} is not open`);
    return part;
  }
}

function rememberedIn({ user_key, last_online_at, last_seen_at, choice }: Row): Remembered {
  return {
    userId: JSON.parse(`"${user_key}"`) as string,
    lastOnlineTs: last_online_at,
    lastSeenTs: last_seen_at,
    // Of a later version nothing is known but that they do not want to be seen as they are.
    choice: choices.includes(choice as Choice) ? (choice as Choice) : 'invisible',
  };
}

/** What a database may not hold as it is (NUL, half a surrogate pair) it is given in JSON's words. */
const keyOf = (userId: string) => JSON.stringify(userId).slice(1, -1);

/** How long another one may have the lock, in milliseconds. */
const PATIENCE_MS = 5_000;

/** SQLite's own waiting would stop this process, and with it a transaction of another store in it. */
async function patiently(attempt: () => void): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(2)) {
    try {
      return attempt();
    } catch (error) {
      const isBusy = (error as { code?: unknown }).code === 'SQLITE_BUSY';
      if (!isBusy || performance.now() > deadline) throw error;
    }
  }
}

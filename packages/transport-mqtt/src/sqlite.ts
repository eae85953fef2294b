import type { GatewayPublication } from '@callboard/core';
import type { Meta, Sender } from '@callboard/protocol';
import type Database from 'libsql';
import {
  type MqttSessionStore,
  messageOf,
  type SessionRecord,
  type StoredMessage,
  type StoredSession,
} from './store.ts';

/** Sessions in a SQLite file, by `libsql`: that is to be installed beside this package. Not for several processes at a time. */
export function sqliteSessionStore(file: string): MqttSessionStore {
  return new SqliteSessionStore(file);
}

class Message {
  readonly stored: StoredMessage;
  /** Its row, once it is written. */
  row: number | undefined;
  /** Sessions that it waits for. */
  references = 0;

  constructor(stored: StoredMessage, row?: number) {
    this.stored = stored;
    this.row = row;
  }
}

class Item {
  readonly clientId: string;
  readonly message: Message;
  readonly retained: boolean;
  messageId: number | undefined;
  row: number | undefined;
  isDone = false;

  constructor(clientId: string, message: Message, retained: boolean) {
    this.clientId = clientId;
    this.message = message;
    this.retained = retained;
  }
}

const schema = `
  create table if not exists sessions (client_id text primary key, record text not null) without rowid;
  create table if not exists messages (
    id integer primary key, topic text not null, payload blob not null, sender text, meta text
  );
  create table if not exists waiting (
    place integer primary key, client_id text not null, message integer not null, retained integer not null, message_id integer
  );
`;

const orphans = `
  delete from waiting where client_id not in (select client_id from sessions);
  delete from messages where id not in (select message from waiting);
`;

/** What changed in a turn is written at its end; what came and went within it never is. */
class SqliteSessionStore implements MqttSessionStore {
  readonly #file: string;
  #database: Database.Database | undefined;
  #write: Statements | undefined;
  readonly #records = new Map<string, SessionRecord | undefined>();
  readonly #items = new Set<Item>();
  readonly #messages = new WeakMap<GatewayPublication, Message>();
  #commit: Promise<void> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async open(): Promise<readonly StoredSession[]> {
    const { default: Database } = await import('libsql');
    const database = new Database(this.#file);
    // Full: what is acknowledged outlives a loss of power, too.
    database.exec('pragma journal_mode = wal; pragma synchronous = full');
    database.exec(schema);
    database.exec(orphans);
    this.#database = database;
    this.#write = statements(database);
    return load(database);
  }

  save(record: SessionRecord): void {
    this.#records.set(record.clientId, record);
    this.#changed();
  }

  remove(clientId: string): void {
    this.#records.set(clientId, undefined);
    this.#changed();
  }

  add(clientId: string, publication: GatewayPublication, retained: boolean): Item {
    let message = this.#messages.get(publication);
    if (message === undefined || message.references === 0) {
      message = new Message(messageOf(publication));
      this.#messages.set(publication, message);
    }
    message.references++;
    const item = new Item(clientId, message, retained);
    this.#touch(item);
    return item;
  }

  sent(item: Item, messageId: number): void {
    item.messageId = messageId;
    this.#touch(item);
  }

  done(item: Item): void {
    if (item.isDone) return;
    item.isDone = true;
    item.message.references--;
    this.#touch(item);
  }

  committed(): Promise<void> | undefined {
    return this.#commit;
  }

  async close(): Promise<void> {
    await this.#commit?.catch(() => {});
    this.#flush();
    this.#database?.close();
    this.#database = undefined;
  }

  #touch(item: Item): void {
    this.#items.add(item);
    this.#changed();
  }

  #changed(): void {
    if (this.#commit !== undefined) return;
    this.#commit = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#commit = undefined;
        try {
          this.#flush();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    // Who waits for it is told; where nobody does the next one tries again.
    this.#commit.catch(() => {});
  }

  /** @throws where it is not written: it is with the next. */
  #flush(): void {
    const database = this.#database;
    const write = this.#write;
    if (database === undefined || write === undefined || this.#items.size + this.#records.size === 0) return;
    // Within a transaction what fails gives the lock back.
    database.exec('begin immediate');
    const undo: (() => void)[] = [];
    try {
      for (const [clientId, record] of this.#records) {
        if (record === undefined) write.forget.run(clientId);
        else write.save.run(clientId, JSON.stringify(record));
      }
      for (const item of this.#items) writeItem(write, item, undo);
      database.exec('commit');
    } catch (error) {
      for (const each of undo) each();
      if (database.inTransaction) database.exec('rollback');
      throw error;
    }
    this.#records.clear();
    this.#items.clear();
  }
}

type Statements = ReturnType<typeof statements>;

function statements(database: Database.Database) {
  return {
    save: database.prepare('insert or replace into sessions (client_id, record) values (?, ?)'),
    forget: database.prepare('delete from sessions where client_id = ?'),
    message: database.prepare('insert into messages (topic, payload, sender, meta) values (?, ?, ?, ?)'),
    forgetMessage: database.prepare('delete from messages where id = ?'),
    wait: database.prepare(
      'insert into waiting (client_id, message, retained, message_id) values (?, ?, ?, ?)',
    ),
    sent: database.prepare('update waiting set message_id = ? where place = ?'),
    done: database.prepare('delete from waiting where place = ?'),
  };
}

function writeItem(write: Statements, item: Item, undo: (() => void)[]): void {
  const { clientId, message, retained, messageId = null, row, isDone } = item;
  if (row !== undefined) {
    if (!isDone) return void write.sent.run(messageId, row);
    write.done.run(row);
    item.row = undefined;
    undo.push(() => {
      item.row = row;
    });
    const messageRow = message.row;
    if (message.references > 0 || messageRow === undefined) return;
    write.forgetMessage.run(messageRow);
    message.row = undefined;
    undo.push(() => {
      message.row = messageRow;
    });
    return;
  }
  if (isDone) return;
  undo.push(() => {
    item.row = undefined;
  });
  if (message.row === undefined) {
    const { topic, payload, from, meta } = message.stored;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    message.row = rowOf(write.message.run(topic, bytes, json(from), json(meta)));
    undo.push(() => {
      message.row = undefined;
    });
  }
  item.row = rowOf(write.wait.run(clientId, message.row, retained ? 1 : 0, messageId));
}

function rowOf({ lastInsertRowid }: { lastInsertRowid: number | bigint }): number {
  return Number(lastInsertRowid);
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

interface MessageRow {
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly sender: string | null;
  readonly meta: string | null;
}

interface WaitingRow {
  readonly place: number;
  readonly client_id: string;
  readonly message: number;
  readonly retained: number;
  readonly message_id: number | null;
}

function load(database: Database.Database): readonly StoredSession[] {
  const messages = new Map<number, Message>();
  for (const each of database.prepare('select * from messages').all() as MessageRow[]) {
    const { id, topic, payload, sender, meta } = each;
    const from = sender === null ? undefined : (JSON.parse(sender) as Sender);
    const parsed = meta === null ? undefined : (JSON.parse(meta) as Meta);
    messages.set(id, new Message({ topic, payload: Buffer.from(payload), from, meta: parsed }, id));
  }
  const sessions = new Map<string, { record: SessionRecord; waiting: StoredSession['waiting'][number][] }>();
  for (const { record } of database.prepare('select record from sessions').all() as { record: string }[]) {
    const parsed = JSON.parse(record) as SessionRecord;
    sessions.set(parsed.clientId, { record: parsed, waiting: [] });
  }
  for (const each of database.prepare('select * from waiting order by place').all() as WaitingRow[]) {
    const message = messages.get(each.message);
    const session = sessions.get(each.client_id);
    if (message === undefined || session === undefined) continue;
    const retained = each.retained === 1;
    const messageId = each.message_id ?? undefined;
    const item = new Item(each.client_id, message, retained);
    item.row = each.place;
    item.messageId = messageId;
    message.references++;
    session.waiting.push({ waiting: item, message: message.stored, retained, messageId });
  }
  return [...sessions.values()];
}

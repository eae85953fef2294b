import type { Attributes, GatewayPublication } from '@callboard/core';
import type { Meta, Sender } from '@callboard/protocol';
import type Database from 'libsql';
import { migrate } from './sqlite-schema.ts';
import {
  type MqttSessionStore,
  messageOf,
  type SessionRecord,
  type StoredDelivery,
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
  readonly delivery: StoredDelivery;
  messageId: number | undefined;
  received = false;
  row: number | undefined;
  isDone = false;

  constructor(clientId: string, message: Message, delivery: StoredDelivery) {
    this.clientId = clientId;
    this.message = message;
    this.delivery = delivery;
  }
}

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
    try {
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
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

  add(clientId: string, publication: GatewayPublication, delivery: StoredDelivery): Item {
    let message = this.#messages.get(publication);
    if (message === undefined || message.references === 0) {
      message = new Message(messageOf(publication));
      this.#messages.set(publication, message);
    }
    message.references++;
    const item = new Item(clientId, message, delivery);
    this.#touch(item);
    return item;
  }

  sent(item: Item, messageId: number): void {
    item.messageId = messageId;
    this.#touch(item);
  }

  received(item: Item): void {
    item.received = true;
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
    message: database.prepare(
      'insert into messages (topic, payload, sender, meta, attributes) values (?, ?, ?, ?, ?)',
    ),
    forgetMessage: database.prepare('delete from messages where id = ?'),
    wait: database.prepare(
      'insert into waiting (client_id, message, delivery, message_id, received) values (?, ?, ?, ?, ?)',
    ),
    sent: database.prepare('update waiting set message_id = ?, received = ? where place = ?'),
    done: database.prepare('delete from waiting where place = ?'),
  };
}

function writeItem(write: Statements, item: Item, undo: (() => void)[]): void {
  const { clientId, message, delivery, messageId = null, row, isDone } = item;
  const received = item.received ? 1 : 0;
  if (row !== undefined) {
    if (!isDone) return void write.sent.run(messageId, received, row);
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
    const { topic, payload, from, meta, attributes } = message.stored;
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    message.row = rowOf(write.message.run(topic, bytes, json(from), json(meta), json(attributes)));
    undo.push(() => {
      message.row = undefined;
    });
  }
  item.row = rowOf(write.wait.run(clientId, message.row, JSON.stringify(delivery), messageId, received));
}

function rowOf({ lastInsertRowid }: { lastInsertRowid: number | bigint }): number {
  return Number(lastInsertRowid);
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function parsed<Value>(text: string | null, reviver?: Reviver): Value | undefined {
  return text === null ? undefined : (JSON.parse(text, reviver) as Value);
}

type Reviver = (name: string, value: unknown) => unknown;

/** Buffers are what JSON has made of them. */
const withBuffers: Reviver = (_, value) =>
  value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer' && 'data' in value
    ? Buffer.from(value.data as number[])
    : value;

interface MessageRow {
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly sender: string | null;
  readonly meta: string | null;
  readonly attributes: string | null;
}

interface WaitingRow {
  readonly place: number;
  readonly client_id: string;
  readonly message: number;
  readonly delivery: string;
  readonly message_id: number | null;
  readonly received: number;
}

function load(database: Database.Database): readonly StoredSession[] {
  const messages = new Map<number, Message>();
  for (const each of database.prepare('select * from messages').all() as MessageRow[]) {
    const { id, topic, payload } = each;
    const stored = {
      topic,
      payload: Buffer.from(payload),
      from: parsed<Sender>(each.sender),
      meta: parsed<Meta>(each.meta),
      attributes: parsed<Attributes>(each.attributes, withBuffers),
    };
    messages.set(id, new Message(stored, id));
  }
  const sessions = new Map<string, { record: SessionRecord; waiting: StoredSession['waiting'][number][] }>();
  for (const { record } of database.prepare('select record from sessions').all() as { record: string }[]) {
    const known = JSON.parse(record) as SessionRecord;
    sessions.set(known.clientId, { record: known, waiting: [] });
  }
  for (const each of database.prepare('select * from waiting order by place').all() as WaitingRow[]) {
    const message = messages.get(each.message);
    const session = sessions.get(each.client_id);
    if (message === undefined || session === undefined) continue;
    const delivery = JSON.parse(each.delivery) as StoredDelivery;
    const messageId = each.message_id ?? undefined;
    const item = new Item(each.client_id, message, delivery);
    item.row = each.place;
    item.messageId = messageId;
    item.received = each.received === 1;
    message.references++;
    const { received } = item;
    session.waiting.push({ waiting: item, message: message.stored, delivery, messageId, received });
  }
  return [...sessions.values()];
}

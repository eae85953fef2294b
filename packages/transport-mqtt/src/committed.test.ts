import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'libsql';
import type { Packet } from 'mqtt-packet';
import { publishPacket, Stage, subscribePacket, until } from '../test/support.ts';
import { type MqttSessionStore, memorySessionStore } from './index.ts';
import { KnownPublication } from './known-publication.ts';
import { sqliteSessionStore } from './sqlite.ts';

describe('acknowledgements', () => {
  let stage: Stage;
  let commit: { resolve(): void; reject(error: Error): void } | undefined;
  let store: MqttSessionStore;
  beforeEach(async () => {
    stage = new Stage();
    commit = undefined;
    let committing: Promise<void> | undefined;
    const memory = memorySessionStore();
    store = { ...memory, committed: () => committing };
    await stage.serve({}, { store });
    hold = () => {
      committing = new Promise((resolve, reject) => {
        commit = { resolve, reject };
      });
      committing.catch(() => {});
    };
  });
  afterEach(() => stage.end());
  let hold = () => {};

  async function writing() {
    const reader = await stage.connected('reader', { clean: false });
    reader.send(subscribePacket(1, ['a', 1]));
    await reader.next('suback');
    hold();
    const writer = await stage.connected('writer');
    writer.send(publishPacket('a', 'x', { qos: 1, messageId: 7 }));
    await reader.next('publish');
    await writer.quiet();
    return writer;
  }

  test('of publications wait until what waits for sessions is committed', async () => {
    const writer = await writing();
    commit?.resolve();
    expect(await writer.next('puback')).toMatchObject({ messageId: 7 });
  });

  test('are not made where that fails: the device comes back with it', async () => {
    const writer = await writing();
    commit?.reject(new Error('disk full'));
    await writer.end();
    expect(writer.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
  });

  test.each<[string, Packet, 'suback' | 'unsuback']>([
    ['SUBSCRIBE', subscribePacket(1, ['a', 1]), 'suback'],
    ['UNSUBSCRIBE', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] }, 'unsuback'],
  ])('of %s wait, too', async (_, packet, answer) => {
    const device = await stage.connected('c', { clean: false });
    hold();
    device.send(packet);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(device.packets).toHaveLength(1);
    commit?.resolve();
    await device.next(answer);
  });
});

describe('SQLite', () => {
  let file: string;
  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), 'callboard-mqtt-')), 'sessions.db');
  });
  afterEach(() => rmSync(join(file, '..'), { recursive: true }));

  const record = {
    userId: 'u',
    claims: {},
    resumeMs: 1_000,
    lostAt: undefined,
    subscriptions: [],
    published: [],
  };

  test('commits what one turn asks for at once', async () => {
    const store = sqliteSessionStore(file);
    await store.open();
    store.save({ ...record, clientId: 'c' });
    const committed = store.committed();
    store.save({ ...record, clientId: 'd' });
    expect(store.committed()).toBe(committed);
    await committed;
    expect(store.committed()).toBeUndefined();
    await store.close();
  });

  test('commits with the next turn what it could not', async () => {
    const store = sqliteSessionStore(file);
    await store.open();
    const other = new Database(file);
    other.exec('begin immediate');
    store.save({ ...record, clientId: 'c' });
    const publication = KnownPublication.stored({
      topic: 'a',
      payload: Buffer.from('x'),
      from: undefined,
      meta: undefined,
      attributes: undefined,
    });
    store.add('c', publication, { qos: 1, retained: false });
    await expect(store.committed()).rejects.toThrow('locked');
    other.exec('rollback');
    store.save({ ...record, clientId: 'd' });
    await store.committed();
    await store.close();
    const again = sqliteSessionStore(file);
    const sessions = await again.open();
    expect(sessions.map((each) => [each.record.clientId, each.waiting.length])).toEqual([
      ['c', 1],
      ['d', 0],
    ]);
    await again.close();
    other.close();
  });

  test('keeps a payload once, however many sessions it waits for, and nothing of it afterwards', async () => {
    const store = sqliteSessionStore(file);
    await store.open();
    const other = new Database(file);
    const rows = () =>
      ['messages', 'waiting'].map(
        (table) => (other.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n,
      );
    const publication = KnownPublication.stored({
      topic: 'a',
      payload: Buffer.alloc(10_000),
      from: undefined,
      meta: undefined,
      attributes: undefined,
    });
    const waiting = Array.from({ length: 50 }, (_, i) => {
      store.save({ ...record, clientId: `c${i}` });
      return store.add(`c${i}`, publication, { qos: 1, retained: false });
    });
    await store.committed();
    expect(rows()).toEqual([1, 50]);
    for (const each of waiting.slice(1)) store.done(each);
    await store.committed();
    expect(rows()).toEqual([1, 1]);
    for (const each of waiting) store.done(each);
    await until(() => store.committed() === undefined, 'the last');
    expect(rows()).toEqual([0, 0]);
    await store.close();
    other.close();
  });

  test('has a version: a file of before there were any goes on, one of a later version is left alone', async () => {
    const before = sqliteSessionStore(file);
    await before.open();
    before.save({ ...record, clientId: 'c' });
    await before.close();
    const other = new Database(file);
    const version = () => other.prepare('pragma user_version').get();
    expect(version()).toMatchObject({ user_version: 1 });
    other.exec('pragma user_version = 0');
    const next = sqliteSessionStore(file);
    expect(await next.open()).toMatchObject([{ record: { clientId: 'c' } }]);
    await next.close();
    expect(version()).toMatchObject({ user_version: 1 });
    other.exec('pragma user_version = 2');
    other.exec('drop table waiting');
    await expect(sqliteSessionStore(file).open()).rejects.toThrow('are of version 2, and this code knows 1');
    // Neither is it changed, nor held.
    other.exec('begin exclusive; rollback');
    expect(version()).toMatchObject({ user_version: 2 });
    expect(other.prepare("select name from sqlite_master where name = 'waiting'").all()).toEqual([]);
    other.close();
  });
});

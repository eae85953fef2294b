import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Database from 'libsql';
import { presenceStoreSuite } from '../testing.ts';
import { memoryStore } from './memory-store.ts';
import { sqliteStore } from './sqlite-store.ts';

presenceStoreSuite('memory', () => ({ store: memoryStore() }), { describe, test });

const inFile = () => {
  const folder = mkdtempSync(join(tmpdir(), 'presence-'));
  const file = join(folder, 'presence.db');
  return { file, store: sqliteStore(file), close: () => rmSync(folder, { recursive: true }) };
};
presenceStoreSuite('SQLite', inFile, { describe, test });

const user = (userId: string) => ({ userId, lastOnlineTs: 1, lastSeenTs: null, choice: 'auto' as const });

test('in memory those are forgotten who changed first', async () => {
  const store = memoryStore({ maxUsers: 2 });
  await store.save([user('1'), user('2')]);
  await store.save([user('1'), user('3')]);
  expect((await store.load(['1', '2', '3'])).map(({ userId }) => userId)).toEqual(['1', '3']);
});

describe('SQLite', () => {
  test('waits for another one who has the file, without stopping this process', async () => {
    const { file, store, close } = inFile();
    await store.open();
    const other = new Database(file);
    other.exec('begin immediate');
    const saved = Promise.resolve(store.save([user('1')]));
    setTimeout(() => other.exec('commit'), 20);
    await saved;
    expect(await store.load(['1'])).toEqual([user('1')]);
    other.close();
    await store.close();
    close();
  });

  test('saves all or nothing', async () => {
    const { store, close } = inFile();
    await store.open();
    await expect(store.save([user('1'), { ...user('2'), choice: null as never }])).rejects.toThrow(
      'NOT NULL',
    );
    expect(await store.load(['1', '2'])).toEqual([]);
    await store.save([user('1')]);
    await store.close();
    expect(() => store.load(['1'])).toThrow('is not open');
    close();
  });

  test('hides whoever has chosen what this version does not know', async () => {
    const { store, close } = inFile();
    await store.open();
    await store.save([{ ...user('1'), choice: 'asleep' as never }]);
    expect(await store.load(['1'])).toEqual([{ ...user('1'), choice: 'invisible' }]);
    await store.close();
    close();
  });
});

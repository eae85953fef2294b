import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sessionStoreSuite } from '../test/store-suite.ts';
import { publishPacket, Stage, until } from '../test/support.ts';
import { memorySessionStore } from './index.ts';
import { sqliteSessionStore } from './sqlite.ts';

sessionStoreSuite('in memory', () => {
  const store = memorySessionStore();
  return { store: () => store, remove() {} };
});

sessionStoreSuite('in SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'callboard-mqtt-'));
  return {
    store: () => sqliteSessionStore(join(folder, 'sessions.db')),
    remove: () => rmSync(folder, { recursive: true }),
  };
});

describe('what is answered', () => {
  let stage: Stage;
  let commit: () => void;
  let fail: () => void;
  beforeEach(async () => {
    stage = new Stage();
    const committed = new Promise<void>((resolve, reject) => {
      commit = resolve;
      fail = () => reject(new Error('the disk is full'));
    });
    const store = { ...memorySessionStore(), committed: () => committed };
    await stage.serve({}, { store });
  });
  afterEach(() => stage.end());

  const first = publishPacket('a', '1', { qos: 1, messageId: 1 });
  const second = publishPacket('a', '2', { qos: 2, messageId: 2 });

  test('is committed before', async () => {
    const device = await stage.connected('c');
    device.send(first, second);
    await until(() => stage.server.stats().publications.published === 2, 'both');
    await new Promise(setImmediate);
    expect(device.packets.slice(1)).toEqual([]);
    commit();
    expect(await device.next('puback')).toMatchObject({ messageId: 1 });
    expect(await device.next('pubrec')).toMatchObject({ messageId: 2 });
  });

  test('is not where that fails: the device is to come back with it', async () => {
    const device = await stage.connected('c');
    device.send(first, second);
    fail();
    await device.end();
    expect(device.packets.slice(1)).toEqual([]);
  });
});

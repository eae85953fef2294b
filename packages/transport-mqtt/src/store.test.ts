import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sessionStoreSuite } from '../test/store-suite.ts';
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

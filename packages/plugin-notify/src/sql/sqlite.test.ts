import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { notifyStoreSuite } from '../testing.ts';
import { sqliteStore } from './sqlite.ts';

notifyStoreSuite(
  'SQLite',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'callboard-notify-'));
    const file = join(folder, 'notify.db');
    const close = () => rmSync(folder, { recursive: true });
    return { store: sqliteStore(file), other: sqliteStore(file), close };
  },
  { describe, test },
);

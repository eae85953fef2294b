import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { databaseTests } from '../../test/database-tests.ts';

describe('with SQLite', () =>
  databaseTests(async () => {
    const where = mkdtempSync(join(tmpdir(), 'tallow-street-'));
    return { where, remove: () => rmSync(where, { recursive: true }) };
  }, 40));

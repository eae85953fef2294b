import { jest } from '@jest/globals';
import { forebearTests } from '../test/forebear-tests.ts';
import { inMemory, inSqlite } from '../test/stores.ts';

// Days pass.
jest.setTimeout(30_000);
for (const keeping of [inMemory, inSqlite]) forebearTests(keeping);

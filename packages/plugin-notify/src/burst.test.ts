import { jest } from '@jest/globals';
import { burstTests } from '../test/burst-tests.ts';
import { inMemory, inSqlite } from '../test/stores.ts';

jest.setTimeout(60_000);
burstTests(inMemory, [300, 1_500]);
burstTests(inSqlite, [200, 600]);

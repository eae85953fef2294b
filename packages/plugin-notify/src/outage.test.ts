import { jest } from '@jest/globals';
import { outageTests } from '../test/outage-tests.ts';
import { inMemory, inSqlite } from '../test/stores.ts';

jest.setTimeout(30_000);
for (const keeping of [inMemory, inSqlite]) outageTests(keeping);

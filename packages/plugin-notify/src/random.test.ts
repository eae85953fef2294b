import { jest } from '@jest/globals';
import { randomTests } from '../test/random-tests.ts';
import { inMemory, inSqlite } from '../test/stores.ts';

jest.setTimeout(60_000);
randomTests(inMemory, 60);
randomTests(inSqlite, 10);

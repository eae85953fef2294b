import { jest } from '@jest/globals';
import { crashTests } from '../test/crash-tests.ts';
import { inSqlite } from '../test/stores.ts';

// Each is a process of its own.
jest.setTimeout(30_000);
crashTests(inSqlite);

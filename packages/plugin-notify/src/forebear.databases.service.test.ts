import { jest } from '@jest/globals';
import { forebearTests } from '../test/forebear-tests.ts';
import { withDatabases } from '../test/with-databases.ts';

// Days pass, and each look at the database is a real one.
jest.setTimeout(60_000);
withDatabases(forebearTests);

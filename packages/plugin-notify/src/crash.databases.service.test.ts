import { jest } from '@jest/globals';
import { crashTests } from '../test/crash-tests.ts';
import { withDatabases } from '../test/with-databases.ts';

// Each is a process of its own.
jest.setTimeout(60_000);
withDatabases(crashTests);

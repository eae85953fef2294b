import { jest } from '@jest/globals';
import { burstTests } from '../test/burst-tests.ts';
import { withDatabases } from '../test/with-databases.ts';

// Each is scheduled by a transaction of its own.
jest.setTimeout(120_000);
withDatabases((keeping) => burstTests(keeping, [200, 600]));

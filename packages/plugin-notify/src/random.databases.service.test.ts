import { jest } from '@jest/globals';
import { randomTests } from '../test/random-tests.ts';
import { withDatabases } from '../test/with-databases.ts';

jest.setTimeout(120_000);
withDatabases((keeping) => randomTests(keeping, 5));

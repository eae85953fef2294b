import { describe, test } from '@jest/globals';
import { withDatabases } from '../../test/with-databases.ts';
import { notifyStoreSuite } from '../testing.ts';

withDatabases(({ name, make }) =>
  notifyStoreSuite(
    name,
    async () => {
      const place = await make();
      return { store: place.open(), other: place.open() };
    },
    { describe, test },
  ),
);

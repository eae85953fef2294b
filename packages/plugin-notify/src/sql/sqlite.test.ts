import { describe, test } from '@jest/globals';
import { inSqlite } from '../../test/stores.ts';
import { notifyStoreSuite } from '../testing.ts';

notifyStoreSuite(
  'SQLite',
  async () => {
    const place = await inSqlite.make();
    return { store: place.open(), other: place.open(), close: () => place.remove() };
  },
  { describe, test },
);

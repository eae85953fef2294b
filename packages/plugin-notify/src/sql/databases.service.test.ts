import { describe, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { withDatabases } from '../../test/with-databases.ts';
import { notifyStoreSuite } from '../testing.ts';
import { migrations } from './migrations.ts';

withDatabases(({ name, make }) => {
  notifyStoreSuite(
    name,
    async () => {
      const place = await make();
      return { store: place.open(), other: place.open() };
    },
    { describe, test },
  );

  if (name === 'MariaDB')
    test('a migration that was interrupted before it was noted is noted by the next start', async () => {
      const place = await make();
      const store = place.open();
      await store.open();
      await store.close();
      const connection = await createConnection(place.address?.where as string);
      await connection.query('delete from notify_migrations where version > 2');
      await store.open();
      const [rows] = await connection.query('select count(*) as noted from notify_migrations');
      expect(rows).toEqual([{ noted: migrations.length }]);
      await connection.end();
      await store.close();
    });
});

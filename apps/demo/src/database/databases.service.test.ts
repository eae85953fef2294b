import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { type Database, mariadb, postgresql } from '../../../../packages/plugin-notify/test/databases.ts';
import { databaseTests } from '../../test/database-tests.ts';
import { openDatabase } from './database.ts';

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';

for (const kind of [postgresql, mariadb]) {
  if (!kind.installed && !required) process.stderr.write(`Skipped: no ${kind.name} here.\n`);
  (kind.installed || required ? describe : describe.skip)(`with ${kind.name}`, () => {
    let database: Database;
    beforeAll(async () => {
      database = await kind.launch();
    }, 60_000);
    afterAll(() => database?.stop());
    databaseTests(async () => ({ where: await database.create(), remove() {} }), 15);

    // PostgreSQL undoes what was interrupted.
    if (kind === postgresql) return;
    test('a migration that was interrupted is made again', async () => {
      const where = await database.create();
      const interrupted = await openDatabase(where);
      await sql`delete from demo_migrations where name = '5-sign-in'`.execute(interrupted.db);
      await interrupted.close();
      const again = await openDatabase(where);
      expect(await again.db.selectFrom('people').select(['email', 'token_version']).execute()).toEqual([]);
      await again.close();
    });
  });
}

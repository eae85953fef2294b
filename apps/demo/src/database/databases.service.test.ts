import { afterAll, beforeAll, describe } from '@jest/globals';
import { type Database, mariadb, postgresql } from '../../../../packages/plugin-notify/test/databases.ts';
import { databaseTests } from '../../test/database-tests.ts';

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
  });
}

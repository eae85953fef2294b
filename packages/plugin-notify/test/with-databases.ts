import { afterAll, beforeAll, describe } from '@jest/globals';
import { type Database, type Kind, mariadb, postgresql } from './databases.ts';
import { type Keeping, type Place, storeAt } from './stores.ts';

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';

/** Runs the tests with each database server that is here; where it must be and is not, they fail. */
export function withDatabases(body: (keeping: Keeping, database: () => Database) => void): void {
  for (const kind of [postgresql, mariadb]) withDatabase(kind, body);
}

function withDatabase(kind: Kind, body: (keeping: Keeping, database: () => Database) => void): void {
  if (!kind.installed && !required) process.stderr.write(`Skipped: no ${kind.name} here.\n`);
  (kind.installed || required ? describe : describe.skip)(`with ${kind.name}`, () => {
    let database: Database;
    beforeAll(async () => {
      if (!kind.installed) throw new Error(`no ${kind.name} here: install it`);
      database = await kind.launch();
    }, 60_000);
    afterAll(() => database?.stop());
    const make = async (): Promise<Place> => {
      const where = await database.create();
      return {
        open: () => storeAt(kind.name, where),
        address: { kind: kind.name, where },
        remove() {},
      };
    };
    body({ name: kind.name, make }, () => database);
  });
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'libsql';
import { statementsOf } from '../../test/plans.ts';
import { inSqlite, type Place } from '../../test/stores.ts';
import { notifyStoreSuite } from '../testing.ts';
import { migrations } from './migrations.ts';
import { sqlite } from './sqlite.ts';

notifyStoreSuite(
  'SQLite',
  async () => {
    const place = await inSqlite.make();
    return { store: place.open(), other: place.open(), close: () => place.remove() };
  },
  { describe, test },
);

describe('migrations', () => {
  let place: Place;
  let database: Database.Database;
  beforeEach(async () => {
    place = await inSqlite.make();
    database = new Database(place.address?.where as string);
  });
  afterEach(() => {
    database.close();
    place.remove();
  });
  const versions = () =>
    database
      .prepare('select version from notify_migrations order by version')
      .all([])
      .map((row) => (row as { version: number }).version);

  test('are run once each, in order, however many nodes start at the same time', async () => {
    const stores = Array.from({ length: 5 }, () => place.open());
    await Promise.all(stores.map((store) => store.open()));
    expect(versions()).toEqual(migrations.map((_, i) => i + 1));
    for (const store of stores) await store.close();
  });

  test('go on where they were, as a whole or not at all', async () => {
    const types = { name: 'text', text: 'text' };
    database.exec('create table notify_migrations (version integer not null primary key)');
    database.exec('insert into notify_migrations values (1)');
    database.exec(migrations[0]?.(types) as string);
    // In the way of the last but one.
    database.exec('create table t (a integer); create index notify_items_notice on t (a)');
    const store = place.open();
    await expect(store.open()).rejects.toThrow('notify_items_notice');
    expect(versions()).toEqual([1]);
    database.exec('drop table t');
    await store.open();
    expect(versions()).toEqual(migrations.map((_, i) => i + 1));
    await store.close();
  });

  test('do not touch a database that is newer', async () => {
    const store = place.open();
    await store.open();
    await store.close();
    database.exec(`insert into notify_migrations values (${migrations.length + 1})`);
    await expect(store.open()).rejects.toThrow(`version ${migrations.length + 1}`);
  });
});

test('each statement finds what it is about by an index', async () => {
  const place = await inSqlite.make();
  const file = place.address?.where as string;
  const { store, statements } = await statementsOf(sqlite(file));
  const database = new Database(file);
  const plans = statements.map(({ sql, parameters }) => {
    const steps = database.prepare(`explain query plan ${sql}`).all([...parameters]) as { detail: string }[];
    return `${sql}: ${steps.map(({ detail }) => detail).join('; ')}`;
  });
  expect(plans.length).toBeGreaterThan(20);
  expect(plans.filter((plan) => /: .*SCAN (?!CONSTANT)/.test(plan))).toEqual([]);
  // That somebody waits is no reason to look through all that wait.
  const byState = plans.filter((plan) => plan.includes('(state=?)'));
  expect(byState.filter((plan) => !plan.includes('order by "wake_at" limit'))).toEqual([]);
  database.close();
  await store.close();
  place.remove();
});

import { Socket } from 'node:net';
import { until } from '@callboard/testkit';
import { describe, expect, jest, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { type Statement, statementsOf } from '../../test/plans.ts';
import { swallowingRoad } from '../../test/swallowing-road.ts';
import { withDatabases } from '../../test/with-databases.ts';
import { notifyStoreSuite } from '../testing.ts';
import { migrations } from './migrations.ts';
import { mysql, mysqlStore } from './mysql.ts';
import { postgres, postgresStore } from './postgres.ts';

withDatabases(({ name, make }) => {
  notifyStoreSuite(
    name,
    async () => {
      const place = await make();
      return { store: place.open(), other: place.open() };
    },
    { describe, test },
  );

  test('each statement finds what it is about by an index', async () => {
    const where = (await make()).address?.where as string;
    const [dialect, explain] =
      name === 'MariaDB' ? [mysql(where, {}), explainMysql] : [postgres(where, {}), explainPostgres];
    const { store, statements } = await statementsOf(dialect);
    expect(statements.length).toBeGreaterThan(20);
    expect(await explain(where, statements)).toEqual([]);
    await store.close();
  });

  test('connections that a network has swallowed are given up', async () => {
    const where = new URL((await make()).address?.where as string);
    const road = await swallowingRoad(Number(where.port));
    where.port = `${road.port}`;
    // When they are over is said here: no machine is too slow for that.
    const silences = jest.spyOn(Socket.prototype, 'setTimeout');
    const options = { connections: 4, silentMs: 12_345 };
    const store = name === 'MariaDB' ? mysqlStore(`${where}`, options) : postgresStore(`${where}`, options);
    await store.open();
    await Promise.all(Array.from({ length: 4 }, () => store.get('k')));
    const sockets = silences.mock.contexts as Socket[];
    const watched = sockets.filter((_, i) => silences.mock.calls[i]?.[0] === 12_345);
    silences.mockRestore();
    expect(watched).toHaveLength(4);
    road.swallow();
    const asked = Promise.allSettled(Array.from({ length: 4 }, () => store.get('k')));
    await until(() => road.swallowed === 4, 'all questions');
    for (const socket of watched) socket.emit('timeout');
    const lost = await asked;
    expect(lost.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    expect(await store.get('k')).toBe(undefined);
    await store.close();
    road.close();
  });

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

/** Statements that read a table as a whole, even where that is made to look dear. */
async function explainPostgres(url: string, statements: readonly Statement[]): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('set enable_seqscan = off');
  const scans: string[] = [];
  for (const { sql, parameters } of statements) {
    const { rows } = await client.query(`explain ${sql}`, [...parameters]);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    if (plan.includes('Seq Scan')) scans.push(`${sql}\n${plan}`);
  }
  await client.end();
  return scans;
}

/** Statements for which there is no index. */
async function explainMysql(url: string, statements: readonly Statement[]): Promise<string[]> {
  const connection = await createConnection(url);
  const scans: string[] = [];
  for (const { sql, parameters } of statements) {
    const [rows] = await connection.query(`explain ${sql}`, [...parameters]);
    for (const { possible_keys, table, type } of rows as Record<string, string | null>[])
      if (table !== null && possible_keys === null && type !== 'index' && type !== 'const')
        scans.push(`${sql}: ${table} ${type}`);
  }
  await connection.end();
  return scans;
}

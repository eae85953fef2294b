import { describe, expect, jest, test } from '@jest/globals';
import { outageTests } from '../test/outage-tests.ts';
import { Stage } from '../test/stage.ts';
import { withDatabases } from '../test/with-databases.ts';

jest.setTimeout(60_000);
withDatabases((keeping, database) => {
  outageTests(keeping);

  describe(`4. ${keeping.name} itself`, () => {
    test('is killed and starts again: it goes on afterwards, once', async () => {
      const stage = await Stage.at(keeping);
      try {
        const node = await stage.node();
        const tab = await stage.tab(node, 44);
        const note = (key: string, inMs: number) =>
          node.server.notify.schedule({ key, in: inMs, to: 44, action: { type: 'A' } });
        await note('during', 60_000);
        await note('after', 600_000);
        await database().kill();
        await stage.pass(61_000);
        expect([node.server.stats().plugins.notify?.storeUp, tab.told]).toEqual([0, []]);
        await expect(note('refused', 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await database().start();
        await stage.pass(60_000);
        expect([node.server.stats().plugins.notify?.storeUp, tab.told.map(({ key }) => key)]).toEqual([
          1,
          ['during'],
        ]);
        await stage.pass(600_000);
        expect(tab.told.map(({ key }) => key)).toEqual(['during', 'after']);
      } finally {
        await stage.end();
      }
    });
  });
});

import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bothLogs, withLog } from '../../test/logs.ts';

const open = { canSubscribe: () => true, canPublish: () => true };
const channels = {
  'kept/+': { ...open, history: { size: 100 } },
  'bare/+': open,
  'closed/+': { history: { size: 5 } },
};
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe.each(bothLogs)('a history, with a log that answers %s,', (answers) => {
  const harness = (options: object = {}) =>
    createHarness({ channels, ...withLog(answers).options, ...options });

  test('is paged back, for who may read, subscribed or not', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    for (const data of range(1, 10)) await until(server.publish('kept/1', data, { version: data }));
    const newest = await tab.history('kept/1', { limit: 4 });
    expect(newest.publications).toEqual(range(7, 10).map((data) => ({ offset: data, data, version: data })));
    expect(newest.position.offset).toBe(10);
    const { epoch } = newest.position;
    expect(newest.before).toEqual({ epoch, offset: 7 });
    const older = await tab.history('kept/1', { limit: 6, ...(newest.before && { before: newest.before }) });
    expect(older.publications.map(({ offset }) => offset)).toEqual(range(1, 6));
    expect(older).not.toHaveProperty('before');
    await tab.join('kept/1');
    expect((await tab.history('kept/1')).publications).toHaveLength(10);
    const page = await until(server.channel('kept/1').history({ limit: 2 }));
    expect(page.publications).toEqual(
      [9, 10].map((data) => ({ channel: 'kept/1', offset: data, data, version: data })),
    );
    expect(page.before).toEqual({ epoch, offset: 9 });
    await tab.expectNothing();
  });

  test('of a channel that keeps nothing, or is not there, is empty, and leaves nothing', async () => {
    const { server, connect } = await harness();
    const tab = await connect(1);
    for (const name of ['bare/1', 'kept/7'])
      expect(await tab.history(name)).toEqual({
        publications: [],
        position: { epoch: expect.any(String), offset: 0 },
      });
    expect(server.stats().channels).toBe(0);
  });

  test('leaves out what its reader was excluded from', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    for (const data of [1, 2, 3])
      await tab.expectReply(tab.publish('kept/1', data, data === 2 ? { exclude: true } : {}));
    expect((await tab.history('kept/1')).publications.map(({ data }) => data)).toEqual([1, 3]);
    expect((await other.history('kept/1')).publications.map(({ data }) => data)).toEqual([1, 2, 3]);
    const { publications, before } = await tab.history('kept/1', { limit: 2 });
    expect([publications.map(({ data }) => data), before?.offset]).toEqual([[3], 2]);
  });

  test('is refused where its channel is closed, and positions that are none', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    await until(server.publish('kept/1', 1));
    const ask = (channel: string, fields: object = {}) => tab.request({ op: 'history', channel, ...fields });
    await tab.expectError(ask('closed/1'), 'FORBIDDEN');
    await tab.expectError(ask('nowhere'), 'FORBIDDEN');
    await tab.expectError(ask('kept/+'), 'INVALID_CHANNEL');
    const { position } = await tab.history('kept/1');
    await tab.expectError(
      ask('kept/1', { before: { ...position, offset: position.offset + 2 } }),
      'UNKNOWN_POSITION',
    );
    await tab.expectError(ask('kept/1', { before: { epoch: 'another', offset: 1 } }), 'UNKNOWN_POSITION');
    await expect(
      until(server.channel('kept/1').history({ before: { epoch: 'another', offset: 1 } })),
    ).rejects.toMatchObject({ code: 'UNKNOWN_POSITION' });
    expect((await tab.history('kept/1', { before: { ...position, offset: 2 } })).publications).toHaveLength(
      1,
    );
    expect((await tab.history('kept/1', { before: { ...position, offset: 0 } })).publications).toEqual([]);
    await tab.expectNothing();
  });

  test('is read anew where it is asked for again', async () => {
    const { server, connect, until } = await harness();
    const tab = await connect(1);
    const mid = tab.request({ op: 'history', channel: 'kept/1' });
    tab.cut();
    await until(server.publish('kept/1', 1));
    await tab.resume();
    expect(await tab.expectReply(mid)).toMatchObject({ publications: [{ data: 1 }] });
  });
});

test('a page is no more than the connection takes', async () => {
  const { server, connect, clock } = await createHarness({ channels, limits: { maxOutboxBytes: 20_000 } });
  const tab = await connect(1);
  for (let i = 0; i < 50; i++) await server.publish('kept/1', 'x'.repeat(1_000));
  const offsets: number[] = [];
  for (let before: object = {}; ; ) {
    const page = await tab.history('kept/1', { limit: 100, ...before });
    expect(JSON.stringify(page).length).toBeLessThan(11_000);
    offsets.unshift(...page.publications.map(({ offset }) => offset));
    if (page.before === undefined) break;
    before = { before: page.before };
    await clock.settle();
  }
  expect(offsets).toEqual(range(1, 50));
  expect(tab.closed).toBeUndefined();
});

/** With whatever limits, and whoever published what: all that is kept, once, in order. */
test('paging back gives all that is kept', async () => {
  const publication = fc.record({ mine: fc.boolean(), excluded: fc.boolean() });
  const property = fc.asyncProperty(
    fc.array(publication, { maxLength: 30 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    fc.integer({ min: 1, max: 40 }),
    async (publications, limits, size) => {
      const { server, connect } = await createHarness({ channels: { a: { ...open, history: { size } } } });
      const tab = await connect(1);
      for (const { mine, excluded } of publications) {
        if (mine) await tab.expectReply(tab.publish('a', 1, { exclude: excluded }));
        else await server.publish('a', 1);
      }
      const got: number[] = [];
      for (let turn = 0, before: object = {}; ; turn++) {
        const page = await tab.history('a', { limit: limits[turn % limits.length] ?? 1, ...before });
        got.unshift(...page.publications.map(({ offset }) => offset));
        if (page.before === undefined) break;
        before = { before: page.before };
      }
      const kept = publications
        .map(({ mine, excluded }, i) => ({ offset: i + 1, hidden: mine && excluded }))
        .slice(-size)
        .filter(({ hidden }) => !hidden);
      expect(got).toEqual(kept.map(({ offset }) => offset));
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bothLogs, type SlowLog, withLog } from '../../test/logs.ts';

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
      [9, 10].map((data) => ({ channel: 'kept/1', position: { epoch, offset: data }, data, version: data })),
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
    const beyond = { ...position, offset: position.offset + 1 };
    await tab.expectError(ask('kept/1', { before: beyond }), 'UNKNOWN_POSITION');
    await tab.expectError(ask('kept/1', { before: { epoch: 'another', offset: 1 } }), 'UNKNOWN_POSITION');
    await expect(
      until(server.channel('kept/1').history({ before: { epoch: 'another', offset: 1 } })),
    ).rejects.toMatchObject({ code: 'UNKNOWN_POSITION' });
    for (const offset of [0, 1])
      expect((await tab.history('kept/1', { before: { ...position, offset } })).publications).toEqual([]);
    for (const options of [{ limit: 0 }, { limit: 1.5 }, { limit: 257 }, { before: 1 }, { before: null }])
      await expect(server.channel('kept/1').history(options as never)).rejects.toThrow(TypeError);
    await tab.expectNothing();
    expect(server.stats().channels).toBe(1);
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

describe('what is large', () => {
  const limits = { maxOutboxBytes: 20_000 };
  const offsets = (page: { readonly publications: readonly { readonly offset: number }[] }) =>
    page.publications.map(({ offset }) => offset);

  test('for half of the room, but goes into all of it, is a page of its own', async () => {
    const { server, connect } = await createHarness({ channels, limits });
    const tab = await connect(1);
    for (const length of [10, 15_000, 10]) await server.publish('kept/1', 'x'.repeat(length));
    const pages: number[][] = [];
    for (let before: object = {}; ; ) {
      const page = await tab.history('kept/1', before);
      pages.push(offsets(page));
      if (page.before === undefined) break;
      before = { before: page.before };
    }
    expect(pages).toEqual([[3], [2], [1]]);
  });

  test('for any room is left out', async () => {
    const { server, connect } = await createHarness({ channels, limits });
    for (const length of [10, 30_000, 10, 20_000]) await server.publish('kept/1', 'x'.repeat(length));
    const tab = await connect(1);
    expect(offsets(await tab.history('kept/1'))).toEqual([1, 3]);
    expect(await tab.history('kept/1', { limit: 1 })).toMatchObject({
      publications: [],
      before: { offset: 4 },
    });
    expect(tab.closed).toBeUndefined();
    const { publications } = await server.channel('kept/1').history();
    expect(publications.map(({ position }) => position.offset)).toEqual([1, 2, 3, 4]);
  });

  test('waits for a reader that does not take it now, who is told when to ask again', async () => {
    const { server, connect, clock } = await createHarness({ channels, limits });
    const tab = await connect(1);
    await server.publish('kept/1', 'x'.repeat(9_000));
    tab.wire.freeze();
    const ask = () => tab.request({ op: 'history', channel: 'kept/1' });
    const mids = [ask(), ask(), ask(), ask()];
    await clock.settle();
    tab.wire.thaw();
    const answered = [];
    for (const mid of mids.slice(0, 2)) answered.push(offsets((await tab.expectReply(mid)) as never));
    expect(answered).toEqual([[1], [1]]);
    for (const mid of mids.slice(2))
      expect(await tab.expectError(mid, 'RATE_LIMITED')).toMatchObject({
        retryable: true,
        retryAfterMs: 1_000,
      });
    expect(offsets(await tab.history('kept/1'))).toEqual([1]);
    expect(tab.closed).toBeUndefined();
  });
});

test('a page has what was nested as deeply as a publication may be', async () => {
  const { connect } = await createHarness({ channels });
  const tab = await connect(1);
  let deep: unknown = 0;
  for (let depth = 1; depth < 64; depth++) deep = [deep];
  await tab.expectReply(tab.publish('kept/1', deep));
  expect((await tab.history('kept/1')).publications).toMatchObject([{ data: deep }]);
});

describe('a log may', () => {
  test('give less at once than it is asked for', async () => {
    const { memory, options } = withLog('at once');
    const read = memory.read.bind(memory);
    memory.read = (stream, after, maxEntries) => read(stream, after, Math.min(maxEntries, 3));
    const { server, connect } = await createHarness({ channels, ...options });
    for (const data of range(1, 10)) await server.publish('kept/1', data);
    const tab = await connect(1);
    const { publications, before } = await tab.history('kept/1', { limit: 8 });
    expect(publications.map(({ data }) => data)).toEqual(range(3, 10));
    expect(before?.offset).toBe(3);
  });

  test('be followed late: what was acknowledged is there', async () => {
    const { memory, options } = withLog('at once');
    const open = memory.open.bind(memory);
    memory.open = (stream, _follow, retention) => open(stream, () => {}, retention);
    const { connect } = await createHarness({ channels, ...options });
    const tab = await connect(1);
    await tab.expectReply(tab.publish('kept/1', 1));
    expect(await tab.history('kept/1')).toMatchObject({
      publications: [{ data: 1 }],
      position: { offset: 1 },
    });
  });

  test('lose the stream meanwhile: the client may ask again', async () => {
    const { memory, options } = withLog('at once');
    const read = memory.read.bind(memory);
    let epoch = 'another';
    memory.read = (stream, after, maxEntries) => {
      const page = read(stream, after, maxEntries);
      return page && { ...page, epoch: epoch || page.epoch };
    };
    const { server, connect } = await createHarness({ channels, ...options });
    await server.publish('kept/1', 1);
    const tab = await connect(1);
    const mid = tab.request({ op: 'history', channel: 'kept/1' });
    expect(await tab.expectError(mid, 'UNAVAILABLE')).toMatchObject({ retryable: true });
    epoch = '';
    tab.request({ op: 'history', channel: 'kept/1', mid });
    expect(await tab.expectReply(mid)).toMatchObject({ publications: [{ data: 1 }] });
  });

  test('not answer: CHECK_TIMEOUT, and nothing is left', async () => {
    const { log, options } = withLog('later');
    const { server, connect, clock } = await createHarness({ channels, ...options });
    const tab = await connect(1);
    const go = (log as SlowLog).hold();
    const mid = tab.request({ op: 'history', channel: 'bare/1' });
    await clock.advanceAsync(30_000);
    await tab.expectError(mid, 'CHECK_TIMEOUT');
    go();
    await clock.settle();
    expect(server.stats().channels).toBe(0);
    await tab.expectNothing();
  });
});

test('a history is not remembered: sent again, it is what is kept by then', async () => {
  const { server, connect } = await createHarness({ channels });
  const tab = await connect(1);
  const mid = tab.request({ op: 'history', channel: 'kept/1' });
  expect(await tab.expectReply(mid)).toMatchObject({ publications: [] });
  await server.publish('kept/1', 1);
  tab.request({ op: 'history', channel: 'kept/1', mid });
  expect(await tab.expectReply(mid)).toMatchObject({ publications: [{ data: 1 }] });
});

test('who has subscribed is not asked for the right again', async () => {
  const asked: string[] = [];
  const canSubscribe = ({ channel }: { channel: string }) => asked.push(channel) > 0;
  const { connect } = await createHarness({ channels: { '#': { canSubscribe, history: { size: 5 } } } });
  const tab = await connect(1);
  await tab.join('a');
  for (const name of ['a', 'b', 'b']) await tab.history(name);
  expect(asked).toEqual(['a', 'b', 'b']);
});

test('a history is read in its turn', async () => {
  const { connect } = await createHarness({
    channels: { a: { canSubscribe: async () => true, canPublish: async () => true, history: { size: 9 } } },
  });
  const tab = await connect(1);
  const mids = [
    tab.publish('a', 1),
    tab.request({ op: 'history', channel: 'a' }),
    tab.publish('a', 2),
    tab.request({ op: 'history', channel: 'a' }),
  ];
  const pages = [];
  for (const mid of mids) pages.push(await tab.expectReply(mid));
  const [, first, , second] = pages;
  expect(first).toMatchObject({ publications: [{ data: 1 }] });
  expect(second).toMatchObject({ publications: [{ data: 1 }, { data: 2 }] });
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

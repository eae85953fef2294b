import { defineContract } from '@callboard/protocol';
import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { bothLogs, type SlowLog, withLog } from '../../test/logs.ts';

const open = { canSubscribe: () => true, canPublish: () => true, filters: true };
const channels = {
  '#': open,
  'last/+': { ...open, retain: true },
  'kept/+': { ...open, history: { size: 9 } },
};

describe.each(bothLogs)('a publication, with a log that answers %s,', (answers) => {
  const harness = (options: object = {}) =>
    createHarness({ channels, ...withLog(answers).options, ...options });

  test('carries what came with it: from, meta, version; live, recovered and as the last value', async () => {
    const { server, connect, until } = await harness();
    const [tab, other] = [await connect(1), await connect(2)];
    const { 'last/1': at } = await other.join('last/1');
    await tab.expectReply(tab.publish('last/1', 1, { meta: { unit: '°C' }, version: 7 }));
    const full = { data: 1, meta: { unit: '°C' }, version: 7, from: { userId: '1', clientId: tab.clientId } };
    await other.expectPublication(full);
    expect(await (await connect(3)).join('last/1')).toMatchObject({ 'last/1': { offset: 1 } });
    const late = await connect(3);
    await late.join('last/+');
    expect(await late.expectPublication(full)).toMatchObject({ retained: true });
    await until(server.publish('last/1', 2, { meta: { a: [1] }, version: 8 }));
    const bare = await other.expectPublication({ data: 2, meta: { a: [1] }, version: 8 });
    expect(bare).not.toHaveProperty('from');
    expect(at).toBeDefined();
  });

  test('of an older version goes nowhere, and its publisher is told', async () => {
    const { server, connect, until } = await harness();
    const [tab, other] = [await connect(1), await connect(2)];
    await other.join('product/1');
    expect(await tab.expectReply(tab.publish('product/1', 'new', { version: 5 }))).toBeUndefined();
    expect(await tab.expectReply(tab.publish('product/1', 'old', { version: 4 }))).toEqual({
      outcome: 'stale',
    });
    expect(await until(server.publish('product/1', 'old', { version: 0 }))).toEqual({ outcome: 'stale' });
    expect(await until(server.publish('product/1', 'same', { version: 5 }))).toEqual({
      outcome: 'published',
    });
    expect(await until(server.publish('product/1', 'any'))).toEqual({ outcome: 'published' });
    for (const [i, data] of ['new', 'same', 'any'].entries())
      await other.expectPublication({ data, offset: i + 1 });
    await other.expectNothing();
  });

  test('under a key that its user has used takes effect once, from any client and after a new session', async () => {
    const { server, connect, until, clock } = await harness();
    const [tab, same, stranger, other] = [
      await connect(1),
      await connect(1),
      await connect(2),
      await connect(3),
    ];
    await other.join('product/1');
    expect(await tab.expectReply(tab.publish('product/1', 1, { key: 'k' }))).toBeUndefined();
    const repeated = { outcome: 'repeated' };
    expect(await tab.expectReply(tab.publish('product/1', 1, { key: 'k' }))).toEqual(repeated);
    expect(await same.expectReply(same.publish('product/1', 1, { key: 'k' }))).toEqual(repeated);
    // Nobody can be first with another's, not even the server.
    expect(await stranger.expectReply(stranger.publish('product/1', 2, { key: 'k' }))).toBeUndefined();
    expect(await until(server.publish('product/1', 3, { key: 'k' }))).toEqual({ outcome: 'published' });
    expect(await until(server.publish('product/1', 3, { key: 'k' }))).toEqual(repeated);
    for (const data of [1, 2, 3]) await other.expectPublication({ data });
    await other.leave('product/1');
    // The channel is there for as long as keys are remembered.
    await clock.advanceAsync(200_000);
    const later = await connect(1);
    expect(await later.expectReply(later.publish('product/1', 1, { key: 'k' }))).toEqual(repeated);
    expect(server.stats().channels).toBe(1);
    await clock.advanceAsync(300_000);
    expect(server.stats().channels).toBe(0);
    await other.expectNothing();
  });

  test('of bytes arrives as bytes', async () => {
    const seen: unknown[] = [];
    const { server, connect, until } = await harness({
      channels: {
        'camera/+': {
          ...open,
          history: { size: 5 },
          canPublish: ({ data }: { data: unknown }) => {
            seen.push(data);
            return true;
          },
        },
      },
    });
    const tab = await connect(1);
    await tab.join('camera/1');
    server.channel('camera/1').publications$.subscribe(({ data }) => seen.push(data));
    await until(Promise.resolve());
    await tab.expectReply(tab.publish('camera/1', { b64: 'AAEC' }));
    await until(server.publish('camera/1', Uint8Array.of(255)));
    await tab.expectPublication({ data: { b64: 'AAEC' } });
    await tab.expectPublication({ data: { b64: '/w==' } });
    expect(seen).toEqual([Uint8Array.of(0, 1, 2), Uint8Array.of(0, 1, 2), Uint8Array.of(255)]);
    const { publications } = await until(server.channel('camera/1').history());
    expect(publications.map(({ data }) => data)).toEqual([Uint8Array.of(0, 1, 2), Uint8Array.of(255)]);
  });

  test('that does not satisfy the schema is refused with where it does not, and what does is as the schema makes it', async () => {
    const stock = z.object({ stock: z.coerce.number().int() });
    const later = {
      '~standard': {
        ...stock['~standard'],
        validate: async (value: unknown) => stock['~standard'].validate(value),
      },
    };
    const { server, connect, until } = await harness({
      channels: {
        'product/+': { ...open, schema: stock },
        'async/+': { ...open, schema: later },
        '+/note': open,
      },
      contract: defineContract({
        actions: {},
        // Where a policy has a schema, that one holds.
        channels: { '+/note': z.string().trim(), 'product/+': z.string(), '#': z.never() },
      }),
    });
    const tab = await connect(1);
    await tab.join(['product/1', 'async/1', 'a/note']);
    for (const name of ['product/1', 'async/1']) {
      const { message } = await tab.expectError(tab.publish(name, { stock: 'many' }), 'INVALID_DATA');
      expect(message).toMatch(/^stock: /);
      await tab.expectReply(tab.publish(name, { stock: '41', more: 1 }));
      await tab.expectPublication({ channel: name, offset: 1, data: { stock: 41 } });
      await expect(until(server.publish(name, { stock: 1.5 } as never))).rejects.toMatchObject({
        name: 'SendFailed',
        code: 'INVALID_DATA',
      });
      await until(server.publish(name, { stock: '7' } as never));
      await tab.expectPublication({ channel: name, offset: 2, data: { stock: 7 } });
    }
    await tab.expectError(tab.publish('a/note', 5), 'INVALID_DATA');
    await tab.expectReply(tab.publish('a/note', ' hi '));
    await tab.expectPublication({ channel: 'a/note', data: 'hi' });
    await tab.expectNothing();
  });

  test('is let through at the rate of its policy, for each client', async () => {
    const { connect, clock } = await harness({
      channels: { 'slow/+': { ...open, maxPerSecond: 2 }, 'quick/+': open },
    });
    const [tab, other] = [await connect(1), await connect(1)];
    await other.join('slow/1');
    for (const name of ['slow/1', 'slow/2', 'slow/1', 'slow/1']) await tab.expectReply(tab.publish(name, 1));
    for (let i = 0; i < 5; i++) {
      const { retryAfterMs, retryable } = await tab.expectError(tab.publish('slow/2', 1), 'RATE_LIMITED');
      expect([retryable, retryAfterMs]).toEqual([true, 500]);
    }
    await tab.expectReply(tab.publish('quick/1', 1));
    await other.expectReply(other.publish('slow/1', 'other'));
    // What was refused has cost nothing.
    await clock.advanceAsync(500);
    await tab.expectReply(tab.publish('slow/1', 'again'));
    await tab.expectError(tab.publish('slow/1', 1), 'RATE_LIMITED');
    for (const data of [1, 1, 1, 'other', 'again']) await other.expectPublication({ data });
    await other.expectNothing();
  });
});

test('the stats count what became of publications', async () => {
  const { server, connect } = await createHarness({ channels });
  const tab = await connect(1);
  await tab.join('a');
  await server.publish('a', 1, { version: 2, key: 'k' });
  await tab.expectReply(tab.publish('a', 1, { version: 1 }));
  await tab.expectReply(tab.publish('a', 1, { version: 1 }));
  await server.publish('a', 1, { key: 'k' });
  await server.publish('nobody/there', 1);
  await tab.expectError(tab.publish('a', 1, { version: -1 }), 'INVALID_REQUEST');
  expect(server.stats().publications).toEqual({ published: 2, stale: 2, repeated: 1, withheld: 0 });
});

/** Two users and the server, each under a few keys of its own, in any order, by any client, also over lost links. */
test('whatever is repeated takes effect once, and the newest version stays', async () => {
  const deed = fc.record({
    who: fc.constantFrom('a', 'b', 'server'),
    key: fc.option(fc.constantFrom('k', 'l', 'm'), { nil: undefined }),
    version: fc.option(fc.nat(5), { nil: undefined }),
    cut: fc.boolean(),
  });
  const property = fc.asyncProperty(
    fc.array(deed, { maxLength: 30 }),
    fc.constantFrom(...bothLogs),
    async (deeds, answers) => {
      const { server, connect, until, clock } = await createHarness({
        channels,
        ...withLog(answers).options,
      });
      const reader = await connect('reader');
      await reader.join('kept/1');
      const clients = { a: [await connect('a'), await connect('a')], b: [await connect('b')] };
      const keys = new Set<string>();
      const expected: number[] = [];
      let newest = -1;
      for (const [id, { who, key, version, cut }] of deeds.entries()) {
        const scoped = key && `${who} ${key}`;
        const isRepeated = scoped !== undefined && keys.has(scoped);
        if (scoped !== undefined) keys.add(scoped);
        const isStale = version !== undefined && version < newest;
        const outcome = isRepeated ? 'repeated' : isStale ? 'stale' : 'published';
        if (outcome === 'published') {
          expected.push(id);
          newest = Math.max(newest, version ?? -1);
        }
        const fields = { ...(key !== undefined && { key }), ...(version !== undefined && { version }) };
        if (who === 'server') expect(await until(server.publish('kept/1', id, fields))).toEqual({ outcome });
        else {
          const client = clients[who][id % clients[who].length] ?? clients.a[0];
          const mid = client?.publish('kept/1', id, fields) ?? 0;
          if (cut) {
            client?.cut();
            await client?.resume();
          }
          const result = await client?.expectReply(mid);
          expect(result).toEqual(outcome === 'published' ? undefined : { outcome });
        }
      }
      await clock.settle();
      for (const data of expected) await reader.expectPublication({ data });
      await reader.expectNothing();
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test('a publication whose fate is unknown is not published again under its key', async () => {
  const { log, options } = withLog('later');
  const { connect, clock } = await createHarness({ ...options, channels });
  const [tab, other] = [await connect(1), await connect(2)];
  await other.join('kept/1');
  const go = (log as SlowLog).hold();
  const mid = tab.publish('kept/1', 1, { key: 'k' });
  await clock.advanceAsync(30_000);
  await tab.expectError(mid, 'OUTCOME_UNKNOWN');
  go();
  expect(await tab.expectReply(tab.publish('kept/1', 1, { key: 'k' }))).toEqual({ outcome: 'repeated' });
  await other.expectPublication({ data: 1 });
  await other.expectNothing();
});

import { defineContract } from '@callboard/protocol';
import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { z } from 'zod';

const contract = defineContract({
  actions: {
    ADD: z.object({ item: z.string().min(1), count: z.number().int().default(1) }),
    PRICE: { action: v.object({ item: v.string() }), reply: v.object({ cents: v.number() }) },
    LATER: z.object({ id: z.string().refine(async (id) => id !== 'bad', 'no such id') }),
  },
});

describe('an action with a contract', () => {
  const harness = () =>
    createHarness({
      contract,
      canSend: () => true,
      handlers: {
        ADD: ({ action }) => action,
        PRICE: ({ action }) => ({ cents: action.item.length }),
        LATER: ({ action }) => action.id,
      },
    });

  test('reaches its handler as its schema makes it, whoever made the schema', async () => {
    const { connect } = await harness();
    const tab = await connect(1);
    expect(await tab.expectReply(tab.call({ type: 'ADD', item: 'tea', stray: true }))).toEqual({
      type: 'ADD',
      item: 'tea',
      count: 1,
    });
    expect(await tab.expectReply(tab.call({ type: 'PRICE', item: 'tea' }))).toEqual({ cents: 3 });
    expect(await tab.expectReply(tab.call({ type: 'LATER', id: 'good' }))).toBe('good');
  });

  test('that does not satisfy it is INVALID_ACTION, and says where', async () => {
    const { connect, errors } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    const refusal = async (mid: number) => (await tab.expectError(mid, 'INVALID_ACTION')).message;
    expect(await refusal(tab.call({ type: 'ADD', item: 7, count: 'x' }))).toMatch(/^item: .*; count: /);
    expect(await refusal(tab.call({ type: 'PRICE' }))).toContain('item');
    expect(await refusal(tab.call({ type: 'LATER', id: 'bad' }))).toBe('id: no such id');
    expect(await refusal(tab.broadcast({ type: 'ADD' }))).toContain('item');
    expect(await refusal(tab.send({ type: 'ADD' }, [1]))).toContain('item');
    await other.expectNothing();
    expect(errors).toEqual([]);
  });

  test('is passed on as its schema makes it', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(2)];
    await tab.expectReply(tab.send({ type: 'ADD', item: 'tea', stray: true }, 2));
    expect((await other.expectMessage()).action).toEqual({ type: 'ADD', item: 'tea', count: 1 });
  });

  test('of another type passes unchecked', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    await tab.expectReply(tab.broadcast({ type: 'FREE', n: 1 }));
    await other.expectMessage({ type: 'FREE', n: 1 });
    await tab.expectError(tab.call({ type: 'FREE' }), 'NO_HANDLER');
    for (const type of ['toString', 'constructor']) await tab.expectError(tab.call({ type }), 'NO_HANDLER');
  });

  test('keeps its place behind one whose schema takes its time', async () => {
    const { connect } = await harness();
    const [tab, other] = [await connect(1), await connect(1)];
    tab.broadcast({ type: 'LATER', id: 'good' });
    tab.broadcast({ type: 'ADD', item: 'tea' });
    await other.expectMessage({ type: 'LATER' });
    await other.expectMessage({ type: 'ADD' });
  });

  test('whose schema throws is refused, and logged', async () => {
    const validate = () => {
      throw new Error('broken schema');
    };
    const broken = defineContract({
      actions: { A: { '~standard': { version: 1 as const, vendor: 'test', validate } } },
    });
    const { connect, logs } = await createHarness({ contract: broken, handler: () => 1 });
    const tab = await connect(1);
    await tab.expectError(tab.call({ type: 'A' }), 'INTERNAL');
    expect(logs.filter(({ level }) => level === 'error')).toHaveLength(1);
    await tab.expectReply(tab.call({ type: 'B' }));
  });
});

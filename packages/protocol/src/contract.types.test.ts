import { describe, expect, test } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expectTypeOf } from 'expect-type';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type ActionInput,
  type ActionOutput,
  type ActionType,
  type ChannelInput,
  type ChannelOutput,
  type Contract,
  type ContractAction,
  defineContract,
  type ReplyOf,
} from './contract.ts';
import type { AnyAction } from './frames.ts';

/** A schema by hand: whatever it is given, it is content. */
function schema<Input, Output = Input>(): StandardSchemaV1<Input, Output> {
  return { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Output }) } };
}

describe('with schemas by hand', () => {
  const contract = defineContract({
    actions: {
      ADD: schema<{ item: string; count: number }>(),
      RENAME: schema<{ name?: string }, { name: string }>(),
      PRICE: { action: schema<{ item: string }>(), reply: schema<{ text: string }, { cents: number }>() },
      PING: schema<unknown>(),
    },
  });
  type C = typeof contract;

  test('defineContract gives back what it was given', () => {
    const actions = { ADD: schema<{ item: string }>() };
    expect(defineContract({ actions }).actions).toBe(actions);
  });

  test('its types are known by name', () => {
    expectTypeOf<ActionType<C>>().toEqualTypeOf<'ADD' | 'RENAME' | 'PRICE' | 'PING'>();
    // @ts-expect-error there is no such type
    type _None = ActionInput<C, 'REMOVE'>;
  });

  test('a client writes the input, a handler reads the output', () => {
    expectTypeOf<ActionInput<C, 'ADD'>>().toExtend<{ readonly type: 'ADD'; item: string; count: number }>();
    expectTypeOf<ActionInput<C, 'RENAME'>['name']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<ActionOutput<C, 'RENAME'>['name']>().toEqualTypeOf<string>();
    expectTypeOf<ActionOutput<C, 'PRICE'>['item']>().toEqualTypeOf<string>();
    expectTypeOf({ type: 'ADD', item: 'x', count: 1 } as const).toExtend<ActionInput<C, 'ADD'>>();
    expectTypeOf({ type: 'ADD', item: 'x' } as const).not.toExtend<ActionInput<C, 'ADD'>>();
    expectTypeOf({ type: 'PRICE', item: 'x', count: 1 } as const).not.toExtend<ActionInput<C, 'ADD'>>();
    expectTypeOf({ type: 'PING' } as const).toExtend<ActionInput<C, 'PING'>>();
  });

  test('a reply is the output of its schema, or unknown', () => {
    expectTypeOf<ReplyOf<C, 'PRICE'>>().toEqualTypeOf<{ cents: number }>();
    expectTypeOf<ReplyOf<C, 'ADD'>>().toBeUnknown();
  });

  test('the type tells actions apart', () => {
    const countOf = (action: ContractAction<C>) => (action.type === 'ADD' ? action.count : undefined);
    expectTypeOf(countOf).returns.toEqualTypeOf<number | undefined>();
    expect(countOf({ type: 'ADD', item: 'x', count: 2 })).toBe(2);
  });

  test('a schema may have its own literal type', () => {
    const typed = defineContract({ actions: { ADD: schema<{ type: 'ADD'; item: string }>() } });
    expectTypeOf<ActionInput<typeof typed, 'ADD'>['type']>().toEqualTypeOf<'ADD'>();
    expectTypeOf<ActionInput<typeof typed, 'ADD'>['item']>().toEqualTypeOf<string>();
  });
});

test('without a contract an action is any action, and a reply anything', () => {
  expectTypeOf<ActionType<Contract>>().toBeString();
  expectTypeOf<ContractAction<Contract>>().toEqualTypeOf<AnyAction>();
  expectTypeOf<ReplyOf<Contract, string>>().toBeUnknown();
});

test('what is no schema is refused', () => {
  // @ts-expect-error a class is no schema
  defineContract({ actions: { ADD: class {} } });
  // @ts-expect-error the action of a contract with a reply is a schema
  defineContract({ actions: { ADD: { action: 'ADD', reply: schema<string>() } } });
});

describe('with zod', () => {
  const contract = defineContract({
    actions: {
      ADD: z.object({ item: z.string(), count: z.number().default(1) }),
      RESET: z.object({}),
      PRICE: {
        action: z.object({ item: z.string().transform((text) => text.length) }),
        reply: z.object({ cents: z.number() }),
      },
    },
  });
  type C = typeof contract;

  test('types are inferred', () => {
    expectTypeOf<ActionInput<C, 'ADD'>['count']>().toEqualTypeOf<number | undefined>();
    expectTypeOf({ type: 'RESET' } as const).toExtend<ActionInput<C, 'RESET'>>();
    expectTypeOf<ActionOutput<C, 'ADD'>['count']>().toEqualTypeOf<number>();
    expectTypeOf<ActionInput<C, 'PRICE'>['item']>().toEqualTypeOf<string>();
    expectTypeOf<ActionOutput<C, 'PRICE'>['item']>().toEqualTypeOf<number>();
    expectTypeOf<ReplyOf<C, 'PRICE'>>().toEqualTypeOf<{ cents: number }>();
  });

  test('it validates as a Standard Schema', async () => {
    const validate = contract.actions.ADD['~standard'].validate;
    expect(await validate({ type: 'ADD', item: 'x' })).toMatchObject({ value: { item: 'x', count: 1 } });
    expect(await validate({ type: 'ADD' })).toMatchObject({ issues: [{ path: ['item'] }] });
  });
});

describe('with valibot', () => {
  const contract = defineContract({
    actions: {
      ADD: v.object({ item: v.string(), count: v.optional(v.number(), 1) }),
      PRICE: { action: v.object({ item: v.string() }), reply: v.object({ cents: v.number() }) },
    },
  });
  type C = typeof contract;

  test('types are inferred', () => {
    expectTypeOf<ActionInput<C, 'ADD'>['count']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<ActionOutput<C, 'ADD'>['count']>().toEqualTypeOf<number>();
    expectTypeOf<ReplyOf<C, 'PRICE'>>().toEqualTypeOf<{ cents: number }>();
  });

  test('it validates as a Standard Schema', async () => {
    const validate = contract.actions.ADD['~standard'].validate;
    expect(await validate({ type: 'ADD', item: 'x' })).toMatchObject({ value: { item: 'x', count: 1 } });
    expect((await validate({ type: 'ADD' })).issues).toHaveLength(1);
  });
});

describe('channels', () => {
  const contract = defineContract({
    actions: {},
    channels: {
      'product/+': schema<{ stock: number }, { stock: number; at: number }>(),
      'product/featured': schema<string>(),
      'sensors/#': schema<number>(),
      '+/log/+': schema<boolean>(),
      'room/+': schema<string>(),
      'room/+/typing': schema<boolean>(),
      'room/+/files/#': schema<number>(),
    },
  });
  type C = typeof contract;

  test('a name has the schema of the pattern that fits, its own before all others', () => {
    expectTypeOf<ChannelInput<C, 'product/42'>>().toEqualTypeOf<{ stock: number }>();
    expectTypeOf<ChannelOutput<C, 'product/42'>>().toEqualTypeOf<{ stock: number; at: number }>();
    expectTypeOf<ChannelOutput<C, `product/${number}`>>().toEqualTypeOf<{ stock: number; at: number }>();
    expectTypeOf<ChannelOutput<C, 'product/featured'>>().toEqualTypeOf<string>();
    expectTypeOf<ChannelOutput<C, 'sensors/kitchen/temperature'>>().toEqualTypeOf<number>();
    expectTypeOf<ChannelOutput<C, 'sensors'>>().toEqualTypeOf<number>();
    expectTypeOf<ChannelOutput<C, 'a/log/b'>>().toEqualTypeOf<boolean>();
  });

  test('a + is one level, and no more', () => {
    expectTypeOf<ChannelOutput<C, 'room/lobby'>>().toEqualTypeOf<string>();
    expectTypeOf<ChannelOutput<C, `room/${string}`>>().toEqualTypeOf<string>();
    expectTypeOf<ChannelOutput<C, 'room/'>>().toEqualTypeOf<string>();
    expectTypeOf<ChannelOutput<C, 'room/lobby/typing'>>().toEqualTypeOf<boolean>();
    expectTypeOf<ChannelOutput<C, `room/${string}/typing`>>().toEqualTypeOf<boolean>();
    expectTypeOf<ChannelOutput<C, 'room/lobby/files'>>().toEqualTypeOf<number>();
    expectTypeOf<ChannelOutput<C, 'room/lobby/files/a/b'>>().toEqualTypeOf<number>();
    expectTypeOf<ChannelOutput<C, 'room'>>().toBeUnknown();
    expectTypeOf<ChannelOutput<C, 'room/lobby/elsewhere'>>().toBeUnknown();
  });

  test('a filter has that of the pattern it lies within', () => {
    expectTypeOf<ChannelOutput<C, 'sensors/+'>>().toEqualTypeOf<number>();
    expectTypeOf<ChannelOutput<C, 'product/+'>>().toEqualTypeOf<{ stock: number; at: number }>();
  });

  test('what the contract says nothing of is unknown', () => {
    expectTypeOf<ChannelOutput<C, 'weather'>>().toBeUnknown();
    expectTypeOf<ChannelInput<C, string>>().toBeUnknown();
    expectTypeOf<ChannelOutput<Contract, 'weather'>>().toBeUnknown();
    expectTypeOf<
      ChannelOutput<{ readonly actions: object & Contract['actions'] }, 'weather'>
    >().toBeUnknown();
  });
});

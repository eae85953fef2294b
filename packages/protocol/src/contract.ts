import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyAction } from './frames.ts';

type Schema = StandardSchemaV1<unknown, unknown>;

/** One action type: the schema of the action's fields, and of the reply where a handler answers it. */
export type ActionContract = Schema | { readonly action: Schema; readonly reply?: Schema };

/**
 * What may be sent, by action type, and published, by pattern of channels, as Standard Schemas (zod, valibot, arktype …).
 * The server refuses an action that does not satisfy its schema with INVALID_ACTION, and data with INVALID_DATA, and passes
 * on what the schema made of it. Types and channels without an entry pass unchecked.
 */
export interface Contract {
  readonly actions: { readonly [type: string]: ActionContract };
  /** By name, or pattern with `+` and `#`; of those that fit a channel the most specific one holds. */
  readonly channels?: { readonly [pattern: string]: Schema };
}

/** Gives a contract its exact type. */
export function defineContract<const C extends Contract>(contract: C): C {
  return contract;
}

export type ActionType<C extends Contract> = keyof C['actions'] & string;

type SchemaOf<A> = A extends Schema ? A : A extends { readonly action: infer S extends Schema } ? S : never;
type Fields<S, Direction extends 'input' | 'output'> = Omit<
  Named<NonNullable<S extends Schema ? S['~standard']['types'] : never>[Direction] & object>,
  'type'
>;
/** zod says of an object without fields that any field is `never`, `type` too. */
type Named<T extends object> = string extends keyof T ? ([T[keyof T]] extends [never] ? object : T) : T;

/** The action as a client writes it. */
export type ActionInput<C extends Contract, T extends ActionType<C>> = { readonly type: T } & Fields<
  SchemaOf<C['actions'][T]>,
  'input'
>;
/** The action as a handler gets it. */
export type ActionOutput<C extends Contract, T extends ActionType<C>> = { readonly type: T } & Fields<
  SchemaOf<C['actions'][T]>,
  'output'
>;
/** What answers it: the reply schema's type; unknown where the contract names none. */
export type ReplyOf<C extends Contract, T extends ActionType<C>> = C['actions'][T] extends {
  readonly reply: infer S extends Schema;
}
  ? StandardSchemaV1.InferOutput<S>
  : unknown;

/** Any action of the contract, as a handler gets it; an unknown one where there is no contract. */
export type ContractAction<C extends Contract> =
  string extends ActionType<C> ? AnyAction : { [T in ActionType<C>]: ActionOutput<C, T> }[ActionType<C>];

/** Whether a pattern fits a name, level by level, as far as types can say: any text is taken for one level. */
type Fits<Pattern extends string, Name extends string> = Pattern extends '#'
  ? true
  : Pattern extends `${infer Level}/${infer Below}`
    ? Name extends `${infer First}/${infer Rest}`
      ? FitsLevel<Level, First> extends true
        ? Fits<Below, Rest>
        : false
      : Below extends '#'
        ? FitsLevel<Level, Name>
        : false
    : Name extends `${string}/${string}`
      ? false
      : FitsLevel<Pattern, Name>;
type FitsLevel<Level extends string, Name extends string> = Level extends '+'
  ? true
  : Name extends Level
    ? true
    : false;

/** The schema of a channel, or of all that a filter may cover; never where the contract has none. */
type ChannelSchema<C extends Contract, Name extends string> = string extends Name
  ? never
  : Name extends keyof C['channels']
    ? C['channels'][Name]
    : {
        [Pattern in keyof C['channels'] & string]: Fits<Pattern, Name> extends true
          ? C['channels'][Pattern]
          : never;
      }[keyof C['channels'] & string];

/** What is published into a channel, as its publisher writes it; unknown where the contract does not say. */
export type ChannelInput<C extends Contract, Name extends string> =
  ChannelSchema<C, Name> extends infer S extends Schema
    ? [S] extends [never]
      ? unknown
      : StandardSchemaV1.InferInput<S>
    : unknown;
/** The same as its readers get it. */
export type ChannelOutput<C extends Contract, Name extends string> =
  ChannelSchema<C, Name> extends infer S extends Schema
    ? [S] extends [never]
      ? unknown
      : StandardSchemaV1.InferOutput<S>
    : unknown;

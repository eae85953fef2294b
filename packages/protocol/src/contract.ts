import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyAction } from './frames.ts';

type Schema = StandardSchemaV1<unknown, unknown>;

/** One action type: the schema of the action's fields, and of the reply where a handler answers it. */
export type ActionContract = Schema | { readonly action: Schema; readonly reply?: Schema };

/**
 * What may be sent, by action type, as Standard Schemas (zod, valibot, arktype …). The server refuses an action
 * that does not satisfy its schema with INVALID_ACTION, and passes on what the schema made of it; types without an
 * entry pass unchecked.
 */
export interface Contract {
  readonly actions: { readonly [type: string]: ActionContract };
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

import {
  type ActionContract,
  type AnyAction,
  type Contract,
  type ErrorCode,
  ReplyError,
} from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ActionRequest } from './queued.ts';

export type Schema = Extract<ActionContract, { '~standard': unknown }>;
type Result = Awaited<ReturnType<Schema['~standard']['validate']>>;

/** A gate: the action becomes what its schema makes of it, or is refused with INVALID_ACTION. */
export function satisfies({ actions }: Contract): (request: ActionRequest) => Awaitable<void> {
  const schemas = new Map(Object.entries(actions).map(([type, entry]) => [type, schemaOf(entry)]));
  return (request) => {
    const schema = schemas.get(request.action.type);
    if (schema === undefined) return;
    const made = satisfying(schema, request.action, 'INVALID_ACTION');
    return isPromise(made) ? made.then((ready) => take(request, ready)) : take(request, made);
  };
}

/** What the schema makes of a value. @throws ReplyError `code`, with where and why, where the value does not satisfy it. */
export function satisfying(schema: Schema, value: unknown, code: ErrorCode): Awaitable<unknown> {
  const take = (result: Result) => {
    if (result.issues !== undefined) throw new ReplyError(code, { message: describe(result.issues) });
    return result.value;
  };
  const result: Awaitable<Result> = schema['~standard'].validate(value);
  return isPromise(result) ? result.then(take) : take(result);
}

function schemaOf(entry: ActionContract): Schema {
  return '~standard' in entry ? entry : entry.action;
}

function take(request: ActionRequest, made: unknown): void {
  request.action = { ...(made as object), type: request.action.type } as AnyAction;
}

function describe(issues: NonNullable<Result['issues']>): string {
  return issues
    .slice(0, 5)
    .map(({ message, path }) => {
      const place = path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
      return place ? `${place}: ${message}` : message;
    })
    .join('; ');
}

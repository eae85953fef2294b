import { type ActionContract, type AnyAction, type Contract, ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { ActionRequest } from './requests.ts';

type Schema = Extract<ActionContract, { '~standard': unknown }>;
type Result = Awaited<ReturnType<Schema['~standard']['validate']>>;

/** A gate: the action becomes what its schema makes of it, or is refused with INVALID_ACTION. */
export function satisfies({ actions }: Contract): (request: ActionRequest) => Awaitable<void> {
  const schemas = new Map(Object.entries(actions).map(([type, entry]) => [type, schemaOf(entry)]));
  return (request) => {
    const schema = schemas.get(request.action.type);
    if (schema === undefined) return;
    const result: Awaitable<Result> = schema['~standard'].validate(request.action);
    return isPromise(result) ? result.then((ready) => take(request, ready)) : take(request, result);
  };
}

function schemaOf(entry: ActionContract): Schema {
  return '~standard' in entry ? entry : entry.action;
}

function take(request: ActionRequest, result: Result): void {
  if (result.issues !== undefined)
    throw new ReplyError('INVALID_ACTION', { message: describe(result.issues) });
  request.action = { ...(result.value as object), type: request.action.type } as AnyAction;
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

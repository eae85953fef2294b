import { ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise, type Logger } from '@callboard/runtime';
import type { Events } from '../events.ts';
import type { Check } from '../plugin.ts';
import type { ActionRequest, Queued } from './queued.ts';

/** A check that may refuse, by throwing. */
export type Gate<R extends Queued> = (request: R) => Awaitable<void>;

/** One after the other; the first that refuses ends it. */
export function pass<R extends Queued>(gates: readonly Gate<R>[], request: R, first = 0): Awaitable<void> {
  for (let i = first; i < gates.length; i++) {
    const passed = gates[i]?.(request);
    if (isPromise(passed)) return passed.then(() => pass(gates, request, i + 1));
  }
}

/** @throws ReplyError RESERVED_TYPE where the action's type is a native event's. */
export function notReserved(events: Events): Gate<ActionRequest> {
  return ({ action }) => {
    if (events.has(action.type)) throw new ReplyError('RESERVED_TYPE');
  };
}

/** A plugin's check. What it throws that is no ReplyError is PLUGIN_ERROR, and logged. */
export function guarding(check: Check, logger: Logger): Gate<Queued> {
  const failed = (cause: unknown): never => {
    if (cause instanceof ReplyError) throw cause;
    logger.error('a check failed', { cause });
    throw new ReplyError('PLUGIN_ERROR', { cause });
  };
  return (request) => {
    const { client, frame } = request;
    try {
      const passed = check({
        client,
        frame: 'action' in request ? { ...request.frame, action: request.action } : frame,
      });
      return isPromise(passed) ? passed.then(undefined, failed) : undefined;
    } catch (cause) {
      return failed(cause);
    }
  };
}

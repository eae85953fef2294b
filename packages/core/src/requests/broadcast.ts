import { ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { OutgoingMessage, Selection } from '../hub.ts';
import type { Node } from '../node.ts';
import type { ActionRequest, Queued } from './queued.ts';

/** `broadcast`: to the user's other clients. */
export function broadcast(node: Node, request: ActionRequest): Awaitable<void> {
  const { client, action } = request;
  const { user, id } = client;
  const outgoing = { action, from: { userId: user.id, clientId: id }, to: [user.id] };
  return deliver(node, request, outgoing, { exclude: id });
}

/** Appends to inboxes, then replies. */
export function deliver(
  node: Node,
  request: ActionRequest,
  outgoing: Omit<OutgoingMessage, 'kind'>,
  selection?: Selection,
): Awaitable<void> {
  return stored(node, request, () => node.hub.send(outgoing, selection));
}

/**
 * Replies when `append` is done, with what that gives; where it fails it is known, or declared unknown, whether it took
 * effect.
 */
export function stored(
  node: Node,
  { client, frame }: Queued,
  append: () => Awaitable<unknown>,
): Awaitable<void> {
  const { requests, logger } = node;
  const failed = (error: unknown) => {
    if (!(error instanceof ReplyError)) return requests.refuse(client, frame.mid, error);
    if (error.cause !== undefined && error.code !== 'PLUGIN_ERROR')
      logger.error('a message was not appended', { code: error.code, cause: error.cause });
    if (error.code === 'OUTCOME_UNKNOWN') requests.fault(client, frame.mid, error);
    else requests.refuse(client, frame.mid, error);
  };
  try {
    const sent = append();
    const done = (result: unknown) => requests.reply(client, frame.mid, result);
    return isPromise(sent) ? requests.deadline(sent, 'OUTCOME_UNKNOWN').then(done, failed) : done(sent);
  } catch (error) {
    return failed(error);
  }
}

import { ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Outgoing, Selection } from '../hub.ts';
import type { Node } from '../node.ts';
import type { ActionRequest } from './requests.ts';

/** `broadcast`: to the user's other clients. */
export function broadcast(node: Node, request: ActionRequest): Awaitable<void> {
  const { client, action } = request;
  const { user, id } = client;
  const outgoing = { action, from: { userId: user.id, clientId: id }, to: [user.id] };
  return deliver(node, request, outgoing, { exclude: id });
}

/** Appends, then replies; where that fails it is known, or declared unknown, whether it took effect. */
export function deliver(
  node: Node,
  { client, frame }: ActionRequest,
  outgoing: Outgoing,
  selection?: Selection,
): Awaitable<void> {
  const { requests, hub, logger } = node;
  const failed = (error: unknown) => {
    if (!(error instanceof ReplyError)) return requests.refuse(client, frame.mid, error);
    if (error.cause !== undefined && error.code !== 'PLUGIN_ERROR')
      logger.error('a message was not appended', { code: error.code, cause: error.cause });
    if (error.code === 'OUTCOME_UNKNOWN') requests.fault(client, frame.mid, error);
    else requests.refuse(client, frame.mid, error);
  };
  try {
    const sent = hub.send(outgoing, selection);
    if (!isPromise(sent)) return requests.reply(client, frame.mid);
    return requests.deadline(sent, 'OUTCOME_UNKNOWN').then(() => requests.reply(client, frame.mid), failed);
  } catch (error) {
    return failed(error);
  }
}

import { type AnyAction, ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import type { Client, User } from '../api.ts';
import type { Node } from '../node.ts';
import { deliver } from './broadcast.ts';
import type { ActionRequest, Queued } from './queued.ts';

/**
 * Who may send to whom; asked once a recipient. False refuses the whole send with FORBIDDEN. Without it a user can
 * send to no other user.
 */
export type CanSend = (request: {
  readonly user: User;
  readonly client: Client;
  /** A recipient's user id. */
  readonly to: string;
  readonly action: AnyAction;
}) => Awaitable<boolean>;

/** `send`: to all clients of each user named; those who are not there are no error. */
export function send(node: Node, request: ActionRequest, to: readonly string[]): Awaitable<void> {
  const { client, action } = request;
  const { requests, limits } = node;
  if (to.length > limits.maxRecipients) throw new ReplyError('TOO_MANY_RECIPIENTS');
  const outgoing = { action, from: { userId: client.user.id, clientId: client.id }, to };
  const allowed = mayReachAll(requests.options.canSend, request, to);
  return whenAllowed(node, request, allowed, () => deliver(node, request, outgoing));
}

/** Goes on where the application allows it, now or later. @throws ReplyError FORBIDDEN where it does not, now. */
export function whenAllowed(
  { requests }: Node,
  { client, frame }: Queued,
  allowed: Awaitable<boolean>,
  go: () => Awaitable<void>,
): Awaitable<void> {
  if (!isPromise(allowed)) {
    if (!allowed) throw new ReplyError('FORBIDDEN');
    return go();
  }
  return requests.deadline(allowed, 'CHECK_TIMEOUT').then(
    (yes) => (yes ? go() : requests.refuse(client, frame.mid, new ReplyError('FORBIDDEN'))),
    (error) => requests.refuse(client, frame.mid, error),
  );
}

function mayReachAll(
  canSend: CanSend | undefined,
  { client, action }: ActionRequest,
  to: readonly string[],
): Awaitable<boolean> {
  const { user } = client;
  const waiting: PromiseLike<boolean>[] = [];
  for (const recipient of to) {
    if (recipient === user.id) continue;
    if (canSend === undefined) return false;
    const answer = canSend({ user, client, to: recipient, action });
    if (isPromise(answer)) waiting.push(answer);
    else if (!answer) return false;
  }
  return waiting.length === 0 || Promise.all(waiting).then((answers) => answers.every(Boolean));
}

import { type Action, type AnyAction, type NativeEvent, ReplyError } from '@callboard/protocol';
import type { EventHandlerContext, HandlerContext, WsServer } from '../api.ts';
import { type Awaitable, isPromise } from '../awaitable.ts';
import type { ServerClient } from '../client.ts';
import type { Node } from '../node.ts';
import type { ServerUser } from '../users.ts';
import type { ActionRequest } from './requests.ts';

/** `call`: the handler's result is the reply. It runs beside the client's other calls, within its time. */
export function call(node: Node, request: ActionRequest): void {
  const { client, frame, action } = request;
  const { requests } = node;
  const handler = requests.handlerOf(action.type);
  if (handler === undefined) throw new ReplyError('NO_HANDLER');
  let result: Awaitable<unknown>;
  try {
    result = handler(actionContext(node, action, client));
  } catch (error) {
    return failed(node, request, error);
  }
  if (isPromise(result)) settleLater(node, request, result);
  else succeeded(node, request, result);
}

/** A reply that comes after the time-out replaces it, for whoever asks again. */
function settleLater(node: Node, request: ActionRequest, result: PromiseLike<unknown>): void {
  const { client, frame } = request;
  const { clock, limits, requests } = node;
  const timer = clock.setTimeout(
    () => requests.fault(client, frame.mid, new ReplyError('HANDLER_TIMEOUT')),
    limits.requestTimeoutMs,
  );
  result.then(
    (value) => {
      clock.clearTimeout(timer);
      succeeded(node, request, value);
    },
    (error) => {
      clock.clearTimeout(timer);
      failed(node, request, error);
    },
  );
}

function succeeded(node: Node, request: ActionRequest, result: unknown): void {
  try {
    node.requests.reply(request.client, request.frame.mid, result);
  } catch (error) {
    // It cannot be encoded: a cycle, a BigInt.
    failed(node, request, error);
  }
}

/** A ReplyError is meant for the client; anything else is logged, and shown only where that is wanted. */
function failed(node: Node, { client, frame, action }: ActionRequest, error: unknown): void {
  const { requests, logger } = node;
  if (error instanceof ReplyError) return requests.fault(client, frame.mid, error);
  logger.error('a handler failed', { type: action.type, client: client.id, cause: error });
  const shown = requests.options.exposeErrors && error instanceof Error ? { message: error.message } : {};
  requests.fault(client, frame.mid, new ReplyError('HANDLER_ERROR', { ...shown, cause: error }));
}

export function actionContext(node: Node, action: AnyAction, client: ServerClient): HandlerContext {
  const { user } = client;
  return {
    action,
    client,
    user,
    users: node.users.byId,
    server: node.server,
    wsServer: node.wsServer as WsServer | undefined,
    sendToClient: (message) => toClient(node, message, client),
    broadcast: (message) => toOthers(node, message, client),
  };
}

export function eventContext(
  node: Node,
  event: NativeEvent | AnyAction,
  user: ServerUser | undefined,
  client: ServerClient | undefined,
): EventHandlerContext {
  return {
    action: event,
    client,
    user,
    users: node.users.byId,
    server: node.server,
    wsServer: node.wsServer as WsServer | undefined,
    sendToClient: (message) => toClient(node, message, client),
    broadcast: (message) => toOthers(node, message, client),
  };
}

async function toClient(node: Node, action: Action, client: ServerClient | undefined): Promise<void> {
  if (client === undefined) throw new ReplyError('INVALID_REQUEST', { message: 'The event is no client’s.' });
  await node.hub.send({ action: action as AnyAction, to: [client.user.id] }, { only: client.id });
}

async function toOthers(node: Node, action: Action, client: ServerClient | undefined): Promise<void> {
  if (client === undefined) throw new ReplyError('INVALID_REQUEST', { message: 'The event is no client’s.' });
  const from = { userId: client.user.id, clientId: client.id };
  await node.hub.send({ action: action as AnyAction, from, to: [client.user.id] }, { exclude: client.id });
}

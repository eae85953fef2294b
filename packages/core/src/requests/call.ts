import { type Action, type AnyAction, type NativeEvent, ReplyError } from '@callboard/protocol';
import { isPromise } from '@callboard/runtime';
import type { EventHandlerContext, HandlerContext, Server, WsServer } from '../api.ts';
import type { ServerClient } from '../client.ts';
import type { Selection } from '../hub.ts';
import type { Node } from '../node.ts';
import type { ServerUser } from '../users.ts';
import type { ActionRequest } from './queued.ts';

/** `call`: the handler's result is the reply. It runs beside the client's other calls, within its time. */
export function call(node: Node, request: ActionRequest): void {
  const { client, action } = request;
  const handler = node.requests.handlerOf(action.type);
  if (handler === undefined) throw new ReplyError('NO_HANDLER');
  try {
    const result = handler(actionContext(node, action, client));
    if (isPromise(result)) settleLater(node, request, result);
    else succeeded(node, request, result);
  } catch (error) {
    failed(node, request, error);
  }
}

/** A reply that comes after the time-out replaces it, for whoever asks again. */
function settleLater(node: Node, request: ActionRequest, result: PromiseLike<unknown>): void {
  const { clock, limits } = node;
  const timer = clock.setTimeout(
    () => fault(node, request, new ReplyError('HANDLER_TIMEOUT')),
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
    if (request.answer === undefined) node.requests.reply(request.client, request.frame.mid, result);
    else request.answer.reply(result);
  } catch (error) {
    // It cannot be encoded: a cycle, a BigInt.
    failed(node, request, error);
  }
}

/** A ReplyError is meant for the client; anything else is logged, and shown only where that is wanted. */
function failed(node: Node, request: ActionRequest, error: unknown): void {
  const { requests, logger } = node;
  const { client, action } = request;
  if (error instanceof ReplyError) return fault(node, request, error);
  logger.error('a handler failed', { type: action.type, client: client.id, cause: error });
  const shown = requests.options.exposeErrors && error instanceof Error ? { message: error.message } : {};
  fault(node, request, new ReplyError('HANDLER_ERROR', { ...shown, cause: error }));
}

function fault({ requests }: Node, { client, frame, answer }: ActionRequest, error: ReplyError): void {
  if (answer === undefined) requests.fault(client, frame.mid, error);
  else answer.fail(error);
}

/** What handlers are given. Made for each call, so what is seldom asked for is made when it is. */
class CallContext implements EventHandlerContext {
  readonly action: AnyAction;
  readonly #node: Node;
  readonly #user: ServerUser | undefined;
  readonly #client: ServerClient | undefined;

  constructor(node: Node, action: AnyAction, user: ServerUser | undefined, client: ServerClient | undefined) {
    this.action = action;
    this.#node = node;
    this.#user = user;
    this.#client = client;
  }

  get client(): ServerClient | undefined {
    return this.#client;
  }

  get user(): ServerUser | undefined {
    return this.#user;
  }

  get users(): ReadonlyMap<string, ServerUser> {
    return this.#node.users.byId;
  }

  get server(): Server {
    return this.#node.server;
  }

  get wsServer(): WsServer | undefined {
    return this.#node.wsServer as WsServer | undefined;
  }

  get sendToClient(): (action: Action) => Promise<void> {
    return (action) => this.#send(action, (clientId) => ({ only: clientId }));
  }

  get broadcast(): (action: Action) => Promise<void> {
    return (action) => this.#send(action, (clientId) => ({ exclude: clientId }));
  }

  async #send(action: Action, select: (clientId: string) => Selection): Promise<void> {
    const client = this.#client;
    if (client === undefined)
      throw new ReplyError('INVALID_REQUEST', { message: 'The event is no client’s.' });
    const selection = select(client.id);
    const from =
      selection.exclude === undefined ? undefined : { userId: client.user.id, clientId: client.id };
    const outgoing = { action: action as AnyAction, to: [client.user.id], ...(from && { from }) };
    await this.#node.hub.sendFromServer(outgoing, selection);
  }
}

function actionContext(node: Node, action: AnyAction, client: ServerClient): HandlerContext {
  return new CallContext(node, action, client.user, client) as HandlerContext;
}

export function eventContext(
  node: Node,
  event: NativeEvent | AnyAction,
  user: ServerUser | undefined,
  client: ServerClient | undefined,
): EventHandlerContext {
  return new CallContext(node, event as AnyAction, user, client);
}

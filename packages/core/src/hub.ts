import { type AnyAction, INBOX, type Meta, ReplyError, type Sender } from '@callboard/protocol';
import { type Awaitable, guarded, Pipeline } from '@callboard/runtime';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import type { OutboundOperator } from './plugin.ts';
import { Appends } from './streams/appends.ts';
import type { Feed } from './streams/feed.ts';
import type { Draft } from './streams/log.ts';

/** An action on its way to the inboxes of users. */
export interface OutgoingMessage {
  readonly kind: 'message';
  readonly action: AnyAction;
  /** Absent where the server itself sends it. */
  readonly from?: Sender;
  /** User ids. */
  readonly to: readonly string[];
}

/** Data on its way into a channel. Of what an operator makes of it, `data` and `meta` count. */
export interface OutgoingPublication {
  readonly kind: 'publication';
  readonly channel: string;
  /** Any JSON value, or a Uint8Array. */
  readonly data: unknown;
  readonly meta?: Meta | undefined;
  /** Undefined where the server itself publishes it. */
  readonly from?: Sender | undefined;
}

/** Something on its way out, as the outbound pipeline sees it: once, however many it is for. */
export type Outgoing = OutgoingMessage | OutgoingPublication;

/** Which of a user's clients an outgoing action is for; all of them by default. */
export type Selection = Pick<Draft, 'only' | 'exclude'>;

/** Hands what is sent to the streams, and what the streams deliver to the readers. */
export class Hub {
  readonly #node: Node;
  #pipeline: Pipeline<Outgoing> | undefined;
  #result: Outgoing | undefined;
  #failure: ReplyError | undefined;

  constructor(node: Node) {
    this.#node = node;
  }

  /** Composes the pipeline of the plugins' operators; once, before anything is sent. */
  compose(operators: readonly OutboundOperator[]): void {
    this.#pipeline = undefined;
    if (operators.length === 0) return;
    const failed = (cause: unknown) => {
      this.#node.logger.error('an outbound operator failed', { cause });
      this.#failure = new ReplyError('PLUGIN_ERROR', { cause });
    };
    this.#pipeline = new Pipeline(
      operators.map((operator) => guarded(operator, failed)),
      (outgoing) => {
        this.#result = outgoing;
      },
    );
  }

  /** The inbox of a user who has a client. */
  open(userId: string): Awaitable<Feed<Encoded>> {
    const { feeds, codec } = this.#node;
    return feeds.open(inboxOf(userId), ({ offset, body }) => new Encoded(codec.message(offset, body)));
  }

  /**
   * Appends to the inbox of each user; those who have none are passed over.
   * @throws ReplyError: REFUSED or PLUGIN_ERROR by a plugin, APPEND_FAILED where certainly nothing was appended,
   * OUTCOME_UNKNOWN where something may have been.
   */
  send(outgoing: Omit<OutgoingMessage, 'kind'>, selection: Selection = everyClient): Awaitable<void> {
    const { action, from, to } = this.#pass('message', outgoing);
    const draft: Draft = {
      body: this.#node.codec.encodeBody(from === undefined ? { action } : { action, from }),
      ...selection,
    };
    const { log, users } = this.#node;
    const appends = new Appends();
    for (const userId of to) appends.add(log, users.byId.get(userId)?.inbox ?? inboxOf(userId), draft);
    return appends.settle();
  }

  /** The same for the server's own code. @throws SendFailed, TypeError where the action is none. */
  async sendFromServer(outgoing: Omit<OutgoingMessage, 'kind'>, selection?: Selection): Promise<void> {
    await fromServer(() => this.send(outgoing, selection));
  }

  /** What the plugins make of a publication. @throws ReplyError: REFUSED or PLUGIN_ERROR. */
  publication(outgoing: Omit<OutgoingPublication, 'kind'>): Omit<OutgoingPublication, 'kind'> {
    return this.#pass('publication', outgoing);
  }

  #pass<Kind extends Outgoing['kind'], O extends Omit<Extract<Outgoing, { kind: Kind }>, 'kind'>>(
    kind: Kind,
    outgoing: O,
  ): O {
    if (this.#pipeline === undefined) return outgoing;
    this.#result = undefined;
    this.#failure = undefined;
    this.#pipeline.push({ kind, ...outgoing } as unknown as Outgoing);
    const result = this.#result as Outgoing | undefined;
    const failure = this.#failure as ReplyError | undefined;
    if (failure !== undefined) throw failure;
    if (result === undefined) throw new ReplyError('REFUSED');
    return result as unknown as O;
  }
}

/**
 * The server itself could not send or publish. `code` says what is known: APPEND_FAILED, REFUSED, PLUGIN_ERROR or
 * INVALID_DATA (nothing was sent), or OUTCOME_UNKNOWN. No ReplyError: a handler that fails of it may have had other effects before.
 */
export class SendFailed extends Error {
  override readonly name = 'SendFailed';
  readonly code: string;

  constructor(cause: ReplyError) {
    super(cause.message, { cause });
    this.code = cause.code;
  }
}

/** For the server's own code, whose failures are no client's. @throws SendFailed, and what else `send` throws. */
export async function fromServer<T>(send: () => Awaitable<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw error instanceof ReplyError ? new SendFailed(error) : error;
  }
}

const everyClient: Selection = {};

export function inboxOf(userId: string): string {
  return `${INBOX}/${userId}`;
}

import type {
  AnyAction,
  BroadcastFrame,
  CallFrame,
  HistoryFrame,
  PublishFrame,
  ReplyError,
  SendFrame,
  SubscribeFrame,
  UnsubscribeFrame,
} from '@callboard/protocol';
import type { Awaitable } from '@callboard/runtime';
import type { ServerClient } from '../client.ts';

/** A request with an action, on its way through the checks. */
export interface ActionRequest {
  readonly client: ServerClient;
  readonly frame: CallFrame | BroadcastFrame | SendFrame;
  /** What the contract made of the action. */
  action: AnyAction;
  /** Where a call's answer goes, where that is no frame. */
  readonly answer?: Answer;
}

/** Takes the answer to a call that came by another protocol. */
export interface Answer {
  /** @throws where the result cannot be encoded. */
  reply(result: unknown): void;
  fail(error: ReplyError): void;
}

/** A request about channels, likewise. */
export interface ChannelRequest {
  readonly client: ServerClient;
  readonly frame: PublishFrame | SubscribeFrame | UnsubscribeFrame | HistoryFrame;
}

/** What keeps the order in which a client sent it. */
export type Queued = ActionRequest | ChannelRequest;

/** Something of our own that is to have its turn among them; must not throw or reject. */
export interface Chore {
  run(): Awaitable<void>;
}

import type {
  AnyAction,
  BroadcastFrame,
  CallFrame,
  HistoryFrame,
  PublishFrame,
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

export {
  type Action,
  type AnyAction,
  type Contract,
  defineContract,
  INBOX,
  type NativeEvent,
  ReplyError,
  type UserId,
} from '@callboard/protocol';
export type { ActorView, Awaitable, Logger, Timers } from '@callboard/runtime';
export * from './api.ts';
export { createClient } from './client.ts';
export { type FallbackOptions, fallback } from './fallback.ts';
export {
  type ConnectionContext,
  type ConnectionSnapshot,
  type ConnectionState,
  connectionMachine,
  type Ending,
} from './machine.ts';
export type { ClientOptions } from './options.ts';
export {
  type ClientChannelApis,
  type ClientPlugin,
  type ClientPluginApis,
  type ClientPluginContext,
  defineClientPlugin,
  type Incoming,
  type IncomingOperator,
  type Outgoing,
  type OutgoingOperator,
  type PublicationDelivery,
} from './plugin.ts';
export { type ClientErrorCode, clientErrors, SendError } from './send-error.ts';
export type { ClientConnection, ClientConnectionEvents, ClientTransport } from './transport.ts';
export { webSocket } from './web-socket.ts';

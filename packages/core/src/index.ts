export {
  type Action,
  type ActionContract,
  type AnyAction,
  type Contract,
  Disconnect,
  defineContract,
  type NativeEvent,
  ReplyError,
  type UserId,
  type UserStatus,
} from '@callboard/protocol';
export {
  type ActorView,
  type Awaitable,
  GuardedObservable,
  type Inspect,
  type LogFields,
  type Logger,
  silentLogger,
} from '@callboard/runtime';
export type { TrustProxy } from './admission.ts';
export * from './api.ts';
export { ByPattern } from './channels/by-pattern.ts';
export { channelsLike } from './channels/like.ts';
export { Pattern } from './channels/pattern.ts';
export type { PayloadFormat } from './channels/payload.ts';
export type { ChannelPolicies, ChannelPolicy, ChannelRequest } from './channels/policy.ts';
export { type Clock, systemClock } from './clock.ts';
export type {
  Accepted,
  AttachOptions,
  CallAnswer,
  Gateway,
  GatewayChannels,
  GatewayConnection,
  GatewayCredentials,
  GatewayDraft,
  GatewayHost,
  GatewayLink,
  GatewayPublication,
  GatewayReader,
  GatewaySession,
  OwnPublication,
  PublicationContent,
  PublicationFraming,
  PublicationListener,
} from './gateways/port.ts';
export { type Outgoing, type OutgoingMessage, type OutgoingPublication, SendFailed } from './hub.ts';
export type { Inbound } from './inbound.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { consoleLogger, type LogLevel } from './logger.ts';
export { clientMachine } from './machines/client-machine.ts';
export { serverMachine } from './machines/server-machine.ts';
export {
  type StatusInput,
  type StatusReducer,
  type UserMachineEvent,
  userMachine,
} from './machines/user-machine.ts';
export type { ServerOptions } from './options.ts';
export { type Frame, Framed } from './outbox.ts';
export {
  type Check,
  definePlugin,
  type Emit,
  type EventScope,
  type InboundOperator,
  type OutboundOperator,
  type Plugin,
  type PluginApis,
  type PluginContext,
} from './plugin.ts';
export type { CanSend } from './requests/send.ts';
export { createServer } from './server.ts';
export type { Stats } from './stats.ts';
export {
  type Appended,
  AppendRefused,
  type Attributes,
  type Draft,
  type Entry,
  type Follow,
  keyLimits,
  type Page,
  type Retention,
  type StreamLog,
} from './streams/log.ts';
export { MemoryStreamLog } from './streams/memory-log.ts';
export { createToken, type Provision, provide, type Token, tokens } from './tokens.ts';
export type {
  Asked,
  Connection,
  ConnectionEvents,
  Expected,
  Framing,
  Peer,
  PeerCertificate,
  Refusal,
  Transport,
  TransportHost,
} from './transport.ts';

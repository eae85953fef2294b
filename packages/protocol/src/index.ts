export { fromWire, isData, toWire } from './bytes.ts';
export {
  assertReadable,
  type Codec,
  decodeServerFrame,
  encodeFrame,
  jsonCodec,
  type MessageBody,
  type PageEntry,
  type PublicationBody,
} from './codec.ts';
export {
  type ActionContract,
  type ActionInput,
  type ActionOutput,
  type ActionType,
  type ChannelInput,
  type ChannelOutput,
  type Contract,
  type ContractAction,
  defineContract,
  type ReplyOf,
} from './contract.ts';
export {
  comesBack,
  Disconnect,
  type DisconnectReason,
  disconnectName,
  disconnects,
  type Effect,
  type ErrorCode,
  effectOf,
  errors,
  ReplyError,
  type ReplyErrorOptions,
} from './errors.ts';
export {
  type ClientEvent,
  type NativeEvent,
  type NativeEventType,
  nativeEvents,
  type ServerEvent,
  type UserEvent,
  type UserStatus,
} from './events.ts';
export * from './frames.ts';
export { fitting, LevelTrie, within } from './level-trie.ts';
export {
  clientFrame,
  frameLimits,
  isAction,
  isChannel,
  isFilter,
  RequestRefused,
  userIdOf,
} from './validate.ts';

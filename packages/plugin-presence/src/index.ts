export type { ServerChannelPresence, ServerChannels } from './channels/channel-presence.ts';
export type { Counts, Member, MemberClient, MemberMeta } from './channels/contract.ts';
export type { ChannelPresencePolicies, ChannelPresencePolicy } from './channels/options.ts';
export type { Choice, OwnPresence, UserPresence } from './contract.ts';
export type { CanWatch, PresenceOptions, UseRule, WatchRequest } from './options.ts';
export { presence, type ServerPresence } from './presence.ts';
export { memoryStore } from './store/memory-store.ts';
export type { PresenceStore, Remembered } from './store/store.ts';
export { presenceMachine } from './users/presence-machine.ts';

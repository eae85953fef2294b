import { type ClientPlugin, type ClientPluginContext, defineClientPlugin } from '@callboard/client';
import { type ChannelPresence, type ClientChannels, channelPresenceClient } from './channels/client.ts';

export type { ChannelPresence, ChannelPresenceEvent } from './channels/client.ts';
export type { Counts, Member, MemberClient, MemberMeta } from './channels/contract.ts';
export type { Choice, OwnPresence, UserPresence } from './contract.ts';

/** `client.presence`. */
export interface ClientPresence extends ClientChannels {}

export interface PresenceClientOptions {
  /** Without input for so long nobody uses this client, in milliseconds. Default: what the server says. */
  readonly awayAfterMs?: number;
}

/** The client's half: `createClient({ plugins: [presenceClient()] })`. */
export function presenceClient(
  options: PresenceClientOptions = {},
): ClientPlugin<'presence', ClientPresence, ChannelPresence> {
  return defineClientPlugin({
    name: 'presence',
    setup: (context) => setUp(context, options),
    channel: ({ name }, presence) => presence.channel(name),
  });
}

function setUp(context: ClientPluginContext, _options: PresenceClientOptions): ClientPresence {
  return { ...channelPresenceClient(context) };
}

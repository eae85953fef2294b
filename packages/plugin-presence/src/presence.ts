import { definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import { channelPresence, type ServerChannels } from './channels/channel-presence.ts';
import type { PresenceOptions } from './options.ts';

/** `server.presence`. */
export interface ServerPresence extends ServerChannels {}

/** Who is online, away or gone: `server.presence`. @throws RangeError where an option is out of range. */
export function presence(options: PresenceOptions = {}): Plugin<'presence', ServerPresence> {
  return definePlugin({ name: 'presence', setup: (context) => setUp(context, options) });
}

function setUp(context: PluginContext, options: PresenceOptions): ServerPresence {
  return { ...channelPresence(context, options) };
}

import { definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import type { PresenceOptions } from './options.ts';

/** `server.presence`. */
// biome-ignore lint/suspicious/noEmptyInterface: what users and channels add
export interface ServerPresence {}

/** Who is online, away or gone: `server.presence`. @throws RangeError where an option is out of range. */
export function presence(options: PresenceOptions = {}): Plugin<'presence', ServerPresence> {
  return definePlugin({ name: 'presence', setup: (context) => setUp(context, options) });
}

function setUp(_context: PluginContext, _options: PresenceOptions): ServerPresence {
  return {};
}

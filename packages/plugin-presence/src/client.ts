import { type ClientPlugin, type ClientPluginContext, defineClientPlugin } from '@callboard/client';

export type { Choice, OwnPresence, UserPresence } from './contract.ts';

/** `client.presence`. */
// biome-ignore lint/suspicious/noEmptyInterface: what users and channels add
export interface ClientPresence {}

export interface PresenceClientOptions {
  /** Without input for so long nobody uses this client, in milliseconds. Default: what the server says. */
  readonly awayAfterMs?: number;
}

/** The client's half: `createClient({ plugins: [presenceClient()] })`. */
export function presenceClient(
  options: PresenceClientOptions = {},
): ClientPlugin<'presence', ClientPresence> {
  return defineClientPlugin({ name: 'presence', setup: (context) => setUp(context, options) });
}

function setUp(_context: ClientPluginContext, _options: PresenceClientOptions): ClientPresence {
  return {};
}

import type { BroadcastFrame, CallFrame, PublishFrame, SendFrame } from '@callboard/protocol';
import type { Awaitable, Logger, Timers } from '@callboard/runtime';
import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Channel, Client, EventDelivery, MessageDelivery, Publication } from './api.ts';

/** A publication, once for the channel and all filters that it is for. */
export interface PublicationDelivery {
  readonly kind: 'publication';
  readonly publication: Publication;
  readonly action?: undefined;
}
/** What comes from the server unasked, on its way to subscribers. */
export type Incoming = MessageDelivery | EventDelivery | PublicationDelivery;
/** A publication on its way to the server; `data` is as the application gave it. */
export type PublishBody = Omit<PublishFrame, 'mid' | 'settled'> & { readonly action?: undefined };
/** An action or a publication on its way to the server, before it has its message id. `op` says which. */
export type Outgoing =
  | Omit<CallFrame, 'mid' | 'settled'>
  | Omit<BroadcastFrame, 'mid' | 'settled'>
  | Omit<SendFrame, 'mid' | 'settled'>
  | PublishBody;

/**
 * Sees each once, and must let it go in the same turn. Incoming that it holds back reaches nobody; outgoing is refused
 * with REFUSED. Where it throws, that one is lost with a line in the log, or refused with PLUGIN_ERROR, and no other.
 */
export type IncomingOperator = MonoTypeOperatorFunction<Incoming>;
export type OutgoingOperator = MonoTypeOperatorFunction<Outgoing>;

/** What a client's plugin is given to build on; all there is to it. Operators are for `setup` alone. */
export interface ClientPluginContext {
  /** Nothing can be sent by it from within `setup`: not all operators are there yet. */
  readonly client: Client;
  readonly timers: Timers;
  readonly logger: Logger;
  incoming(operator: IncomingOperator): void;
  outgoing(operator: OutgoingOperator): void;
  /** Tells the server whether somebody is using this client; what was told last goes with each `connect`, before that counts. */
  activity(state: 'active' | 'idle'): void;
  /** Runs when the client is closed, last registered first. */
  onClose(dispose: () => Awaitable<void>): void;
}

/**
 * Something that application code composes into a client. What `setup` returns is `client[name]`, and what `channel` returns
 * `client.channel(…)[name]`, with their types.
 */
export interface ClientPlugin<Name extends string = string, Api = unknown, InChannels = unknown> {
  readonly name: Name;
  setup(context: ClientPluginContext): Api;
  /** Called once for each channel, or filter, when somebody first looks at `channel[name]`; `api` is what `setup` returned. */
  channel?(channel: Channel, api: Api): InChannels;
}

/** Gives a plugin its exact type: its name and what it adds to the client and to its channels. */
export function defineClientPlugin<const Name extends string, Api, InChannels = unknown>(
  plugin: ClientPlugin<Name, Api, InChannels>,
): ClientPlugin<Name, Api, InChannels> {
  return plugin;
}

/** What plugins add to a client, by name. */
export type ClientPluginApis<P extends readonly ClientPlugin[]> = {
  readonly [Each in P[number] as ReturnType<Each['setup']> extends void ? never : Each['name']]: ReturnType<
    Each['setup']
  >;
};

/** What plugins add to each channel, by name; unknown where that is nothing. */
export type ClientChannelApis<P extends readonly ClientPlugin[]> = Something<{
  readonly [Each in P[number] as unknown extends InChannels<Each> ? never : Each['name']]: InChannels<Each>;
}>;
type InChannels<P extends ClientPlugin> = ReturnType<NonNullable<P['channel']>>;
type Something<T> = keyof T extends never ? unknown : T;

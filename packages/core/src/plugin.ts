import type { Action, AnyAction, Contract } from '@callboard/protocol';
import type { Awaitable, Logger } from '@callboard/runtime';

import type { MonoTypeOperatorFunction } from 'rxjs';
import type { ActionHandler, Client, Middleware, Server, User } from './api.ts';
import type { ChannelPolicy } from './channels/policy.ts';
import type { Clock } from './clock.ts';
import type { Outgoing } from './hub.ts';
import type { Inbound } from './inbound.ts';
import type { StatusReducer } from './machines/user-machine.ts';
import type { Token } from './tokens.ts';

/**
 * Sees each request of a client once, before it is dispatched, and must let it go in the same turn: one that it holds
 * back (`filter`) is answered with REFUSED, one that it throws on with PLUGIN_ERROR, and others are not touched.
 */
export type InboundOperator = MonoTypeOperatorFunction<Inbound>;
/** Sees once what is sent or published, however many it is for; the same rules as for inbound. */
export type OutboundOperator = MonoTypeOperatorFunction<Outgoing>;
/**
 * A check that may have to wait. A client's requests wait behind each other in the order in which they came. Throws a
 * ReplyError to refuse; anything else it throws is PLUGIN_ERROR; too slow is CHECK_TIMEOUT.
 */
export type Check = (inbound: Inbound) => Awaitable<void>;

/** Which clients may see an event, if they subscribe: those of the user whom it is about. None where nothing is given. */
export interface EventScope {
  readonly user?: User | undefined;
  /** Stands for its user. */
  readonly client?: Client | undefined;
  /** All clients, of whomever: for what anybody may know. Not where a user is given. */
  readonly everybody?: boolean | undefined;
}

/** Tells a native event. */
export interface Emit<E extends Action> {
  /** To the handler and `events$`, and to the clients that `scope` names, where they have subscribed. */
  (event: E, scope?: EventScope): void;
  /**
   * To these clients alone, at once and whether or not they have subscribed: to those that have a connection. What they miss is theirs to
   * find out. The handler and `events$` are not told. @throws where it cannot be encoded.
   */
  to(clients: Iterable<Client>, event: E): void;
}

/** What a plugin is given to build on; all there is to it. Registering is for `setup` alone. */
export interface PluginContext {
  readonly server: Server<Contract>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Answers actions of this type. @throws where another one does. */
  handle(type: string, handler: ActionHandler<AnyAction>): void;
  /**
   * Makes a native event: the server's `events$` and handler are told it, and those clients that `scope` names where they have
   * subscribed; none can send it. Gives what emits it. @throws where there is one.
   */
  event<E extends Action>(type: E['type']): Emit<E>;
  inbound(operator: InboundOperator): void;
  outbound(operator: OutboundOperator): void;
  check(check: Check): void;
  /**
   * Has its say in every user's status, after Callboard's own and the plugins before. A user of whom it says something else than
   * OFFLINE is there as long as it does, without a client too. Gives what has the status of a user who is there made anew.
   */
  status(reducer: StatusReducer): (userId: string) => void;
  /**
   * Runs whenever what a client may do may have changed: its claims have, or the application calls `recheckRights`. That is done
   * when all plugins are. One that throws is reported to the logger.
   */
  rights(recheck: (client: Client) => Awaitable<void>): void;
  /** Serves `path` and all below it. */
  route(path: string, middleware: Middleware): void;
  /** A policy for the channels that fit the pattern, as in the option `channels`. @throws where the pattern has one. */
  channels(pattern: string, policy: ChannelPolicy): void;
  /** Whether a client may subscribe to a channel just now. What its policy throws is thrown, or rejects. */
  canSubscribe(client: Client, channel: string): Awaitable<boolean>;
  provide<T>(token: Token<T>, value: T): void;
  /** Something that the application, Callboard or an earlier plugin provides. @throws where nobody does. */
  inject<T>(token: Token<T>): T;
  /** A number in `stats().plugins[name]`, read when somebody asks. */
  metric(name: string, read: () => number): void;
  /** Runs when the server stops, last registered first. */
  onDispose(dispose: () => Awaitable<void>): void;
}

/**
 * Something that application code composes into a server. What `setup` returns is `server[name]`, with its type.
 * `setup` runs once, synchronously, before the server starts.
 */
export interface Plugin<Name extends string = string, Api = unknown> {
  readonly name: Name;
  setup(context: PluginContext): Api;
}

/** Gives a plugin its exact type: its name and what it adds to the server. */
export function definePlugin<const Name extends string, Api>(plugin: Plugin<Name, Api>): Plugin<Name, Api> {
  return plugin;
}

/** What plugins add to a server, by name. */
export type PluginApis<P extends readonly Plugin[]> = {
  readonly [Each in P[number] as ReturnType<Each['setup']> extends void ? never : Each['name']]: ReturnType<
    Each['setup']
  >;
};

/** What all plugins of a server have registered. */
export class Registrations {
  readonly handlers = new Map<string, ActionHandler<AnyAction>>();
  readonly inbound: InboundOperator[] = [];
  readonly outbound: OutboundOperator[] = [];
  readonly checks: Check[] = [];
  readonly reducers: StatusReducer[] = [];
  readonly rechecks: ((client: Client) => Awaitable<void>)[] = [];
  readonly routes: { readonly path: string; readonly middleware: Middleware }[] = [];
  readonly metrics: { readonly plugin: string; readonly name: string; readonly read: () => number }[] = [];
  readonly disposers: (() => Awaitable<void>)[] = [];

  handle(type: string, handler: ActionHandler<AnyAction>): void {
    if (this.handlers.has(type)) throw new Error(`another handler answers ${type} already`);
    this.handlers.set(type, handler);
  }
}

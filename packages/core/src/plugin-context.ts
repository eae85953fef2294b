import type { Action, AnyAction } from '@callboard/protocol';
import type { Client } from './api.ts';
import type { ServerClient } from './client.ts';
import type { Container } from './container.ts';
import type { HttpFront } from './http-front.ts';
import type { Node } from './node.ts';
import type { EventScope, PluginContext, Registrations } from './plugin.ts';
import { type Token, tokens } from './tokens.ts';

export interface PluginHost {
  readonly node: Node;
  readonly container: Container;
  readonly http: HttpFront;
  readonly registrations: Registrations;
}

/** What the server stands on is settled before plugins are set up. */
const ownTokens: readonly Token<unknown>[] = Object.values(tokens);

/** What the plugin of this name is given; `end` is called when its `setup` is over, and with that its registering. */
export function pluginContext(plugin: string, host: PluginHost): { context: PluginContext; end: () => void } {
  const { node, container, http, registrations } = host;
  let settingUp = true;
  const during = <Args extends unknown[], R>(register: (...args: Args) => R) => {
    return (...args: Args): R => {
      if (!settingUp) throw new Error(`the plugin ${plugin} registers outside of its setup`);
      return register(...args);
    };
  };
  const context: PluginContext = {
    server: node.server,
    clock: node.clock,
    logger: node.logger,
    handle: during((type, handler) => registrations.handle(type, handler)),
    event: during((type: string) => {
      node.events.declare(type);
      const emit = (event: Action, scope: EventScope = {}) => node.events.emitIn(scope, event as AnyAction);
      const to = (clients: Iterable<Client>, event: Action) =>
        node.events.tell(event as AnyAction, clients as Iterable<ServerClient>);
      return Object.assign(emit, { to });
    }) as PluginContext['event'],
    inbound: during((operator) => void registrations.inbound.push(operator)),
    outbound: during((operator) => void registrations.outbound.push(operator)),
    check: during((check) => void registrations.checks.push(check)),
    status: during((reducer) => {
      registrations.reducers.push(reducer);
      return (userId) => node.users.byId.get(userId)?.revised();
    }),
    rights: during((recheck) => void registrations.rechecks.push(recheck)),
    route: during((path, middleware) => http.route(path, middleware)),
    channels: during((pattern, policy) => node.channels.policies.add(pattern, policy)),
    canSubscribe: (client, channel) => node.subscriptions.rights.toRead(client as ServerClient, channel),
    provide: during((token: Token<unknown>, value: unknown) => {
      if (ownTokens.includes(token)) throw new Error(`${String(token)} is the application's to provide`);
      container.provide(token, value);
    }) as PluginContext['provide'],
    inject: (token) => container.get(token),
    metric: during((name, read) => void registrations.metrics.push({ plugin, name, read })),
    onDispose: (dispose) => void registrations.disposers.push(dispose),
  };
  return {
    context,
    end: () => {
      settingUp = false;
    },
  };
}

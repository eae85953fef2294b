import type { Server as HttpServer } from 'node:http';
import {
  type Action,
  type AnyAction,
  type Contract,
  Disconnect,
  type Published,
  type UserId,
  userIdOf,
} from '@callboard/protocol';
import {
  type ActorView,
  type Awaitable,
  actorClock,
  actorView,
  guardedInspect,
  isPromise,
  type Logger,
} from '@callboard/runtime';
import { createActor, fromPromise, type SnapshotFrom, waitFor } from 'xstate';
import { Admission, isLoopback } from './admission.ts';
import type { Channel, DisconnectOptions, PublishOptions, Server, User } from './api.ts';
import { channelOf, draftOf } from './channels/view.ts';
import { wait, within } from './clock.ts';
import { createContainer } from './container.ts';
import { OwnChannels } from './gateways/own-channels.ts';
import type { Gateway } from './gateways/port.ts';
import { HttpFront } from './http-front.ts';
import { fromServer } from './hub.ts';
import { limitsWith } from './limits.ts';
import { serverMachine } from './machines/server-machine.ts';
import { Node } from './node.ts';
import type { ServerOptions } from './options.ts';
import { type Plugin, type PluginApis, Registrations } from './plugin.ts';
import { pluginContext } from './plugin-context.ts';
import { type Stats, statsOf } from './stats.ts';
import { type Provision, tokens } from './tokens.ts';
import type { TransportHost } from './transport.ts';

/**
 * Makes a server; `start()` opens it.
 * @throws where the options contradict each other or a plugin's `setup` throws.
 */
export function createServer<
  const C extends Contract = Contract,
  const P extends readonly Plugin[] = readonly [],
>(options: ServerOptions<C, P>): Server<C> & PluginApis<P> {
  const server = new NodeServer(options as unknown as ServerOptions);
  for (const plugin of options.plugins ?? []) server.use(plugin);
  return server as unknown as Server<C> & PluginApis<P>;
}

/** From the last word to a connection to its termination, when a server stops. */
const CLOSE_TIMEOUT_MS = 2_000;
/** Clients told to go at once, when that is spread over time. */
const BATCH = 100;

/** The public face of a node, and its life: what is opened and closed in which order. */
class NodeServer implements Server {
  readonly users: ReadonlyMap<string, User>;
  readonly actions$;
  readonly events$;
  readonly users$;
  readonly clients$;
  readonly subscriptions$;
  readonly actor: ActorView<SnapshotFrom<typeof serverMachine>>;
  readonly #options: ServerOptions;
  readonly #container;
  readonly #node: Node;
  readonly #http: HttpFront;
  readonly #actor;
  readonly #registrations = new Registrations();
  readonly #plugins: string[] = [];
  #draining: DisconnectOptions = {};
  #startedAt: number | undefined;

  constructor(options: ServerOptions) {
    const { verifyClient, logger, provide = [], handlers = {} } = options;
    this.#options = options;
    const limits = limitsWith(options.limits);
    const provisions: Provision[] = [
      ...(verifyClient === undefined ? [] : [{ token: tokens.verifier, value: verifyClient } as Provision]),
      ...(logger === undefined ? [] : [{ token: tokens.logger, value: logger } as Provision]),
      ...provide,
    ];
    this.#container = createContainer(limits, provisions, options.container);
    const loopbackOnly = !this.#container.has(tokens.verifier);
    if (loopbackOnly && options.host !== undefined && !isLoopbackName(options.host)) {
      throw new Error(`without verifyClient a server listens on loopback only, not on ${options.host}`);
    }
    const exposeErrors = options.exposeErrors ?? process.env.NODE_ENV !== 'production';
    const admission = new Admission({
      origins: options.origins,
      requireSecure: options.requireSecure ?? false,
      trustProxy: options.trustProxy ?? false,
      loopbackOnly,
      maxConnectionsPerAddress: limits.maxConnectionsPerAddress,
      maxConnectsPerSecond: limits.maxConnectsPerSecond,
      clock: this.#container.get(tokens.clock),
    });
    this.#node = new Node({
      server: this,
      container: this.#container,
      limits,
      admission,
      requests: {
        handler: options.handler,
        canSend: options.canSend,
        contract: options.contract,
        exposeErrors,
      },
      channels: options.channels,
      inspect: options.inspect,
      wsServer: () => options.transports[0]?.native,
    });
    for (const type of new Set(gatewaysIn(options).flatMap(({ events = [] }) => events)))
      this.#node.events.declare(type);
    for (const [type, handler] of Object.entries(handlers)) this.#registrations.handle(type, handler);
    this.#http = new HttpFront({
      httpServer: options.httpServer,
      admission,
      logger: this.#node.logger,
      statsToken: options.statsToken,
      stats: () => this.stats(),
      healthy: () => this.#actor.getSnapshot().value === 'running',
      middleware: options.expressUse ?? {},
      exposeErrors,
    });
    this.#actor = this.#makeActor();
    this.actor = actorView(this.#actor, this.#node.logger);
    this.users = this.#node.users.byId;
    this.actions$ = this.#node.requests.actions$;
    this.events$ = this.#node.events.events$;
    this.users$ = this.#node.users.users$;
    this.clients$ = this.#node.clients.clients$;
    this.subscriptions$ = this.#node.subscriptions.changes$;
  }

  get httpServer(): HttpServer {
    return this.#http.server;
  }

  get port(): number | undefined {
    return this.#http.port;
  }

  async start(): Promise<void> {
    if (this.#actor.getSnapshot().value !== 'stopped') throw new Error('the server is not stopped');
    this.#actor.send({ type: 'START' });
    const { context, value } = await waitFor(this.#actor, (snapshot) => snapshot.value !== 'starting');
    if (value === 'stopped' && context.error !== undefined) throw context.error;
  }

  async disconnect(options: DisconnectOptions = {}): Promise<void> {
    const { value } = await waitFor(this.#actor, (snapshot) => snapshot.value !== 'starting');
    if (value === 'stopped') return;
    if (value === 'running') {
      this.#draining = options;
      this.#actor.send({ type: 'STOP' });
    }
    const { context } = await waitFor(this.#actor, (snapshot) => snapshot.value === 'stopped');
    if (context.error !== undefined) throw context.error;
  }

  async sendToUser(to: UserId | readonly UserId[], action: Action): Promise<void> {
    await this.#node.hub.sendFromServer({ action: action as AnyAction, to: userIdsIn(to) });
  }

  async publish(name: string, data: unknown, options?: PublishOptions): Promise<Published> {
    const { channels } = this.#node;
    const draft = draftOf(name, data, options);
    const outcome = await fromServer(() => {
      const made = channels.satisfied(name, data);
      if (made === data) return channels.publish(draft);
      const publish = (ready: unknown) => channels.publish({ ...draft, data: ready });
      return isPromise(made) ? made.then(publish) : publish(made);
    });
    return { outcome };
  }

  channel<Data>(name: string): Channel<Data> {
    return channelOf(this.#node, name);
  }

  async recheckRights(users?: UserId | readonly UserId[]): Promise<void> {
    const { byId } = this.#node.users;
    const asked = users === undefined ? [...byId.values()] : userIdsIn(users).map((id) => byId.get(id));
    const clients = asked.flatMap((user) => [...(user?.clients ?? [])]);
    await Promise.all(clients.map((client) => client.recheckRights()));
  }

  stats(): Stats {
    const status = this.#actor.getSnapshot().value;
    return statsOf(
      this.#node,
      status,
      this.#startedAt,
      this.#registrations.metrics,
      gatewaysIn(this.#options),
    );
  }

  /** Adds a plugin, before the start. @throws what its `setup` throws. */
  use<P extends Plugin>(plugin: P): this & PluginApis<readonly [P]> {
    const { name } = plugin;
    if (this.#actor.getSnapshot().value !== 'stopped')
      throw new Error('plugins are added before the server starts');
    if (name in this) throw new Error(`a plugin cannot be named ${name}: the server has that already`);
    if (this.#plugins.includes(name)) throw new Error(`there is a plugin named ${name} already`);
    this.#plugins.push(name);
    const { context, end } = pluginContext(name, {
      node: this.#node,
      container: this.#container,
      http: this.#http,
      registrations: this.#registrations,
    });
    try {
      const api = plugin.setup(context);
      if (api !== undefined) Object.defineProperty(this, name, { value: api, enumerable: true });
    } finally {
      end();
    }
    return this as this & PluginApis<readonly [P]>;
  }

  #makeActor() {
    const { clock, logger, events } = this.#node;
    const { inspect } = this.#options;
    const machine = serverMachine.provide({
      actors: { open: fromPromise(() => this.#open()), drain: fromPromise(() => this.#drain()) },
      actions: {
        announce: (_, { state }) => events.emit({ type: `SERVER_${state}`, at: clock.now() }, 'everybody'),
      },
    });
    return createActor(machine, {
      id: 'server',
      clock: actorClock(clock),
      ...(inspect && { inspect: guardedInspect(inspect, logger) }),
    }).start();
  }

  async #open(): Promise<void> {
    const { port, host, transports } = this.#options;
    const node = this.#node;
    const loopbackOnly = node.verifyClient === undefined;
    node.compose(this.#registrations);
    node.heartbeat.start();
    this.#startedAt = node.clock.now();
    const listen =
      port === undefined ? undefined : { port, host: host ?? (loopbackOnly ? '127.0.0.1' : undefined) };
    try {
      for (const transport of transports) {
        const { clock, logger, limits, admission } = node;
        const { name } = transport;
        const host = {
          clock,
          logger,
          limits,
          onUpgrade: (path, upgraded) => this.#http.onUpgrade(name, path, upgraded),
          onRequest: (path, requested) => this.#http.onRequest(name, path, requested),
        } satisfies Omit<TransportHost, 'accept'>;
        if ('foreign' in transport) {
          await transport.start({
            ...host,
            loopbackOnly,
            get draining() {
              return node.requests.draining;
            },
            restore: (accepted, options) => node.clients.restore(name, accepted, options),
            channels: new OwnChannels(node),
            emit: (event, scope = {}) => node.events.emitIn(scope, event),
            admit: (socket) => admission.admitSocket(socket, name),
            accept: (connection, peer) => node.acceptForeign(connection, peer),
          });
        } else {
          await transport.start({ ...host, accept: (connection, peer) => node.accept(connection, peer) });
        }
      }
      await this.#http.open(listen);
    } catch (error) {
      await this.#close();
      throw error;
    }
    if (loopbackOnly) node.logger.warn('no verifyClient: only connections from this machine are taken');
    node.logger.info('the server runs', { port: this.port });
  }

  /** Nothing new, then the replies that are due, then a word to everybody, then the end. */
  async #drain(): Promise<void> {
    const { graceMs = 5_000, spreadMs = 0 } = this.#draining;
    const { clock, requests, links, clients, pace } = this.#node;
    this.#http.refuseConnections();
    await within(clock, graceMs, requests.drain());
    pace.finish();
    const online = [...links];
    const batches = Math.ceil(online.length / BATCH);
    for (let i = 0; i < batches; i++) {
      if (i > 0 && spreadMs > 0) await wait(clock, spreadMs / batches);
      for (const link of online.slice(i * BATCH, (i + 1) * BATCH)) {
        const afterMs = Math.round(Math.random() * Math.max(spreadMs, 1_000));
        link.end(new Disconnect('SERVER_SHUTDOWN', { afterMs }));
      }
    }
    await within(clock, CLOSE_TIMEOUT_MS, this.#node.allClosed());
    for (const client of [...clients.byId.values()]) client.close(new Disconnect('SERVER_SHUTDOWN'));
    await this.#close();
  }

  async #close(): Promise<void> {
    const { heartbeat, logger, requests } = this.#node;
    heartbeat.stop();
    for (const transport of this.#options.transports) {
      await contained(logger, 'a transport did not stop', () => transport.stop());
    }
    for (const dispose of [...this.#registrations.disposers].reverse()) {
      await contained(logger, 'a plugin was not disposed of', dispose);
    }
    await this.#http.close();
    requests.resume();
    this.#node.channels.clear();
    this.#startedAt = undefined;
  }
}

function gatewaysIn({ transports }: ServerOptions): Gateway[] {
  return transports.filter((transport) => 'foreign' in transport);
}

/** Each once. @throws TypeError where one is none. */
function userIdsIn(ids: UserId | readonly UserId[]): string[] {
  const unique = new Set<string>();
  for (const id of Array.isArray(ids) ? ids : [ids]) {
    const userId = userIdOf(id);
    if (userId === undefined) throw new TypeError(`not a user id: ${String(id)}`);
    unique.add(userId);
  }
  return [...unique];
}

async function contained(logger: Logger, message: string, work: () => Awaitable<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    logger.error(message, { cause });
  }
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}

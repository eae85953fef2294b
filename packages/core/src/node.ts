import type { Codec, Contract } from '@callboard/protocol';
import type { Inspect, Logger } from '@callboard/runtime';
import type { Admission } from './admission.ts';
import type { Server, VerifyClient } from './api.ts';
import { Channels } from './channels/channels.ts';
import type { ChannelPolicies } from './channels/policy.ts';
import { Subscriptions } from './channels/subscriptions.ts';
import { Clients } from './clients.ts';
import type { Clock } from './clock.ts';
import type { Container } from './container.ts';
import { Events } from './events.ts';
import { ForeignLink } from './gateways/link.ts';
import type { GatewayConnection, GatewayLink } from './gateways/port.ts';
import { Heartbeat } from './heartbeat.ts';
import { Hub } from './hub.ts';
import { InboundPipeline } from './inbound.ts';
import type { Limits } from './limits.ts';
import { Link } from './link.ts';
import type { LiveLink } from './live-link.ts';
import { Flusher } from './outbox.ts';
import type { Registrations } from './plugin.ts';
import { type Owner, Registry } from './registry.ts';
import { type RequestOptions, Requests } from './requests/requests.ts';
import { Rounds } from './rounds.ts';
import { Counters } from './stats.ts';
import { Feeds } from './streams/feeds.ts';
import type { StreamLog } from './streams/log.ts';
import { Pace } from './streams/pace.ts';
import { tokens } from './tokens.ts';
import type { Connection, ConnectionEvents, Peer } from './transport.ts';
import { Users } from './users.ts';

export interface NodeOptions {
  readonly server: Server<Contract>;
  readonly container: Container;
  readonly limits: Limits;
  readonly admission: Admission;
  readonly requests: RequestOptions;
  readonly channels: ChannelPolicies | undefined;
  readonly inspect: Inspect | undefined;
  /** The first transport's own server. */
  readonly wsServer: () => object | undefined;
}

/** The parts of one server that know of each other, made once; and where connections come in. */
export class Node {
  readonly server: Server<Contract>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly codec: Codec;
  readonly log: StreamLog;
  readonly verifyClient: VerifyClient | undefined;
  readonly limits: Limits;
  readonly admission: Admission;
  readonly counters = new Counters();
  readonly links = new Set<LiveLink>();
  readonly registry: Registry<Owner>;
  readonly flusher: Flusher;
  readonly rounds: Rounds;
  readonly heartbeat: Heartbeat;
  readonly events: Events;
  readonly pace: Pace;
  readonly feeds: Feeds;
  readonly hub: Hub;
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly users: Users;
  readonly clients: Clients;
  readonly requests: Requests;
  readonly inbound: InboundPipeline;
  #whenClosed: (() => void) | undefined;
  readonly #wsServer: () => object | undefined;

  constructor(options: NodeOptions) {
    const { server, container, limits, admission, requests, channels, inspect, wsServer } = options;
    this.server = server;
    this.limits = limits;
    this.admission = admission;
    this.#wsServer = wsServer;
    this.clock = container.get(tokens.clock);
    this.logger = container.get(tokens.logger);
    this.codec = container.get(tokens.codec);
    this.log = container.get(tokens.streamLog);
    this.verifyClient = container.has(tokens.verifier) ? container.get(tokens.verifier) : undefined;
    this.registry = new Registry(this.clock, this.logger, inspect);
    this.flusher = new Flusher(this.clock);
    this.rounds = new Rounds(this.clock);
    this.heartbeat = new Heartbeat(this);
    this.events = new Events(this);
    this.pace = new Pace(this.clock);
    this.feeds = new Feeds(this.log, this.clock, this.logger, this.pace);
    this.hub = new Hub(this);
    this.channels = new Channels(this, channels, requests.contract);
    this.subscriptions = new Subscriptions(this);
    this.users = new Users(this);
    this.clients = new Clients(this);
    this.requests = new Requests(this, requests);
    this.inbound = new InboundPipeline(this);
  }

  get wsServer(): object | undefined {
    return this.#wsServer();
  }

  /** Puts the plugins' parts in place; before the first connection. */
  compose(registrations: Registrations): void {
    this.hub.compose(registrations.outbound);
    this.users.compose(registrations.reducers);
    this.requests.compose(registrations);
    this.inbound.compose(registrations.inbound);
  }

  /** A connection has passed what its transport checks, and is still to say whose it is. */
  accept(connection: Connection, peer: Peer): ConnectionEvents {
    this.counters.accepted++;
    const link = new Link(this, connection, peer);
    this.links.add(link);
    this.admission.entered(peer);
    return link;
  }

  /** The same for a connection that speaks a gateway's protocol. */
  acceptForeign(connection: GatewayConnection, peer: Peer): GatewayLink {
    this.counters.accepted++;
    const link = new ForeignLink(this, connection, peer);
    this.links.add(link);
    this.admission.entered(peer);
    return link;
  }

  /** The connection is no more. */
  closed(link: LiveLink): void {
    this.links.delete(link);
    this.admission.left(link.peer);
    if (this.links.size === 0) this.#whenClosed?.();
  }

  /** When no connection is left. */
  async allClosed(): Promise<void> {
    if (this.links.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenClosed = resolve;
    });
  }
}

import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  type AnnouncedLimits,
  type ConnectedFrame,
  type ConnectFrame,
  Disconnect,
  INBOX,
  PROTOCOL_VERSION,
  type Resume,
} from '@callboard/protocol';
import { GuardedObservable, isPromise, whenReady } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import type { SnapshotFrom } from 'xstate';
import { ServerClient } from './client.ts';
import type { Accepted, AttachOptions } from './gateways/port.ts';
import { Session } from './gateways/session.ts';
import type { Verified } from './handshake.ts';
import type { Link } from './link.ts';
import type { LiveLink } from './live-link.ts';
import { clientMachine } from './machines/client-machine.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import { sharing } from './registry.ts';
import type { Feed, Recovery } from './streams/feed.ts';
import type { ServerUser } from './users.ts';

/** A connection whose user is known, on its way to a client. */
export interface Arrival {
  readonly link: Link;
  readonly verified: Verified;
  readonly device: string | undefined;
  readonly activity: ConnectFrame['activity'];
  readonly resume: Resume | undefined;
}

/** The clients of this node, and how a connection gets to its own. */
export class Clients {
  readonly byId = new Map<string, ServerClient>();
  readonly clients$: Observable<ServerClient>;
  readonly machine: typeof clientMachine;
  readonly initial: SnapshotFrom<typeof clientMachine>;
  readonly #node: Node;
  readonly #coming = new Subject<ServerClient>();
  readonly #prefix = randomBytes(6).toString('base64url');
  readonly #announced: AnnouncedLimits;
  #made = 0;

  constructor(node: Node) {
    this.#node = node;
    this.clients$ = new GuardedObservable(this.#coming, node.logger);
    const { maxFrameBytes, maxFramesPerSecond, maxBytesPerSecond } = node.limits;
    const { maxPendingRequests, maxRecipients, maxChannels, maxOutboxBytes } = node.limits;
    const { resumeWindowMs, requestTimeoutMs } = node.limits;
    this.#announced = {
      maxFrameBytes,
      maxFramesPerSecond,
      maxBytesPerSecond,
      maxPendingRequests,
      maxRecipients,
      maxChannels,
      maxOutboxBytes,
      resumeWindowMs,
      requestTimeoutMs,
    };
    const owner = (id: string) => node.registry.owner(id) as ServerClient;
    const machine = clientMachine.provide({
      actions: {
        wait: ({ self }) => owner(self.id).waiting(),
        resumed: ({ self }) => owner(self.id).resumed(),
        end: ({ self }) => owner(self.id).ended(),
      },
    });
    this.machine = sharing(machine);
    this.initial = machine.resolveState({ value: 'online' });
  }

  /** The client whose session this is, if it is `userId`'s. */
  bySession(session: string, userId: string): ServerClient | undefined {
    const dot = session.indexOf('.');
    const client = this.byId.get(session.slice(0, dot));
    if (client?.user.id !== userId) return undefined;
    return client.hasSecret(session.slice(dot + 1)) ? client : undefined;
  }

  /** To the client whose session it resumes, else to a new one. */
  admit(arrival: Arrival, failed: (error: unknown) => void): void {
    const { link, verified, resume } = arrival;
    const known = resume && this.bySession(resume.session, verified.userId);
    if (known !== undefined) return this.#resume(arrival, known, failed);
    const user = this.#node.users.obtain(verified.userId);
    const begin = (feed: Feed<Encoded>): void => {
      user.arriving--;
      if (link.open) this.#begin(arrival, user, feed);
      else user.changed();
    };
    user.arriving++;
    const { ready } = user;
    whenReady(() => ready, begin, failed);
  }

  /** A new client; a position that it brings along is of a session that is lost. */
  #begin(arrival: Arrival, user: ServerUser, feed: Feed<Encoded>): void {
    const { link, resume } = arrival;
    this.#enter(link, user, resume?.mid ?? 0, (client) => {
      const position = feed.join(link);
      const from = resume?.positions[INBOX];
      const gap = from && { stream: INBOX, from, to: position, reason: 'session' as const };
      this.#welcome(arrival, client, { position, missed: gap ? [{ gap }] : [] }, false);
    });
  }

  /** Makes a client, which `welcome` puts on the connection. */
  #enter(link: LiveLink, user: ServerUser, floor: number, welcome: (client: ServerClient) => void): void {
    const { events } = this.#node;
    const id = this.#nextId();
    const client = new ServerClient(id, user, floor, this.#node);
    this.byId.set(id, client);
    link.client = client;
    events.hold();
    try {
      const first = user.join();
      const at = link.connectedAt;
      events.emit({ type: 'CLIENT_ONLINE', userId: user.id, clientId: id, at }, user, client);
      welcome(client);
      if (first) this.#node.users.come(user);
      this.#coming.next(client);
    } finally {
      events.release();
    }
  }

  /** A gateway's connection, to a new client. @throws Disconnect where it was closed meanwhile. */
  async admitForeign(link: LiveLink, accepted: Accepted, options: AttachOptions): Promise<ServerClient> {
    const user = this.#node.users.obtain(accepted.userId);
    user.arriving++;
    const { ready } = user;
    if (isPromise(ready)) await ready;
    user.arriving--;
    if (!link.open) {
      user.changed();
      throw new Disconnect('REPLACED');
    }
    this.#enter(link, user, 0, (client) => {
      client.foreign = new Session(client, this.#node);
      this.#attach(link, client, accepted, options, false);
    });
    return link.client as ServerClient;
  }

  /** A gateway's client that was there before the server was. */
  async restore(
    transport: string,
    { userId, claims }: Accepted,
    { device, resumeMs, ended }: Omit<AttachOptions, 'session'>,
  ): Promise<Session> {
    const { events } = this.#node;
    const user = this.#node.users.obtain(userId);
    user.arriving++;
    const { ready } = user;
    if (isPromise(ready)) await ready;
    user.arriving--;
    const client = new ServerClient(this.#nextId(), user, 0, this.#node);
    const session = new Session(client, this.#node);
    this.byId.set(client.id, client);
    client.foreign = session;
    client.transport = transport;
    client.device = device;
    client.claims = claims;
    client.resumeMs = resumeMs;
    client.onGone = ended;
    events.hold();
    try {
      const first = user.join();
      client.restored();
      user.restored();
      if (first) this.#node.users.come(user);
      this.#coming.next(client);
    } finally {
      events.release();
    }
    return session;
  }

  #nextId(): string {
    return `${this.#prefix}-${(++this.#made).toString(36)}`;
  }

  /** A gateway's connection, to a client that it has. @throws Disconnect where a newer one came, or either is gone meanwhile. */
  async takeOver(
    link: LiveLink,
    client: ServerClient,
    accepted: Accepted,
    options: AttachOptions,
  ): Promise<ServerClient> {
    const { events, counters } = this.#node;
    if (accepted.userId !== client.user.id) throw new Disconnect('UNAUTHORIZED');
    if (link.order < client.newest) throw new Disconnect('REPLACED');
    client.newest = link.order;
    const { claims } = client;
    client.claims = accepted.claims;
    await (isDeepStrictEqual(claims, accepted.claims) ? client.rechecked : client.recheckRights());
    const isThere = link.open && this.byId.has(client.id);
    if (!isThere || client.newest !== link.order) throw new Disconnect('REPLACED');
    counters.resumed++;
    const replaced = client.connection;
    link.client = client;
    events.hold();
    try {
      this.#attach(link, client, accepted, options, true);
      replaced?.end(new Disconnect('REPLACED'));
    } finally {
      events.release();
    }
    return client;
  }

  #attach(
    link: LiveLink,
    client: ServerClient,
    { claims, expiresAtMs }: Accepted,
    { device, resumeMs, ended }: AttachOptions,
    resumed: boolean,
  ): void {
    client.device = device;
    client.resumeMs = resumeMs;
    client.onGone = ended;
    client.authorise(claims, expiresAtMs);
    client.attached(link, resumed);
  }

  /** Catches up with the inbox, then, in one turn: makes it live, says so, and sends what was missed. */
  #resume(arrival: Arrival, client: ServerClient, failed: (error: unknown) => void): void {
    const { link, resume, verified } = arrival;
    const { events, counters, subscriptions } = this.#node;
    const { feed } = client.user;
    if (feed === undefined) throw new Error('a client without an inbox');
    // One that was left for a newer one may come later: its verifier took longer, or its first frame did.
    if (link.order < client.newest) return link.end(new Disconnect('REPLACED'));
    link.client = client;
    client.newest = link.order;
    const begin = (recovery: Recovery<Encoded>): void => {
      if (!link.open || client.newest !== link.order) {
        feed.leave(link);
        link.leaveChannels();
        return link.end(new Disconnect('REPLACED'));
      }
      if (!this.byId.has(client.id)) {
        // Its window ended while the log was asked.
        feed.leave(link);
        link.leaveChannels();
        link.client = undefined;
        return this.admit(arrival, failed);
      }
      counters.resumed++;
      const replaced = client.connection;
      events.hold();
      try {
        this.#welcome(arrival, client, recovery, true);
        replaced?.end(new Disconnect('REPLACED'));
      } finally {
        events.release();
      }
    };
    const from = resume?.positions[INBOX];
    const recover = () =>
      from === undefined ? begin({ position: feed.join(link), missed: [] }) : feed.recover(link, from, begin);
    const recoverAll = () => whenReady(recover, () => {}, failed);
    const resumeChannels = () =>
      whenReady(() => subscriptions.resume(client, link, resume?.positions ?? {}), recoverAll, failed);
    // What it missed in a channel that it may not read any more it is not to be sent: nor to who comes a second time
    // while that is being found out.
    const { claims } = client;
    client.claims = verified.claims;
    const recheck = isDeepStrictEqual(claims, verified.claims) ? client.rechecked : client.recheckRights();
    if (recheck === undefined) resumeChannels();
    else recheck.then(resumeChannels);
  }

  #welcome(
    { link, verified, device, activity, resume }: Arrival,
    client: ServerClient,
    { missed, position }: Recovery<Encoded>,
    resumed: boolean,
  ): void {
    const { codec, limits, events, subscriptions } = this.#node;
    client.device = device;
    client.activity = activity ?? client.activity;
    client.authorise(verified.claims, verified.expiresAtMs);
    client.link = link;
    client.attached(link, resumed);
    this.#node.heartbeat.add(link);
    const from = resume?.positions[INBOX];
    client.welcomedAs = client.user.status.status;
    const hasChannels = client.channels !== undefined || client.filters !== undefined;
    const recovered = resumed && from !== undefined && !missed.some((each) => 'gap' in each);
    const connected: ConnectedFrame = {
      op: 'connected',
      version: PROTOCOL_VERSION,
      clientId: client.id,
      userId: client.user.id,
      session: client.rotateSession(resumed ? resume?.session : undefined),
      resumed,
      streams: {
        [INBOX]: { ...position, recovered },
        ...(hasChannels && subscriptions.streams(client, link, link.room - bytesOf(missed))),
      },
      status: client.welcomedAs,
      pingIntervalMs: limits.pingIntervalMs,
      pongTimeoutMs: limits.pongTimeoutMs,
      ...(verified.expiresAtMs !== undefined && { expiresAtMs: verified.expiresAtMs }),
      limits: this.#announced,
      ...(events.added.length > 0 && { events: events.added }),
    };
    link.deadline(undefined);
    link.send(new Encoded(codec.encode(connected)));
    for (const each of missed) {
      if ('gap' in each) link.gap(each.gap);
      else link.deliver(each.item);
    }
    const stands = endOf(missed) ?? from?.offset;
    if (resumed && stands !== position.offset) link.skip(position.offset);
    if (hasChannels) subscriptions.resumed(client, link);
  }
}

function bytesOf(missed: Recovery<Encoded>['missed']): number {
  return missed.reduce((sum, each) => sum + ('gap' in each ? 0 : Buffer.byteLength(each.item.text)), 0);
}

/** The offset that the last of what is sent tells the reader. */
function endOf(missed: Recovery<Encoded>['missed']): number | undefined {
  const last = missed.at(-1);
  return last && ('gap' in last ? last.gap.to.offset : last.offset);
}

import { randomFillSync, timingSafeEqual } from 'node:crypto';
import { Disconnect, type Position, type Status } from '@callboard/protocol';
import type { ActorView } from '@callboard/runtime';
import type { Observable } from 'rxjs';
import type { Actor, SnapshotFrom } from 'xstate';
import type { Claims, Client, Message } from './api.ts';
import type { Channel } from './channels/channel.ts';
import type { ChannelPolicy } from './channels/policy.ts';
import type { FilterSubscription, Subscription } from './channels/subscriptions.ts';
import { LONGEST_TIMER_MS } from './clock.ts';
import type { Session } from './gateways/session.ts';
import { Lane } from './lane.ts';
import type { Link } from './link.ts';
import type { LiveLink } from './live-link.ts';
import type { clientMachine } from './machines/client-machine.ts';
import { messagesOf } from './messages.ts';
import type { Node } from './node.ts';
import { Encoded } from './outbox.ts';
import { Outcomes } from './outcomes.ts';
import { TokenBucket } from './rate.ts';
import type { Owner } from './registry.ts';
import type { Chore, Queued } from './requests/queued.ts';
import type { ServerUser } from './users.ts';

type ClientActor = Actor<typeof clientMachine>;

/** One client: the entity that its actor decides for. Owns the session; connections come and go. */
export class ServerClient implements Client, Owner {
  readonly id: string;
  readonly user: ServerUser;
  /** The connection, while there is one. */
  connection: LiveLink | undefined;
  /** The same, where it speaks Callboard's frames. */
  link: Link | undefined;
  /** How long the session waits for a lost client, in milliseconds; 0 ends it with the connection. */
  resumeMs: number;
  device: string | undefined;
  activity: 'active' | 'idle' | undefined;
  claims: Claims = none;
  transport = '';
  connectedAt = 0;
  /** The newest connection that came for this client, by its `order`. */
  newest = 0;
  /** Native events it has subscribed to; made on demand. */
  events: Set<string> | undefined;
  /** The status of its user, as its connection was told first. */
  welcomedAs: Status | undefined;
  /** Channels it has subscribed to, by name; likewise. */
  channels: Map<string, Subscription> | undefined;
  /** Channels that it is about to have subscribed to, and where those were: filters leave them alone. */
  starting: Map<string, Position> | undefined;
  /** Filters it has subscribed to; likewise. */
  filters: Map<string, FilterSubscription> | undefined;
  /** What became of its requests; made with the first one. */
  outcomes: Outcomes<Link> | undefined;
  /** What its gateway does in its name, where it is one's client; and what is told when it has gone. */
  foreign: Session | undefined;
  onGone: (() => void) | undefined;
  readonly #node: Node;
  readonly #actor: ClientActor;
  readonly #floor: number;
  /** Why it was lost, or ended. */
  #reason = '';
  #secret = '';
  /** The secret before, until a frame shows that the client has the new one. */
  #previousSecret: string | undefined;
  #lane: Lane<Queued | Chore> | undefined;
  /** A recheck of its rights that has not begun, and the last one that is not done. */
  #toRecheck: Promise<void> | undefined;
  #rechecked: Promise<void> | undefined;
  /** What it may publish yet, by policies that have a rate. */
  #publishing: Map<ChannelPolicy, TokenBucket> | undefined;
  #timer: unknown;
  #expiry: unknown;

  /** @param floor the highest mid of a session that was not resumed. */
  constructor(id: string, user: ServerUser, floor: number, node: Node) {
    this.id = id;
    this.user = user;
    this.#floor = floor;
    this.#node = node;
    this.resumeMs = node.limits.resumeWindowMs;
    this.#actor = node.registry.spawn(node.clients.machine, `client:${id}`, node.clients.initial, this);
    user.clients.add(this);
  }

  get online(): boolean {
    return this.connection !== undefined;
  }

  get actor(): ActorView<SnapshotFrom<typeof clientMachine>> {
    return this.#node.registry.view(this.#actor);
  }

  get messages$(): Observable<Message> {
    return messagesOf(this.#node, this.user, this.id);
  }

  /** Its actions, and what it does with channels, one after the other where one has to wait. */
  get lane(): Lane<Queued | Chore> {
    this.#lane ??= new Lane(this.#node.requests.perform);
    return this.#lane;
  }

  /** It publishes something under a policy: 0, or where that is too much how long it is to wait, in milliseconds. */
  publishes(policy: ChannelPolicy): number {
    if (policy.maxPerSecond === undefined) return 0;
    const now = this.#node.clock.now();
    this.#publishing ??= new Map();
    const budget = this.#publishing.get(policy) ?? new TokenBucket(policy.maxPerSecond, now);
    this.#publishing.set(policy, budget);
    budget.spend(1, now);
    const { debtMs } = budget;
    // What is refused costs nothing, or who asks too often would never be let.
    if (debtMs > 0) budget.spend(-1, now);
    return debtMs;
  }

  /** Whether it is sent what is published there, by the channel's name or through a filter. */
  reads(channel: Channel): boolean {
    return this.channels?.has(channel.name) === true || this.readsThroughFilter(channel);
  }

  readsThroughFilter(channel: Channel): boolean {
    if (this.filters === undefined || this.filters.size === 0) return false;
    const { policy, levels } = channel;
    for (const { right } of this.filters.values()) if (right.covers({ policy, levels })) return true;
    return false;
  }

  /** What it may read is being asked anew: resolves when all of that is done. */
  get rechecked(): Promise<void> | undefined {
    return this.#rechecked;
  }

  /**
   * Asks anew what it may read, and plugins what they let it do, after the request of its own that is being checked, which may have been judged by what held
   * before, and before those that wait: else it could put this off for as long as it likes. Once for all who want that
   * before it has begun.
   */
  recheckRights(): Promise<void> {
    const { subscriptions, requests } = this.#node;
    const none = !this.channels?.size && !this.filters?.size && this.#lane === undefined;
    if (none && !requests.rechecking) return Promise.resolve();
    if (this.#toRecheck !== undefined) return this.#toRecheck;
    let done = () => {};
    const recheck = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#toRecheck = recheck;
    this.#rechecked = recheck;
    const run = async () => {
      this.#toRecheck = undefined;
      await Promise.all([subscriptions.recheck(this), requests.recheck(this)]);
      if (this.#rechecked === recheck) this.#rechecked = undefined;
      done();
    };
    this.lane.runNext({ run });
    return recheck;
  }

  send(frame: string): void {
    this.link?.send(new Encoded(frame));
  }

  disconnect(code?: number, reason?: string): void {
    if (code !== undefined && !(Number.isInteger(code) && code >= 4000 && code <= 4999)) {
      throw new RangeError('an application closes with a code from 4000 to 4999');
    }
    if (reason !== undefined && Buffer.byteLength(reason) > MAX_REASON_BYTES) {
      throw new RangeError(`the reason of a close has at most ${MAX_REASON_BYTES} bytes`);
    }
    this.close(new Disconnect(code ?? 'KICKED', reason === undefined ? {} : { reason }));
  }

  /** Ends the connection, if there is one, and the session. */
  close(disconnect: Disconnect): void {
    this.connection?.end(disconnect);
    this.#leave('CLOSED', disconnect.reason);
  }

  /** It is on this connection now, by a first connect or a resume. */
  attached(link: LiveLink, resumed: boolean): void {
    const { user } = this;
    this.#deadline(undefined);
    if (this.connection === undefined) user.online++;
    this.connection = link;
    this.newest = link.order;
    this.transport = link.peer.transport;
    this.connectedAt = link.connectedAt;
    user.activeClient = this;
    if (resumed) this.#actor.send({ type: 'RESUMED' });
    user.changed();
  }

  /** The connection is gone; one that was replaced is of no interest any more. */
  detached(link: LiveLink, forGood: boolean, reason: string): void {
    const { user } = this;
    if (this.connection !== link) return;
    this.connection = undefined;
    this.link = undefined;
    user.online--;
    this.#leave(forGood || this.resumeMs === 0 ? 'CLOSED' : 'LOST', reason);
    user.changed();
  }

  /** It was there before the server was, and may come back. */
  restored(): void {
    this.#leave('LOST', 'the server was started anew');
  }

  #leave(type: 'CLOSED' | 'LOST', reason: string): void {
    if (this.#actor.getSnapshot().status !== 'active') return;
    this.#reason = reason;
    this.#actor.send({ type, reason });
  }

  /** Effects of the machine. */
  waiting(): void {
    this.#deadline(this.resumeMs);
    this.#emit('CLIENT_LOST', { reason: this.#reason });
  }

  resumed(): void {
    this.#emit('CLIENT_RESUMED', none);
  }

  ended(): void {
    this.#release();
    this.#emit('CLIENT_GONE', { reason: this.#reason });
    this.user.changed();
  }

  crashed(): void {
    this.connection?.end(new Disconnect('INTERNAL'));
    this.#release();
    this.user.changed();
  }

  /** Outcomes, from the first request on. */
  requests(): Outcomes<Link> {
    const { maxOutcomes, maxOutcomesLength, requestTimeoutMs, resumeWindowMs } = this.#node.limits;
    this.outcomes ??= new Outcomes<Link>(
      { maxOutcomes, maxLength: maxOutcomesLength, ttlMs: requestTimeoutMs + resumeWindowMs },
      this.#floor,
    );
    return this.outcomes;
  }

  expireOutcomes(now: number): void {
    this.outcomes?.expire(now);
  }

  /** A new session for the same client; the one that was `presented` stays valid until `confirmSession`. */
  rotateSession(presented: string | undefined): string {
    this.#previousSecret = presented?.slice(this.id.length + 1);
    this.#secret = secret();
    return `${this.id}.${this.#secret}`;
  }

  /** A frame shows that the client has the new session. */
  confirmSession(): void {
    this.#previousSecret = undefined;
  }

  hasSecret(candidate: string): boolean {
    return (
      same(candidate, this.#secret) ||
      (this.#previousSecret !== undefined && same(candidate, this.#previousSecret))
    );
  }

  /** Accepts what the verifier said; when it expires the connection is closed, unless it was refreshed by then. */
  authorise(claims: Claims, expiresAtMs: number | undefined): void {
    const { clock } = this.#node;
    this.claims = claims;
    clock.clearTimeout(this.#expiry);
    if (expiresAtMs === undefined) return;
    const wait = () => {
      this.#expiry = clock.setTimeout(
        () => {
          if (clock.now() < expiresAtMs) wait();
          else this.connection?.end(new Disconnect('TOKEN_EXPIRED'));
        },
        Math.min(expiresAtMs - clock.now(), LONGEST_TIMER_MS),
      );
    };
    wait();
  }

  #deadline(ms: number | undefined): void {
    const { clock } = this.#node;
    clock.clearTimeout(this.#timer);
    this.#timer =
      ms === undefined
        ? undefined
        : clock.setTimeout(() => this.#actor.send({ type: 'DEADLINE' }), Math.min(ms, LONGEST_TIMER_MS));
  }

  #emit(
    type: 'CLIENT_LOST' | 'CLIENT_GONE' | 'CLIENT_RESUMED',
    more: { reason: string } | typeof none,
  ): void {
    const { events, clock } = this.#node;
    const event = { type, userId: this.user.id, clientId: this.id, ...more, at: clock.now() };
    events.emit(event as Parameters<typeof events.emit>[0], this.user, this);
  }

  #release(): void {
    const { clock, clients, registry, subscriptions } = this.#node;
    this.#deadline(undefined);
    clock.clearTimeout(this.#expiry);
    registry.forget(`client:${this.id}`);
    clients.byId.delete(this.id);
    subscriptions.left(this);
    this.outcomes = undefined;
    this.#secret = '';
    const { user } = this;
    user.clients.delete(this);
    if (user.activeClient === this) user.activeClient = undefined;
    this.onGone?.();
  }
}

const none = {};
/** What a WebSocket close frame holds (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

const pool = Buffer.alloc(16 * 256);
let used = pool.length;

/** 128 random bits. */
function secret(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.toString('base64url', used - 16, used);
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

import type { Accepted, GatewayHost, GatewayLink } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import { Keeping, willFrom } from './keeping.ts';
import { KnownPublication } from './known-publication.ts';
import type { MqttLimits } from './limits.ts';
import { isReserved } from './own-topics.ts';
import { Session } from './session.ts';
import { SharedGroups, sharedParts } from './shared.ts';
import type { MqttSessionStore, StoredMessage, StoredSession } from './store.ts';
import { subscriptionTo } from './subscription.ts';
import { execute, type Will } from './will.ts';

interface Arrival {
  readonly link: GatewayLink;
  readonly accepted: Accepted;
  readonly clientId: string;
  readonly clean: boolean;
  /** How long the session waits without a connection, in milliseconds. */
  readonly resumeMs: number;
}

/** Somebody else's client id. */
export class Taken extends Error {}

/** One session more than the user may have. */
export class TooMany extends Error {}

/** The sessions, by client id. */
export class Sessions {
  readonly groups = new SharedGroups();
  readonly #byId = new Map<string, Session>();
  /** How many there are of each user. */
  readonly #counts = new Map<string, number>();
  /** Who comes under an id while another one of it is being let in waits for that. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Wills of sessions that are over, on their way. */
  readonly #wills = new Map<string, Promise<void>>();
  readonly #host: GatewayHost;
  readonly #limits: MqttLimits;
  readonly #store: MqttSessionStore | undefined;

  constructor(host: GatewayHost, limits: MqttLimits, store?: MqttSessionStore) {
    this.#host = host;
    this.#limits = limits;
    this.#store = store;
  }

  /** Those that the store has, as they were; before anybody comes. */
  async restore(): Promise<void> {
    const stored = (await this.#store?.open()) ?? [];
    const publications = new Map<StoredMessage, KnownPublication>();
    const wills: [Session, Will][] = [];
    for (const each of stored) await this.#restore(each, publications, wills);
    // Now that all are there who wait for them.
    for (const [session, will] of wills) execute(session, will, this.#host.clock);
  }

  /** When all that was delivered so far is kept; undefined where it is. */
  committed(): Promise<void> | undefined {
    return this.#store?.committed();
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  async #restore(
    { record, waiting }: StoredSession,
    publications: Map<StoredMessage, KnownPublication>,
    wills: [Session, Will][],
  ): Promise<void> {
    const { clientId, userId, claims, resumeMs, subscriptions, published } = record;
    const now = this.#host.clock.now();
    const lostAt = record.lostAt ?? now;
    const session = this.#made(clientId, userId);
    session.core = await this.#host.restore(
      { userId, claims, expiresAtMs: undefined },
      // One whose time is over ends by its deadline, as any.
      { device: clientId, resumeMs: Math.max(1, resumeMs - (now - lostAt)), ended: this.#ended(session) },
    );
    session.seen(lostAt);
    this.#keep(session);
    const will = record.will && willFrom(record.will, now - lostAt);
    if (will !== undefined) wills.push([session, will]);
    session.keeping = new Keeping(this.#store as MqttSessionStore, session, lostAt, will);
    session.receiving.restore(published);
    for (const { message, delivery, messageId, received, waiting: kept } of waiting) {
      const publication = publications.get(message) ?? KnownPublication.stored(message);
      publications.set(message, publication);
      const { share, ...rest } = delivery;
      const group = share === undefined ? undefined : this.groups.of(share);
      session.restore({ publication, ...rest, group, waiting: kept }, messageId, received);
    }
    for (const { filter, ...options } of subscriptions) {
      if (sharedParts(filter) === undefined && isReserved(filter)) {
        session.own.subscribe(filter, options.qos);
        continue;
      }
      const subscription = subscriptionTo(session, filter, options, this.groups);
      const { topicFilter } = subscription;
      session.subscribed(subscription);
      await session.core
        .subscribe(topicFilter, session.reader(topicFilter))
        .catch(() => session.unsubscribed(filter));
    }
  }

  #made(clientId: string, userId: string): Session {
    return new Session(clientId, userId, this.#host, this.#limits);
  }

  #ended(session: Session): () => void {
    return () => {
      // A server that stops keeps what it has.
      if (this.#host.draining) {
        session.pendingWill?.drop();
        return session.over();
      }
      session.ended();
      const { clientId, willPublished } = session;
      if (this.#byId.get(clientId) === session) this.#forget(session);
      if (willPublished !== undefined) this.#await(clientId, willPublished);
    };
  }

  #keep(session: Session): void {
    const { clientId, userId } = session;
    if (!this.#byId.has(clientId)) this.#counts.set(userId, (this.#counts.get(userId) ?? 0) + 1);
    this.#byId.set(clientId, session);
  }

  #forget({ clientId, userId }: Session): void {
    this.#byId.delete(clientId);
    const left = (this.#counts.get(userId) ?? 0) - 1;
    if (left > 0) this.#counts.set(userId, left);
    else this.#counts.delete(userId);
  }

  #await(clientId: string, will: Promise<void>): void {
    this.#wills.set(clientId, will);
    will.then(() => {
      if (this.#wills.get(clientId) === will) this.#wills.delete(clientId);
    });
  }

  get(clientId: string): Session | undefined {
    return this.#byId.get(clientId);
  }

  /**
   * The session that a connection goes on with, or a new one; whoever was connected by this id is no more [MQTT-3.1.4-2].
   * @throws Taken where another principal has the id, TooMany, Disconnect where core does not let it.
   */
  enter(arrival: Arrival): Promise<{ readonly session: Session; readonly present: boolean }> {
    const { clientId } = arrival;
    const before = this.#turns.get(clientId) ?? Promise.resolve();
    const enter = () => this.#enter(arrival);
    const turn = before.then(enter, enter);
    this.#turns.set(clientId, turn);
    const done = () => {
      if (this.#turns.get(clientId) === turn) this.#turns.delete(clientId);
    };
    turn.then(done, done);
    return turn;
  }

  async #enter({ link, accepted, clientId, clean, resumeMs }: Arrival) {
    const before = this.#byId.get(clientId);
    if (before !== undefined && before.userId !== accepted.userId) throw new Taken();
    // [MQTT-3.1.2-6]: nor does one go on that was to end with its connection.
    const fresh = clean || before?.core.resumeMs === 0;
    if (fresh) before?.core.end(new Disconnect('REPLACED'));
    // Else it could be told after what the device says now, as another session is in no order with it.
    const will = this.#wills.get(clientId);
    if (will !== undefined) await will;
    const known = fresh ? undefined : before;
    if (known === undefined && (this.#counts.get(accepted.userId) ?? 0) >= this.#limits.maxSessionsPerUser)
      throw new TooMany();
    const session = known ?? this.#made(clientId, accepted.userId);
    const ended = this.#ended(session);
    session.core = await link.attach(accepted, { session: known?.core, device: clientId, resumeMs, ended });
    this.#keep(session);
    if (this.#store !== undefined && resumeMs > 0) session.keeping ??= new Keeping(this.#store, session);
    return { session, present: known !== undefined };
  }
}

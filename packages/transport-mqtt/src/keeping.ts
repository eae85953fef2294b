import type { Outgoing } from './in-flight.ts';
import type { Session } from './session.ts';
import type { MqttSessionStore } from './store.ts';

/** What the store is told of one session. */
export class Keeping {
  readonly #store: MqttSessionStore;
  readonly #session: Session;
  #lostAt: number | undefined;

  constructor(store: MqttSessionStore, session: Session, lostAt?: number) {
    this.#store = store;
    this.#session = session;
    this.#lostAt = lostAt;
  }

  save(): void {
    const { clientId, userId, core, subscriptions } = this.#session;
    this.#store.save({
      clientId,
      userId,
      claims: core.client.claims,
      resumeMs: core.resumeMs,
      lostAt: this.#lostAt,
      subscriptions: [...subscriptions.values()].map(({ filter, qos }) => ({ filter, qos })),
    });
  }

  /** @param at in milliseconds since 1970; undefined: its device is there. */
  lost(at: number | undefined): void {
    this.#lostAt = at;
    this.save();
  }

  add(outgoing: Outgoing): void {
    outgoing.waiting = this.#store.add(this.#session.clientId, outgoing.publication, outgoing.retained);
  }

  sent({ waiting }: Outgoing, messageId: number): void {
    if (waiting !== undefined) this.#store.sent(waiting, messageId);
  }

  done({ waiting }: Outgoing): void {
    if (waiting !== undefined) this.#store.done(waiting);
  }

  ended(rest: Iterable<Outgoing>): void {
    for (const outgoing of rest) this.done(outgoing);
    this.#store.remove(this.#session.clientId);
  }
}

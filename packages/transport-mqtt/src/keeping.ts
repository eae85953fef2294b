import type { Outgoing } from './in-flight.ts';
import type { Session } from './session.ts';
import type { MqttSessionStore, WillRecord } from './store.ts';
import type { Will } from './will.ts';

/** What the store is told of one session. */
export class Keeping {
  readonly #store: MqttSessionStore;
  readonly #session: Session;
  #lostAt: number | undefined;
  #will: Will | undefined;

  constructor(store: MqttSessionStore, session: Session, lostAt?: number, will?: Will) {
    this.#store = store;
    this.#session = session;
    this.#lostAt = lostAt;
    this.#will = will;
  }

  save(): void {
    const { clientId, userId, core, subscriptions, own, receiving } = this.#session;
    this.#store.save({
      clientId,
      userId,
      claims: core.client.claims,
      resumeMs: core.resumeMs,
      lostAt: this.#lostAt,
      subscriptions: [
        ...[...subscriptions.values()].map(({ filter, options }) => ({ filter, ...options })),
        ...[...own].map(({ filter, qos }) => ({ filter, qos })),
      ],
      published: receiving.published,
      ...(this.#will !== undefined && { will: recordOf(this.#will) }),
    });
  }

  connected(will: Will | undefined): void {
    this.#lostAt = undefined;
    this.#will = will;
    this.save();
  }

  /** @param at in milliseconds since 1970. */
  lost(at: number, will: Will | undefined): void {
    this.#lostAt = at;
    this.#will = will;
    this.save();
  }

  /** A will is published, or refused. */
  executed(will: Will): void {
    if (this.#will !== will) return;
    this.#will = undefined;
    this.save();
  }

  add(outgoing: Outgoing): void {
    const { publication, qos, retained, identifiers, group } = outgoing;
    const delivery = { qos, retained, identifiers, share: group?.filter };
    outgoing.waiting = this.#store.add(this.#session.clientId, publication, delivery);
  }

  sent({ waiting }: Outgoing, messageId: number): void {
    if (waiting !== undefined) this.#store.sent(waiting, messageId);
  }

  received({ waiting }: Outgoing): void {
    if (waiting !== undefined) this.#store.received(waiting);
  }

  done({ waiting }: Outgoing): void {
    if (waiting !== undefined) this.#store.done(waiting);
  }

  ended(rest: Iterable<Outgoing>): void {
    for (const outgoing of rest) this.done(outgoing);
    this.#store.remove(this.#session.clientId);
  }
}

function recordOf({ payload, properties, ...rest }: Will): WillRecord {
  const { correlationData, ...others } = properties;
  return {
    ...rest,
    payload: payload.toString('base64'),
    properties: {
      ...others,
      ...(correlationData !== undefined && { correlationData: correlationData.toString('base64') }),
    },
  };
}

/** @param awayMs how long its device has been away. */
export function willFrom({ payload, properties, delayMs, ...rest }: WillRecord, awayMs: number): Will {
  const { correlationData, ...others } = properties;
  return {
    ...rest,
    payload: Buffer.from(payload, 'base64'),
    properties: {
      ...others,
      ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
    },
    delayMs: Math.max(0, delayMs - awayMs),
  };
}

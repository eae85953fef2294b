import type { Awaitable, GatewayPublication } from '@callboard/core';
import type { Meta, Sender } from '@callboard/protocol';

/**
 * Where sessions are kept beyond the server's life, with what waits for them: a port. What is asked for within one turn of the event
 * loop is one transaction, and `committed` says when it is done. Only one server has a store at a time.
 */
export interface MqttSessionStore {
  /** All that is kept, of each session in the order in which it came; before all else. */
  open(): Awaitable<readonly StoredSession[]>;
  /** In the place of what was kept by this client id. */
  save(record: SessionRecord): void;
  /** Forgets a session. What waits for it is removed before. */
  remove(clientId: string): void;
  /** A publication waits for a session: kept once, however many sessions it is given to as the same object. */
  add(clientId: string, publication: GatewayPublication, retained: boolean): Waiting;
  /** It is on its way by this packet id. */
  sent(waiting: Waiting, messageId: number): void;
  /** It has arrived. */
  done(waiting: Waiting): void;
  /** Resolves when all that was asked for is committed; undefined where it is. Rejects where that failed: it is tried again. */
  committed(): Promise<void> | undefined;
  /** Commits the rest. */
  close(): Awaitable<void>;
}

/** What the store knows it by. */
export type Waiting = object;

export interface SessionRecord {
  readonly clientId: string;
  readonly userId: string;
  /** JSON values: what else they had in them is lost. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** How long it waits without a connection, in milliseconds. */
  readonly resumeMs: number;
  /** Since when it does, in milliseconds since 1970; undefined with a connection. */
  readonly lostAt: number | undefined;
  readonly subscriptions: readonly SubscriptionRecord[];
}

export interface SubscriptionRecord {
  readonly filter: string;
  readonly qos: 0 | 1;
}

export interface StoredSession {
  readonly record: SessionRecord;
  readonly waiting: readonly StoredWaiting[];
}

export interface StoredWaiting {
  readonly waiting: Waiting;
  /** The same for all sessions that it waits for. */
  readonly message: StoredMessage;
  readonly retained: boolean;
  /** Under which it was sent. */
  readonly messageId: number | undefined;
}

export interface StoredMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly from: Sender | undefined;
  readonly meta: Meta | undefined;
}

export function messageOf({ name, payload, content }: GatewayPublication): StoredMessage {
  return { topic: name, payload, from: content.from, meta: content.meta };
}

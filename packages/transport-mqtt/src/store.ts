import type { Attributes, Awaitable, GatewayPublication } from '@callboard/core';
import type { Meta, Sender } from '@callboard/protocol';
import type { Properties } from './properties.ts';
import type { SubscriptionOptions } from './subscription.ts';
import type { Will } from './will.ts';

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
  add(clientId: string, publication: GatewayPublication, delivery: StoredDelivery): Waiting;
  /** It is on its way by this packet id. */
  sent(waiting: Waiting, messageId: number): void;
  /** The device has it, and is to release the packet id: QoS 2. */
  received(waiting: Waiting): void;
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
  /** Packet ids of what it has published with QoS 2, and not released. */
  readonly published: readonly number[];
  /** What is to be published yet if its device does not come back. */
  readonly will?: WillRecord | undefined;
}

/** A JSON value: bytes are in base64. */
export interface WillRecord extends Omit<Will, 'payload' | 'properties'> {
  readonly payload: string;
  readonly properties: Omit<Properties, 'correlationData'> & { readonly correlationData?: string };
}

export interface SubscriptionRecord extends SubscriptionOptions {
  readonly filter: string;
}

/** How a session is to be given what waits for it: JSON values. */
export interface StoredDelivery {
  readonly qos: 1 | 2;
  readonly retained: boolean;
  /** Of the subscriptions that it is for. */
  readonly identifiers?: readonly number[] | undefined;
  /** The shared subscription that it is for. */
  readonly share?: string | undefined;
}

export interface StoredSession {
  readonly record: SessionRecord;
  readonly waiting: readonly StoredWaiting[];
}

export interface StoredWaiting {
  readonly waiting: Waiting;
  /** The same for all sessions that it waits for. */
  readonly message: StoredMessage;
  readonly delivery: StoredDelivery;
  /** Under which it was sent. */
  readonly messageId: number | undefined;
  /** As by `received`. */
  readonly received: boolean;
}

export interface StoredMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly from: Sender | undefined;
  readonly meta: Meta | undefined;
  /** JSON values, and Buffers. */
  readonly attributes: Attributes | undefined;
}

export function messageOf({ name, payload, content, attributes }: GatewayPublication): StoredMessage {
  return { topic: name, payload, from: content.from, meta: content.meta, attributes };
}

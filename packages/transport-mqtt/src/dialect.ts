import type { Clock, Framed, GatewayPublication } from '@callboard/core';
import type { Disconnect } from '@callboard/protocol';
import type { Packet } from 'mqtt-packet';
import type { MqttLimits } from './limits.ts';
import { Mqtt5 } from './mqtt-5.ts';
import { mqtt311 } from './mqtt-311.ts';
import type { Properties } from './properties.ts';

export type QoS = 0 | 1 | 2;

/** Why a connection is not taken. */
export type Refusal = 'version' | 'client id' | 'unavailable' | 'quota' | 'credentials' | 'not authorized';

/** How one reader is given a publication. */
export interface Delivery {
  readonly qos: QoS;
  readonly retain: boolean;
  /** Of the subscriptions that it is for. */
  readonly identifiers?: readonly number[] | undefined;
  readonly messageId?: number;
  /** Sent before. */
  readonly again?: boolean;
}

/** What a device that is let in is told. */
export interface Welcome {
  readonly sessionPresent: boolean;
  /** How long its session waits, in milliseconds. */
  readonly resumeMs: number;
  /** Where the server has made one. */
  readonly assignedClientId?: string | undefined;
  /** In seconds, where it is not what the device asked for. */
  readonly serverKeepAlive?: number | undefined;
}

export interface Incoming {
  readonly packet: Packet;
  /** None in 3.1.1. */
  readonly properties: Properties;
}

/** What the versions of the protocol say differently; undefined is what is more than the device takes. */
export interface Dialect {
  readonly version: 4 | 5;
  /** What CONNECT says beside what 3.1.1 knows. */
  readonly properties: Properties;
  /** What it says of the will. */
  readonly willProperties: Properties;
  /** Publications that may be on their way to it and are not acknowledged. */
  readonly receiveMaximum: number;
  /** @throws Disconnect where it is malformed. */
  read(bytes: Buffer): Incoming;
  accepted(welcome: Welcome): Buffer | undefined;
  refused(why: Refusal): Buffer;
  /** @param codes the QoS, or why it was refused, of each filter. */
  subscribed(messageId: number, codes: readonly number[]): Buffer | undefined;
  /** @param had of each filter. */
  unsubscribed(messageId: number, had: readonly boolean[]): Buffer | undefined;
  /** PUBACK or PUBREC. */
  published(messageId: number, qos: 1 | 2, code?: number, reason?: string): Buffer | undefined;
  pubrel(messageId: number, found: boolean): Buffer | undefined;
  pubcomp(messageId: number, found: boolean): Buffer | undefined;
  /** PUBLISH; undefined where it has expired, too. */
  publish(publication: GatewayPublication, delivery: Delivery, clock: Clock): Framed | undefined;
  /** The last word, where there is one. */
  disconnected(disconnect: Disconnect): Buffer | undefined;
}

/** The one place that knows which versions there are. @throws Violation where what it says of itself is malformed. */
export function dialectOf(version: number, connect: Buffer, limits: MqttLimits): Dialect | undefined {
  if (version === 5) return new Mqtt5(connect, limits);
  return version === 4 ? mqtt311 : undefined;
}

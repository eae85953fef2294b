import { type Clock, Framed, type GatewayPublication, type PublicationFraming } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import { generate, type Packet } from 'mqtt-packet';
import { acknowledgement } from './acknowledgement.ts';
import { Decoder } from './decoder.ts';
import type { Delivery, Dialect, Incoming, Refusal, Welcome } from './dialect.ts';
import type { MqttLimits } from './limits.ts';
import { afterHeader, assertFilters, Cursor, type Properties, readProperties } from './properties.ts';
import { publishFrame } from './publish-frame.ts';
import { readPublish } from './read-publish.ts';
import { reasonOf, reasons, Violation } from './reasons.ts';

/** Table 3-1. */
const refusalCodes: Readonly<Record<Refusal, number>> = {
  version: reasons.unsupportedVersion,
  'client id': reasons.clientIdNotValid,
  unavailable: reasons.unavailable,
  quota: reasons.quotaExceeded,
  credentials: reasons.badCredentials,
  'not authorized': reasons.notAuthorized,
};

const decoder = new Decoder(5);
const none: Properties = {};

/** The same bytes for all readers of this version. */
const qos0: PublicationFraming = {
  frame: (publication) => publishFrame(publication, { qos: 0, retain: false }),
};
const qos0Retained: PublicationFraming = {
  frame: (publication) => publishFrame(publication, { qos: 0, retain: true }),
};

/** Of CONNACK, in bytes: without properties, and with all that a server of this kind says. */
const SHORTEST_CONNACK = 5;
const LONGEST_CONNACK = 48;
/** Of what a reason says, in UTF-16 units. */
const MAX_REASON = 80;

/** MQTT 5, for one connection. */
export class Mqtt5 implements Dialect {
  readonly version = 5;
  readonly properties: Properties;
  readonly willProperties: Properties;
  readonly receiveMaximum: number;
  readonly #limits: MqttLimits;
  readonly #maxPacketBytes: number;
  /** Topics by their aliases, made with the first. */
  #aliases: Map<number, string> | undefined;

  /** @throws Violation */
  constructor(connect: Buffer, limits: MqttLimits) {
    const at = afterHeader(connect);
    // After the name, the version, the flags and the keep alive.
    const { properties, end } = readProperties(connect, at + 10, 'connect');
    if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined)
      throw new Violation('protocolError', 'authentication data without a method');
    this.properties = properties;
    this.willProperties = (connect[at + 7] as number) & WILL ? willPropertiesIn(connect, end) : none;
    this.receiveMaximum = properties.receiveMaximum ?? 65_535;
    this.#maxPacketBytes = properties.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.#limits = limits;
    if (this.#maxPacketBytes < SHORTEST_CONNACK) throw new Disconnect('FRAME_TOO_LARGE');
    if (this.#maxPacketBytes < LONGEST_CONNACK)
      throw new Violation('packetTooLarge', 'the device takes less than an answer has');
  }

  read(bytes: Buffer): Incoming {
    // [MQTT-1.5.5-1]
    const at = afterHeader(bytes);
    if (at > 2 && bytes[at - 1] === 0)
      throw new Violation('malformed', 'a length of more bytes than it needs');
    const type = (bytes[0] as number) >> 4;
    // [MQTT-3.15.1-1]
    if (type === AUTH)
      throw new Violation(
        (bytes[0] as number) & 15 ? 'malformed' : 'protocolError',
        'nothing to authenticate by',
      );
    if (type === PUBLISH) {
      const incoming = readPublish(bytes, 5);
      const { packet, properties } = incoming;
      packet.topic = this.#topic(packet.topic, properties.topicAlias);
      return incoming;
    }
    const properties = this.#properties(bytes, at);
    return { packet: decoder.decode(bytes), properties };
  }

  accepted({ sessionPresent, resumeMs, assignedClientId, serverKeepAlive }: Welcome): Buffer | undefined {
    const { maxInFlight, maxPacketBytes, maxTopicAliases } = this.#limits;
    const asked = this.properties.sessionExpiryInterval ?? 0;
    const sessionExpiryInterval = Math.floor(resumeMs / 1_000);
    return this.#bytes({
      cmd: 'connack',
      reasonCode: 0,
      sessionPresent,
      properties: {
        receiveMaximum: maxInFlight,
        maximumPacketSize: Math.min(maxPacketBytes, 0xffffffff),
        topicAliasMaximum: maxTopicAliases,
        ...(asked !== sessionExpiryInterval && { sessionExpiryInterval }),
        ...(assignedClientId !== undefined && { assignedClientIdentifier: assignedClientId }),
        ...(serverKeepAlive !== undefined && { serverKeepAlive }),
      },
    });
  }

  refused(why: Refusal): Buffer {
    return connackOf(refusalCodes[why]);
  }

  subscribed(messageId: number, codes: readonly number[]): Buffer | undefined {
    return this.#bytes({ cmd: 'suback', messageId, granted: [...codes] });
  }

  unsubscribed(messageId: number, had: readonly boolean[]): Buffer | undefined {
    const granted = had.map((each) => (each ? reasons.success : reasons.noSubscriptionExisted));
    return this.#bytes({ cmd: 'unsuback', messageId, granted });
  }

  published(messageId: number, qos: 1 | 2, reasonCode = 0, reason?: string): Buffer | undefined {
    const cmd = qos === 1 ? 'puback' : 'pubrec';
    if (reasonCode === 0) return acknowledgement(cmd, messageId);
    // [MQTT-3.1.2-29]
    const wanted = this.properties.requestProblemInformation !== 0;
    return this.#worded({ cmd, messageId, reasonCode }, wanted ? reason : undefined);
  }

  pubrel(messageId: number, found: boolean): Buffer | undefined {
    if (found) return acknowledgement('pubrel', messageId);
    return this.#bytes({ cmd: 'pubrel', messageId, reasonCode: reasons.packetIdNotFound });
  }

  pubcomp(messageId: number, found: boolean): Buffer | undefined {
    if (found) return acknowledgement('pubcomp', messageId);
    return this.#bytes({ cmd: 'pubcomp', messageId, reasonCode: reasons.packetIdNotFound });
  }

  publish(publication: GatewayPublication, delivery: Delivery, clock: Clock): Framed | undefined {
    const { expiresAt } = publication.attributes ?? {};
    const remainingMs = expiresAt === undefined ? undefined : Math.max(0, expiresAt - clock.now());
    // [MQTT-3.3.2-5]: what is on its way already goes on.
    if (remainingMs === 0 && delivery.again !== true) return undefined;
    const personal = delivery.qos > 0 || delivery.identifiers !== undefined || remainingMs !== undefined;
    const frame = personal
      ? new Framed(publishFrame(publication, delivery, remainingMs))
      : publication.framed(delivery.retain ? qos0Retained : qos0);
    // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
    return frame.bytes().length > this.#maxPacketBytes ? undefined : frame;
  }

  disconnected(disconnect: Disconnect): Buffer | undefined {
    // Words are allowed in any case (section 3.1.2.11.7).
    return this.#worded({ cmd: 'disconnect', reasonCode: reasonOf(disconnect) }, disconnect.reason);
  }

  /** [MQTT-3.1.2-24] [MQTT-3.1.2-25] */
  #bytes(packet: Packet): Buffer | undefined {
    const bytes = generate(packet, { protocolVersion: 5 });
    return bytes.length > this.#maxPacketBytes ? undefined : bytes;
  }

  /** With words where they fit [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.14.2-3]. */
  #worded(packet: Packet, reason: string | undefined): Buffer | undefined {
    const reasonString = reason?.slice(0, MAX_REASON).replaceAll('\0', '');
    const worded = reasonString && this.#bytes({ ...packet, properties: { reasonString } } as Packet);
    return worded || this.#bytes(packet);
  }

  /** [MQTT-3.3.2-7] to [MQTT-3.3.2-12] */
  #topic(topic: string, alias: number | undefined): string {
    if (alias === undefined) {
      if (topic === '') throw new Violation('protocolError', 'neither a topic nor an alias');
      return topic;
    }
    if (alias === 0 || alias > this.#limits.maxTopicAliases)
      throw new Violation('topicAliasInvalid', 'no such alias is allowed');
    if (topic !== '') {
      this.#aliases ??= new Map();
      this.#aliases.set(alias, topic);
      return topic;
    }
    const known = this.#aliases?.get(alias);
    if (known === undefined) throw new Violation('protocolError', 'an alias that stands for nothing');
    return known;
  }

  #properties(bytes: Buffer, at: number): Properties {
    const kind = (bytes[0] as number) >> 4;
    const of = kinds[kind];
    if (kind === PINGREQ && bytes.length > at) throw new Violation('malformed', 'a ping has nothing in it');
    if (of === undefined) return none;
    const cursor = new Cursor(bytes, at, bytes.length);
    if (of === 'disconnect') cursor.at += 1;
    else {
      cursor.int16();
      if (of === 'acknowledgement') cursor.at += 1;
    }
    // Both may end before them (sections 3.4.2.1 and 3.14.2.1).
    const ends = cursor.at >= bytes.length && (of === 'acknowledgement' || of === 'disconnect');
    if (ends) return none;
    const { properties, end } = readProperties(bytes, cursor.at, of);
    if ((of === 'acknowledgement' || of === 'disconnect') && end !== bytes.length)
      throw new Violation('malformed', 'more than a packet has');
    if (of === 'subscribe' || of === 'unsubscribe') assertFilters(bytes, end);
    return properties;
  }
}

/** Behind the client id. */
function willPropertiesIn(connect: Buffer, at: number): Properties {
  const cursor = new Cursor(connect, at, connect.length);
  cursor.text();
  return readProperties(connect, cursor.at, 'will').properties;
}

/** Of the flags of CONNECT. */
const WILL = 4;
const PUBLISH = 3;
const PINGREQ = 12;
const AUTH = 15;
/** By their type, what other packets with properties are called. */
const kinds: Readonly<Record<number, string>> = {
  4: 'acknowledgement',
  5: 'acknowledgement',
  6: 'acknowledgement',
  7: 'acknowledgement',
  8: 'subscribe',
  10: 'unsubscribe',
  14: 'disconnect',
};

/** CONNACK for who is refused: of the shortest form, as it may not be known what else there may be. */
export function connackOf(reasonCode: number): Buffer {
  return generate({ cmd: 'connack', reasonCode, sessionPresent: false }, { protocolVersion: 5 });
}

import { isUtf8 } from 'node:buffer';
import { Disconnect, isChannel, ReplyError } from '@callboard/protocol';
import type { IPublishPacket } from 'mqtt-packet';
import { call, type ResponsePlace } from './call.ts';
import type { Device } from './device.ts';
import { draftOf, type Message } from './draft.ts';
import { isReserved, ownTopics } from './own-topics.ts';
import type { Properties } from './properties.ts';
import { reasons, Violation } from './reasons.ts';
import type { Refused } from './receiving.ts';
import type { Session } from './session.ts';
import { isTopic } from './topics.ts';

/**
 * PUBLISH (section 3.3): acknowledged when the stream has it. What the device may not publish goes nowhere: MQTT 5 says so in the
 * acknowledgement, 3.1.1 has no other answer than that one [MQTT-3.3.5-2].
 * @throws Disconnect where it is malformed.
 */
export function publish(
  device: Device,
  session: Session,
  packet: IPublishPacket,
  properties: Properties = {},
): void {
  const { topic, qos, dup, messageId = 0 } = packet;
  if (!isTopic(topic)) throw new Violation('malformed', 'not a topic name');
  // [MQTT-3.3.1-2] [MQTT-2.2.1-3]
  if (qos === 0 ? dup : messageId === 0)
    throw new Violation(qos === 0 ? 'malformed' : 'protocolError', 'no such flags, or no packet id');
  // [MQTT-3.3.2-14]
  if (properties.responseTopic !== undefined && !isTopic(properties.responseTopic))
    throw new Violation('protocolError', 'not a response topic');
  const { receiving } = session;
  const { maxInFlight, maxQueued } = device.gate.limits;
  // [MQTT-3.3.4-7]; in 3.1.1 nobody has told the device how many it may send before it releases the first.
  const most = device.dialect.version === 5 ? maxInFlight : Math.max(maxInFlight, maxQueued);
  if (qos === 2 && !receiving.has(messageId) && receiving.size >= most)
    throw new Violation('receiveMaximumExceeded', 'more than may be on their way');
  const came: Came = { device, session, packet, place: device.begun(), refused: undefined };
  const outcome =
    qos === 2 ? once(device, session, packet, properties) : append(device, session, packet, properties);
  if (outcome instanceof Promise) later(came, outcome);
  else appended(came, outcome);
}

/** A publication that is not yet acknowledged. */
export interface Came {
  readonly device: Device;
  readonly session: Session;
  readonly packet: IPublishPacket;
  /** Among those of its connection. */
  readonly place: number;
  /** Once that is known. */
  refused: Refused;
}

function once(device: Device, session: Session, packet: IPublishPacket, properties: Properties) {
  return session.receiving.once(packet.messageId ?? 0, async () =>
    append(device, session, packet, properties),
  );
}

function later(came: Came, outcome: Promise<Refused>): void {
  outcome.then((refused) => appended(came, refused)).catch((cause: unknown) => came.device.failed(cause));
}

function appended(came: Came, refused: Refused): void {
  const { device, session, packet } = came;
  came.refused = refused;
  if (packet.qos === 2) session.keeping?.save();
  if (packet.qos === 0 || refused?.retryable === true) device.settled(came);
  else device.committed(() => device.settled(came));
}

/** Undefined when the stream has it, else why it does not. */
function append(
  device: Device,
  session: Session,
  packet: IPublishPacket,
  properties: Properties,
): Refused | Promise<Refused> {
  const { topic } = packet;
  const payload = packet.payload as Buffer;
  const { payloadFormatIndicator, correlationData } = properties;
  if (isReserved(topic)) {
    if (topic !== ownTopics.call) return new ReplyError('FORBIDDEN');
    return call(device, session, payload, placeIn(properties)).then(() => undefined);
  }
  if (payloadFormatIndicator === 1 && !isUtf8(payload))
    return new ReplyError('PAYLOAD_FORMAT_INVALID', { message: 'The payload is no UTF-8.' });
  session.heard(topic, payload, correlationData);
  try {
    const published = session.core.publish(draftOf(packet as Message, properties, device.clock));
    return published instanceof Promise ? published.then(() => undefined, refusalOf) : undefined;
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): ReplyError {
  return error instanceof ReplyError ? error : new ReplyError('INTERNAL', { cause: error });
}

/** Where it wants an answer; 3.1.1 has no such properties. */
function placeIn({
  responseTopic: topic,
  correlationData: correlation,
}: Properties): ResponsePlace | undefined {
  return topic === undefined ? undefined : { topic, correlation };
}

/** By PUBACK or PUBREC; QoS 0 needs none. */
export function acknowledge({ device, session, packet, refused }: Came): void {
  if (packet.qos !== 0) answer(device, session, packet, refused);
  device.acknowledged();
}

function answer(device: Device, session: Session, packet: IPublishPacket, refused: Refused): void {
  const { dialect } = device;
  const { topic, messageId = 0 } = packet;
  const qos = packet.qos as 1 | 2;
  if (refused === undefined) {
    const read = dialect.version === 4 || isReserved(topic) || session.core.hasReaders(topic);
    return device.answer(dialect.published(messageId, qos, read ? 0 : reasons.noMatchingSubscribers));
  }
  const code = codeOf(refused, topic);
  // It is not acknowledged: the device comes back with it.
  if (refused.retryable && (dialect.version === 4 || code !== reasons.quotaExceeded)) {
    if (qos === 2) session.receiving.released(messageId);
    return device.link.end(endFor(refused));
  }
  // In 3.1.1 it is released as any other [MQTT-4.3.3-2].
  if (qos === 2 && dialect.version === 5) session.receiving.released(messageId);
  device.send(dialect.published(messageId, qos, code, refused.message));
}

function codeOf({ code }: ReplyError, topic: string): number {
  if (code === 'FORBIDDEN' && !isChannel(topic)) return reasons.topicNameInvalid;
  return codes[code] ?? reasons.unspecified;
}

const codes: Readonly<Record<string, number>> = {
  INVALID_CHANNEL: reasons.topicNameInvalid,
  FORBIDDEN: reasons.notAuthorized,
  UNAUTHORIZED: reasons.notAuthorized,
  RATE_LIMITED: reasons.quotaExceeded,
  PAYLOAD_FORMAT_INVALID: reasons.payloadFormatInvalid,
  REFUSED: reasons.implementationSpecific,
};

function endFor({ code, retryAfterMs }: ReplyError): Disconnect {
  if (code !== 'RATE_LIMITED') return new Disconnect('INTERNAL', { reason: code });
  return new Disconnect('RATE_LIMITED', retryAfterMs === undefined ? {} : { afterMs: retryAfterMs });
}

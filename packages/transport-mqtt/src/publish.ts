import { isUtf8 } from 'node:buffer';
import { Disconnect, ReplyError } from '@callboard/protocol';
import type { IPublishPacket } from 'mqtt-packet';
import { call, type ResponsePlace } from './call.ts';
import type { Device } from './device.ts';
import { isReserved, ownTopics } from './own-topics.ts';
import type { Session } from './session.ts';
import { isTopic } from './topics.ts';

/**
 * PUBLISH (section 3.3): acknowledged when the stream has it. What the device may not publish goes nowhere, and is acknowledged
 * all the same: 3.1.1 has no other answer [MQTT-3.3.5-2].
 * @throws Disconnect where it is malformed.
 */
export function publish(device: Device, session: Session, packet: IPublishPacket, bytes: Buffer): void {
  const { topic, qos, retain, messageId } = packet;
  if (qos === 2) throw new Disconnect('MALFORMED_FRAME', { reason: 'no QoS 2 here' });
  if (!isTopic(topic) || !isUtf8(topicIn(bytes)))
    throw new Disconnect('MALFORMED_FRAME', { reason: 'not a topic name' });
  const payload = owned(packet.payload as Buffer);
  const acknowledge = () => {
    if (qos > 0) device.send(device.dialect.published(messageId as number));
    device.settled();
  };
  const failed = (error: unknown) => {
    // It is not acknowledged: the device comes back with it.
    if (qos > 0 && error instanceof ReplyError && error.retryable) return device.link.end(endFor(error));
    acknowledge();
  };
  device.begun();
  if (isReserved(topic)) {
    const asked = topic === ownTopics.call && call(device, session, payload, placeIn(packet));
    return void Promise.resolve(asked).then(acknowledge);
  }
  session.heard(topic, payload);
  session.core
    .publish({
      channel: topic,
      payload,
      atMostOnce: qos === 0,
      // An empty one is no last value [MQTT-3.3.1-10] [MQTT-3.3.1-11].
      forgetsLast: retain && payload.length === 0,
    })
    .then(() => {
      const committed = qos > 0 ? device.gate.sessions.committed() : undefined;
      if (committed === undefined) acknowledge();
      else committed.then(acknowledge, () => device.link.end(new Disconnect('INTERNAL')));
    }, failed);
}

/** Where it wants an answer; 3.1.1 has no such properties. */
function placeIn({ properties }: IPublishPacket): ResponsePlace | undefined {
  const { responseTopic: topic, correlationData: correlation } = properties ?? {};
  return topic === undefined || !isTopic(topic) ? undefined : { topic, correlation };
}

function endFor({ code, retryAfterMs }: ReplyError): Disconnect {
  if (code !== 'RATE_LIMITED') return new Disconnect('INTERNAL', { reason: code });
  return new Disconnect('RATE_LIMITED', retryAfterMs === undefined ? {} : { afterMs: retryAfterMs });
}

function topicIn(publish: Buffer): Buffer {
  let at = 1;
  while ((publish[at] as number) & 128) at++;
  const length = publish.readUInt16BE(at + 1);
  return publish.subarray(at + 3, at + 3 + length);
}

/** A last value of five bytes must not hold on to all that was read with it. */
function owned(payload: Buffer): Buffer {
  return payload.buffer.byteLength > 2 * payload.length ? Buffer.from(payload) : payload;
}

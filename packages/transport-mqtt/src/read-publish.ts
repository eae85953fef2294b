import type { IPublishPacket } from 'mqtt-packet';
import type { QoS } from './dialect.ts';
import { owned } from './owned.ts';
import { afterHeader, Cursor, type Properties, readProperties } from './properties.ts';
import { Violation } from './reasons.ts';

const none: Properties = {};

/**
 * PUBLISH (section 3.3) without mqtt-packet: it is most of what devices send, and has to be checked by its bytes in any case.
 * @throws Violation
 */
export function readPublish(
  bytes: Buffer,
  version: 4 | 5,
): { readonly packet: IPublishPacket; readonly properties: Properties } {
  const flags = bytes[0] as number;
  const qos = (flags >> 1) & 3;
  // [MQTT-3.3.1-4]
  if (qos === 3) throw new Violation('malformed', 'no such QoS');
  const cursor = new Cursor(bytes, afterHeader(bytes), bytes.length);
  const topic = cursor.text();
  const messageId = qos === 0 ? 0 : cursor.int16();
  const { properties, end } =
    version === 5 ? readProperties(bytes, cursor.at, 'publish') : { properties: none, end: cursor.at };
  const packet: IPublishPacket = {
    cmd: 'publish',
    topic,
    payload: owned(bytes.subarray(end)),
    qos: qos as QoS,
    dup: (flags & 8) !== 0,
    retain: (flags & 1) !== 0,
    messageId,
  };
  return { packet, properties };
}

import { type Clock, Framed, type GatewayPublication } from '@callboard/core';
import { Disconnect } from '@callboard/protocol';
import { generate, type PacketCmd } from 'mqtt-packet';
import { acknowledgement } from './acknowledgement.ts';
import { Decoder } from './decoder.ts';
import type { Delivery, Dialect, Refusal } from './dialect.ts';
import { framingsOf, withMessageId } from './framings.ts';
import { afterHeader, assertFilters } from './properties.ts';
import { readPublish } from './read-publish.ts';

/** Table 3.1. */
const returnCodes: Readonly<Record<Refusal, number>> = {
  version: 1,
  'client id': 2,
  unavailable: 3,
  quota: 3,
  credentials: 4,
  'not authorized': 5,
};

const decoder = new Decoder(4);
const framings = framingsOf();
const none = {};
/** The type in the first byte of what most devices send. */
const PUBLISH = 3;
/** Bytes of a packet id. */
const MESSAGE_ID = 2;
/** In bytes, of what has always the same behind its fixed header; mqtt-packet takes more. */
const lengths: Readonly<Partial<Record<PacketCmd, number>>> = {
  puback: MESSAGE_ID,
  pubrec: MESSAGE_ID,
  pubrel: MESSAGE_ID,
  pubcomp: MESSAGE_ID,
  pingreq: 0,
  disconnect: 0,
};

/** MQTT 3.1.1. */
export const mqtt311: Dialect = {
  version: 4,
  properties: none,
  willProperties: none,
  receiveMaximum: 65_535,
  read(bytes) {
    if ((bytes[0] as number) >> 4 === PUBLISH) return readPublish(bytes, 4);
    const packet = decoder.decode(bytes);
    const at = afterHeader(bytes);
    if (packet.cmd === 'subscribe' || packet.cmd === 'unsubscribe') assertFilters(bytes, at + MESSAGE_ID);
    const length = lengths[packet.cmd];
    if (length !== undefined && bytes.length - at !== length) throw new Disconnect('MALFORMED_FRAME');
    return { packet, properties: none };
  },
  accepted: ({ sessionPresent }) => connack(sessionPresent, 0),
  // [MQTT-3.2.2-4]
  refused: (why) => connack(false, returnCodes[why]),
  subscribed: (messageId, codes) =>
    generate({ cmd: 'suback', messageId, granted: codes.map((code) => Math.min(code, 0x80)) }),
  unsubscribed: (messageId) => generate({ cmd: 'unsuback', messageId, granted: [] }),
  published: (messageId, qos) => acknowledgement(qos === 1 ? 'puback' : 'pubrec', messageId),
  pubrel: (messageId) => acknowledgement('pubrel', messageId),
  pubcomp: (messageId) => acknowledgement('pubcomp', messageId),
  publish(publication: GatewayPublication, delivery: Delivery, clock: Clock) {
    const { qos, retain, messageId = 0, again = false } = delivery;
    const { expiresAt } = publication.attributes ?? {};
    if (expiresAt !== undefined && expiresAt <= clock.now() && !again) return undefined;
    if (qos === 0) return publication.framed(retain ? framings.qos0Retained : framings.qos0);
    const framed = publication.framed(retain ? framings.qos1Retained : framings.qos1).bytes();
    return new Framed(withMessageId(framed, messageId, qos, again));
  },
  // A server of this version closes without a word.
  disconnected: () => undefined,
};

/** Section 3.2. */
function connack(sessionPresent: boolean, returnCode: number): Buffer {
  return Buffer.from([0x20, 2, sessionPresent ? 1 : 0, returnCode]);
}

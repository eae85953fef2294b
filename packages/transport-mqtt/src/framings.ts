import type { GatewayPublication, PublicationFraming } from '@callboard/core';
import { generate, type IPublishPacket } from 'mqtt-packet';

/** PUBLISH in every way that 3.1.1 has; packet ids, and QoS 2, are written into copies of `qos1`. */
export interface Framings {
  readonly qos0: PublicationFraming;
  readonly qos0Retained: PublicationFraming;
  readonly qos1: PublicationFraming;
  readonly qos1Retained: PublicationFraming;
}

export function framingsOf(): Framings {
  const by = (qos: 0 | 1, retain: boolean): PublicationFraming => ({
    frame({ name, payload }: GatewayPublication) {
      const packet: IPublishPacket = {
        cmd: 'publish',
        topic: name,
        // mqtt-packet knows no other Uint8Array than this.
        payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
        qos,
        retain,
        dup: false,
        ...(qos > 0 && { messageId: 1 }),
      };
      return generate(packet);
    },
  });
  return { qos0: by(0, false), qos0Retained: by(0, true), qos1: by(1, false), qos1Retained: by(1, true) };
}

const DUP = 0x08;

/** A copy of a PUBLISH of QoS 1 with this packet id, marked where it is sent again [MQTT-3.3.1-1]. */
export function withMessageId(publish: Uint8Array, messageId: number, qos: 1 | 2, again: boolean): Buffer {
  const copy = Buffer.from(publish);
  copy[0] = (copy[0] as number) ^ ((qos ^ 1) << 1);
  let at = 1;
  while ((copy[at] as number) & 128) at++;
  const topicLength = copy.readUInt16BE(at + 1);
  copy.writeUInt16BE(messageId, at + 3 + topicLength);
  if (again) copy[0] = (copy[0] as number) | DUP;
  return copy;
}

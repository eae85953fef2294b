import {
  type Attributes,
  Framed,
  type GatewayPublication,
  type PublicationContent,
  type PublicationFraming,
} from '@callboard/core';
import type { OwnProperties } from './publish-frame.ts';
import type { StoredMessage } from './store.ts';

/** A publication that no channel delivers now. */
export class KnownPublication implements GatewayPublication {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly atMostOnce = false;
  readonly content: PublicationContent;
  readonly attributes: Attributes | undefined;
  readonly #framed = new Map<PublicationFraming, Framed>();

  private constructor({ topic, payload, attributes }: StoredMessage, content: PublicationContent) {
    this.name = topic;
    this.payload = payload;
    this.attributes = attributes;
    this.content = content;
  }

  /** What waited for a session when the server was stopped. */
  static stored(message: StoredMessage): KnownPublication {
    const { payload, from, meta } = message;
    return new KnownPublication(message, {
      data: payload,
      ...(from !== undefined && { from }),
      ...(meta !== undefined && { meta }),
    });
  }

  /**
   * What the server itself tells a device: bytes and strings as they are, all else as JSON.
   * @param properties with which devices of MQTT 5 are told it.
   */
  static own(topic: string, data: unknown, properties?: Omit<OwnProperties, 'qos'>): KnownPublication {
    const isBytes = typeof data === 'string' || data instanceof Uint8Array;
    const payload = Buffer.from(isBytes ? data : JSON.stringify(data));
    const attributes = properties && { own: { qos: 2, ...properties } };
    return new KnownPublication({ topic, payload, attributes, from: undefined, meta: undefined }, { data });
  }

  framed(framing: PublicationFraming): Framed {
    const known = this.#framed.get(framing);
    if (known !== undefined) return known;
    const frame = new Framed(framing.frame(this));
    this.#framed.set(framing, frame);
    return frame;
  }
}

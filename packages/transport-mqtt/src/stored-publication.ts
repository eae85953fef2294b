import {
  type Attributes,
  Framed,
  type GatewayPublication,
  type PublicationContent,
  type PublicationFraming,
} from '@callboard/core';
import type { StoredMessage } from './store.ts';

/** What waited for a session when the server was stopped. */
export class StoredPublication implements GatewayPublication {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly atMostOnce = false;
  readonly content: PublicationContent;
  readonly attributes: Attributes | undefined;
  #framed: { readonly by: PublicationFraming; readonly frame: Framed }[] = [];

  constructor({ topic, payload, from, meta, attributes }: StoredMessage) {
    this.name = topic;
    this.payload = payload;
    this.attributes = attributes;
    this.content = {
      data: payload,
      ...(from !== undefined && { from }),
      ...(meta !== undefined && { meta }),
    };
  }

  framed(framing: PublicationFraming): Framed {
    for (const { by, frame } of this.#framed) if (by === framing) return frame;
    const frame = new Framed(framing.frame(this));
    this.#framed.push({ by: framing, frame });
    return frame;
  }
}

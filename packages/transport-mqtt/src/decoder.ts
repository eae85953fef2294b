import { Disconnect } from '@callboard/protocol';
import { type Packet, type Parser, parser } from 'mqtt-packet';

/** Reads whole packets of one protocol version, CONNECT too; one for all connections, as it keeps nothing between two. */
export class Decoder {
  readonly #protocolVersion: 4 | 5;
  #parser: Parser;
  #packet: Packet | undefined;
  #failure: Error | undefined;

  constructor(protocolVersion: 4 | 5) {
    this.#protocolVersion = protocolVersion;
    this.#parser = this.#begin();
  }

  /** @throws Disconnect MALFORMED_FRAME */
  decode(bytes: Buffer): Packet {
    this.#packet = undefined;
    this.#failure = undefined;
    const left = this.#parse(bytes);
    const packet = this.#packet as Packet | undefined;
    // mqtt-packet's -1 is a packet id that is not there.
    if (packet !== undefined && packet.messageId !== -1 && left === 0 && this.#failure === undefined)
      return packet;
    // What others send is not to be read in the middle of this.
    this.#parser = this.#begin();
    const { message } = this.#failure ?? new Error('not a whole packet');
    throw new Disconnect('MALFORMED_FRAME', { reason: message.slice(0, 100) });
  }

  #begin(): Parser {
    const begun = parser({ protocolVersion: this.#protocolVersion });
    begun.on('packet', (packet) => {
      this.#packet = packet;
    });
    begun.on('error', (error: Error) => {
      this.#failure = error;
    });
    return begun;
  }

  #parse(bytes: Buffer): number {
    try {
      return this.#parser.parse(bytes);
    } catch (error) {
      // mqtt-packet reads beyond the end of what says too much of itself.
      this.#failure = error as Error;
      return 0;
    }
  }
}

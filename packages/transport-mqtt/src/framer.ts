import { Disconnect } from '@callboard/protocol';

const NOTHING = Buffer.alloc(0);
/** Of one packet, before they are put together. */
const MAX_CHUNKS = 256;

/** Cuts what comes into control packets: by their fixed headers alone, so that one too large is refused before it has come. */
export class Framer {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes of the next packet, once its header has come. */
  #wanted: number | undefined;

  /** @param maxBytes of a whole packet. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The first byte of what comes next, once it has come. */
  get first(): number | undefined {
    return this.#chunks[0]?.[0];
  }

  /** Nothing has come behind the last packet. */
  get empty(): boolean {
    return this.#length === 0;
  }

  append(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    // Each costs more than a byte that it may have.
    if (this.#chunks.length === MAX_CHUNKS) this.#joined();
  }

  /**
   * The next whole packet, if it has come.
   * @throws Disconnect FRAME_TOO_LARGE, or MALFORMED_FRAME where the length is none [MQTT-1.5.5].
   */
  next(): Buffer | undefined {
    this.#wanted ??= this.#header();
    if (this.#wanted === undefined || this.#length < this.#wanted) return undefined;
    const bytes = this.#joined();
    const wanted = this.#wanted;
    this.#wanted = undefined;
    this.#length -= wanted;
    if (this.#length === 0) {
      this.#chunks.length = 0;
      return bytes;
    }
    this.#chunks[0] = bytes.subarray(wanted);
    return bytes.subarray(0, wanted);
  }

  #header(): number | undefined {
    if (this.#length < 2) return undefined;
    const bytes = this.#joined();
    let length = 0;
    for (let at = 1; at <= 4; at++) {
      const digit = bytes[at];
      if (digit === undefined) return undefined;
      length += (digit & 127) * 128 ** (at - 1);
      if (digit & 128) continue;
      const whole = 1 + at + length;
      if (whole > this.#maxBytes) throw new Disconnect('FRAME_TOO_LARGE');
      return whole;
    }
    throw new Disconnect('MALFORMED_FRAME', { reason: 'a remaining length of more than four bytes' });
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#length)];
    return this.#chunks[0] ?? NOTHING;
  }
}

/** WebSocket framing (RFC 6455, section 5.2), as much as a client needs that counts what arrives. */

export const opcodes = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** A whole frame; its payload is `bytes` from `start` to `end`, valid during the call only. */
export type OnFrame = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts a byte stream from a server into frames, wherever its chunks are broken. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes the first `length` bytes of `chunk`, which may be overwritten after the call. */
  read(chunk: Buffer, length = chunk.length): void {
    let bytes = chunk;
    let available = length;
    if (this.#rest) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      available = bytes.length;
      this.#rest = undefined;
    }
    let at = 0;
    while (at + 2 <= available) {
      const short = bytes.readUInt8(at + 1) & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > available) break;
      const size =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const end = start + size;
      if (end > available) break;
      const first = bytes.readUInt8(at);
      if ((first & 0xf0) !== 0x80)
        throw new Error('A fragmented or compressed frame: the load reads neither');
      this.#onFrame(first & 0x0f, bytes, start, end);
      at = end;
    }
    if (at < available) this.#rest = Buffer.from(bytes.subarray(at, available));
  }
}

/** A client's frame: final, masked with a fresh key (section 5.3). */
export function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const size = payload.length;
  const header = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + 4 + size);
  frame[0] = 0x80 | opcode;
  if (header === 2) frame[1] = 0x80 | size;
  else if (header === 4) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  frame.writeUInt32BE(Math.floor(Math.random() * 0x1_0000_0000), header);
  for (let i = 0; i < size; i++) {
    frame[header + 4 + i] = (payload[i] ?? 0) ^ (frame[header + (i & 3)] ?? 0);
  }
  return frame;
}

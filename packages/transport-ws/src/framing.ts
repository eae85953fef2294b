import type { Framing } from '@callboard/core';

/** One final, unmasked text frame (RFC 6455, section 5.2), as a server sends it. */
export const webSocketFraming: Framing = {
  frame(text) {
    const length = Buffer.byteLength(text);
    const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const bytes = Buffer.allocUnsafe(header + length);
    bytes[0] = FIN_TEXT;
    if (header === 2) bytes[1] = length;
    else if (header === 4) {
      bytes[1] = 126;
      bytes.writeUInt16BE(length, 2);
    } else {
      bytes[1] = 127;
      bytes.writeUInt32BE(0, 2);
      bytes.writeUInt32BE(length, 6);
    }
    bytes.write(text, header);
    return bytes;
  },
};

const FIN_TEXT = 0x81;

import { assertReadable } from '@callboard/protocol';

/** How bytes of another protocol become data, and data becomes bytes. */
interface Format {
  /** @throws where the bytes are none of it. */
  decode(payload: Uint8Array): unknown;
  encode(data: unknown): Uint8Array;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

export const payloadFormats = {
  text: { decode: textOf, encode: bytesOf },
  json: {
    decode(payload) {
      const text = textOf(payload);
      assertReadable(text);
      return JSON.parse(text);
    },
    encode: (data) => (data instanceof Uint8Array ? data : Buffer.from(JSON.stringify(data))),
  },
  number: {
    decode(payload) {
      const text = textOf(payload);
      const value = Number(text);
      if (!decimal.test(text) || !Number.isFinite(value)) throw new TypeError('not a number');
      return value;
    },
    encode: bytesOf,
  },
  raw: { decode: (payload) => payload, encode: bytesOf },
} satisfies Record<string, Format>;

export type PayloadFormat = keyof typeof payloadFormats;

function textOf(payload: Uint8Array): string {
  return utf8.decode(payload);
}

/** Bytes and strings as they are, all else as JSON. */
function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
}

// In browsers and in Node.js alike; this package knows the types of neither.
declare function btoa(text: string): string;
declare function atob(text: string): string;

/** Bytes as they travel in JSON: an object with this one key, whose value is base64 (RFC 4648, section 4). */
interface EncodedBytes {
  readonly b64: string;
}

/** What is put on the wire for data: bytes, an ArrayBuffer or any view of one, as `{"b64": …}`, and all else as it is. */
export function toWire(data: unknown): unknown {
  if (data instanceof Uint8Array) return { b64: toBase64(data) };
  if (data instanceof ArrayBuffer) return toWire(new Uint8Array(data));
  // As JSON these would be objects that have lost what they were.
  if (ArrayBuffer.isView(data)) return toWire(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return data;
}

/** What a reader is given for what came over the wire: the inverse of `toWire`. */
export function fromWire(data: unknown): unknown {
  return isEncodedBytes(data) ? fromBase64(data.b64) : data;
}

/** Whether it can be data on the wire: an object with the one key `b64` is bytes, and must be. */
export function isData(data: unknown): boolean {
  return !hasOnlyB64(data) || isEncodedBytes(data);
}

function isEncodedBytes(data: unknown): data is EncodedBytes {
  return (
    hasOnlyB64(data) && typeof data.b64 === 'string' && data.b64.length % 4 === 0 && base64.test(data.b64)
  );
}
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

function hasOnlyB64(data: unknown): data is { readonly b64: unknown } {
  return typeof data === 'object' && data !== null && 'b64' in data && Object.keys(data).length === 1;
}

/** At once these many, as each is an argument. */
const CHUNK = 8_192;

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character: string) => character.charCodeAt(0));
}

/** A payload to keep: a last value of five bytes must not hold on to all that was read with it. */
export function owned(payload: Buffer): Buffer {
  return payload.buffer.byteLength > 2 * payload.length ? Buffer.from(payload) : payload;
}

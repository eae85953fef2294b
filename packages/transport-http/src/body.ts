import type { IncomingMessage } from 'node:http';

/** What became of a body: all of it, or why not; undefined where it broke off, and nobody is left to be answered. */
export type Body = Buffer | 'BODY_TOO_LARGE' | 'ENCODED_BODY' | undefined;

/**
 * Reads a body and never holds more than `maxBytes` of it. `done` is called once, perhaps at once; not at all after what
 * is returned was called, which gives up.
 */
export function readBody(request: IncomingMessage, maxBytes: number, done: (body: Body) => void): () => void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let over = false;
  const finish = (body?: Body) => {
    if (over) return;
    stop();
    done(body);
  };
  /** What is still to come flows off. */
  const stop = () => {
    over = true;
    chunks = [];
    request.off('data', onData);
    request.resume();
  };
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) return finish('BODY_TOO_LARGE');
    chunks.push(chunk);
  };
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = request.headers;
  request.on('error', () => finish());
  request.on('close', () => finish());
  if (encoding !== 'identity') finish('ENCODED_BODY');
  else if (Number(length) > maxBytes) finish('BODY_TOO_LARGE');
  else {
    request.on('data', onData);
    request.on('end', () => finish(Buffer.concat(chunks)));
  }
  return stop;
}

/** The lines of a body; empty ones do not count. */
export function* linesOf(body: Buffer): Generator<Buffer> {
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(LINE_FEED, start);
    const end = found < 0 ? body.length : found;
    if (end > start) yield body.subarray(start, end);
    start = end + 1;
  }
}

const LINE_FEED = 0x0a;

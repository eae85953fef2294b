import { isData, toWire } from './bytes.ts';
import { Disconnect } from './errors.ts';
import type { ClientFrame, HistoryPage, Meta, Position, Sender, ServerFrame } from './frames.ts';
import { clientFrame, frameLimits } from './validate.ts';

/**
 * Frame ⇄ text. A transport turns text into bytes of its own framing. A port: an implementation passes the codec
 * suite of the test kit.
 */
export interface Codec {
  /** The subprotocol that stands for it. */
  readonly name: string;
  /** @throws what JSON.stringify throws (a cycle, a BigInt). */
  encode(frame: ClientFrame | ServerFrame): string;
  /**
   * Reads what a client sent; trusts nothing.
   * @throws Disconnect (MALFORMED_FRAME), or RequestRefused where a request can be answered.
   */
  decodeClient(text: string): ClientFrame;
  /**
   * Reads what a server sent; trusts its fields, as the server's word is all a client has.
   * @throws Disconnect (MALFORMED_FRAME) where it is not a frame.
   */
  decodeServer(text: string): ServerFrame;
  /**
   * The part of a message or publication that is the same for all; made once for any number of recipients.
   * @throws TypeError where the action does not become an object, or the data no JSON, and what JSON.stringify throws.
   */
  encodeBody(body: MessageBody | PublicationBody): string;
  /** A `message` frame from its offset and its body. */
  message(offset: number, body: string): string;
  /** A `publication` frame from its place and its body; of a last value where its age is given. */
  publication(channel: string, at: Position, body: string, ageMs?: number): string;
  /** The `reply` to a `history`, from the bodies of its publications. */
  page(mid: number, entries: readonly PageEntry[], place: Omit<HistoryPage, 'publications'>): string;
}

export interface PageEntry {
  readonly offset: number;
  readonly body: string;
}

export interface MessageBody {
  readonly action: unknown;
  readonly from?: Sender;
}
/** `data` may be a Uint8Array. */
export interface PublicationBody {
  readonly data: unknown;
  readonly from?: Sender;
  readonly meta?: Meta;
  readonly version?: number;
}

export const jsonCodec: Codec = {
  name: 'callboard.v1.json',
  encode: encodeFrame,
  decodeClient: (text) => clientFrame(parse(text)),
  decodeServer: decodeServerFrame,
  encodeBody(body) {
    const { from } = body;
    if ('data' in body && !isData(body.data)) throw new TypeError('data.b64 is not base64');
    const text = JSON.stringify(
      'data' in body
        ? { data: toWire(body.data), from, meta: body.meta, version: body.version }
        : { action: body.action, from },
    );
    if (!text.startsWith('data' in body ? '{"data":' : '{"action":{'))
      throw new TypeError('an action is an object, and data a JSON value');
    return text.slice(1);
  },
  message: (offset, body) => `{"op":"message","offset":${offset},${body}`,
  publication(channel, { epoch, offset }, body, ageMs) {
    const place = `"epoch":${JSON.stringify(epoch)},"offset":${offset}`;
    const retained = ageMs === undefined ? '' : `"retained":true,"ageMs":${ageMs},`;
    return `{"op":"publication","channel":${JSON.stringify(channel)},${place},${retained}${body}`;
  },
  page(mid, entries, { position, before }) {
    const publications = entries.map(({ offset, body }) => `{"offset":${offset},${body}`).join();
    const place = JSON.stringify({ position, before }).slice(1);
    return `{"op":"reply","mid":${mid},"result":{"publications":[${publications}],${place}}`;
  },
};

/** `jsonCodec.encode`, for bundles that need no more. */
export function encodeFrame(frame: ClientFrame | ServerFrame): string {
  return JSON.stringify(frame);
}

/** `jsonCodec.decodeServer`, likewise: a client has no use for what validates the frames of clients. */
export function decodeServerFrame(text: string): ServerFrame {
  const value = parse(text, frameLimits.maxDepth + PAGE_DEPTH);
  if (typeof value !== 'object' || value === null || !('op' in value) || typeof value.op !== 'string') {
    throw new Disconnect('MALFORMED_FRAME', { reason: 'not a frame' });
  }
  return value as ServerFrame;
}

/** In a page of a history, data is within so many more objects and arrays than in the frame that it was published by. */
const PAGE_DEPTH = 3;

/**
 * Looks at the text of a frame that is to be sent as whoever reads it will: JSON.stringify knows neither depth nor keys.
 * @throws Disconnect (MALFORMED_FRAME)
 */
export function assertReadable(text: string): void {
  if (tooDeep(text, frameLimits.maxDepth) || mayPollute(text)) parse(text);
}

function parse(text: string, maxDepth: number = frameLimits.maxDepth): unknown {
  if (tooDeep(text, maxDepth)) throw new Disconnect('MALFORMED_FRAME', { reason: 'nested too deeply' });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Disconnect('MALFORMED_FRAME', { reason: 'not JSON', cause });
  }
  if (mayPollute(text) && pollutes(value)) {
    throw new Disconnect('MALFORMED_FRAME', { reason: 'a key that would pollute a prototype' });
  }
  return value;
}

/** Counts brackets outside of strings, before anything recurses into them. A short text that is JSON cannot be deep. */
function tooDeep(text: string, maxDepth: number): boolean {
  if (text.length <= 2 * maxDepth) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === BACKSLASH) i++;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if (unit === BRACE || unit === BRACKET) {
      if (++depth > maxDepth) return true;
    } else if (unit === BRACE_END || unit === BRACKET_END) depth--;
  }
  return false;
}
const [QUOTE, BACKSLASH, BRACE, BRACKET, BRACE_END, BRACKET_END] = [0x22, 0x5c, 0x7b, 0x5b, 0x7d, 0x5d];

/** A quick look that lets almost every frame skip the walk: the names themselves, or an escape that may hide them. */
function mayPollute(text: string): boolean {
  return text.includes('__proto__') || text.includes('constructor') || text.includes('\\u');
}

/** JSON.parse makes `__proto__` an own property: harmless here, not in the code that merges it somewhere. */
function pollutes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(pollutes);
  if (Object.hasOwn(value, '__proto__')) return true;
  const made: unknown = Object.hasOwn(value, 'constructor') ? value.constructor : undefined;
  if (typeof made === 'object' && made !== null && Object.hasOwn(made, 'prototype')) return true;
  return Object.values(value).some(pollutes);
}

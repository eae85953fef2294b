import { isData } from './bytes.ts';
import { Disconnect, type ErrorCode, errors, ReplyError } from './errors.ts';
import {
  type AnyAction,
  type ClientFrame,
  type Position,
  PROTOCOL_VERSION,
  type Resume,
  type UserId,
} from './frames.ts';

/** A request is refused before it ran; the connection lives. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly mid: number;
  readonly error: ReplyError;

  constructor(mid: number, error: ReplyError) {
    super(error.message);
    this.mid = mid;
    this.error = error;
  }
}

/** What one frame may hold, whatever the server's configured limits are. */
export const frameLimits = {
  /** Objects and arrays within each other. */
  maxDepth: 64,
  /** UTF-16 units of a user id, a device name or a type. */
  maxNameLength: 255,
  /** UTF-16 units of a token. */
  maxTokenLength: 16_384,
  /** Streams in one `resume`. */
  maxPositions: 1_024,
  /** Event types in one `subscribe`. */
  maxEvents: 256,
  /** Levels of a channel or filter: each is a place in a trie, which costs far more than the two bytes that make it. */
  maxLevels: 32,
  /** Names and filters in one list of channels. */
  maxChannelsNamed: 1_024,
  /** Publications in one page of a history. */
  maxHistory: 256,
} as const;

type Fields = Record<string, unknown>;
type Parse = (fields: Fields) => ClientFrame;

/**
 * Makes a frame of untrusted, parsed JSON: every field is checked, fields that are not named are dropped.
 * @throws Disconnect (MALFORMED_FRAME) where it cannot be answered, RequestRefused where a request is not well formed.
 */
export function clientFrame(value: unknown): ClientFrame {
  if (!isObject(value)) throw malformed('a frame is a JSON object');
  const { op, mid } = value;
  if (typeof op !== 'string') throw malformed('op is missing');
  const isRequest = !withoutMid.has(op);
  const answerable = isRequest && isMid(mid);
  const parse = Object.hasOwn(parsers, op) ? parsers[op as keyof typeof parsers] : undefined;
  if (parse === undefined) {
    throw answerable ? new RequestRefused(mid, new ReplyError('UNKNOWN_OP')) : malformed('unknown op');
  }
  if (isRequest && !answerable) throw malformed('mid is not a whole number above 0');
  try {
    return parse(value);
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    if (!answerable) throw malformed(error.message);
    throw new RequestRefused(mid, new ReplyError(error.code, { message: error.message }));
  }
}

/** A user id as it is kept: 44 and "44" are the same user. Undefined where it is none. */
export function userIdOf(value: unknown): string | undefined {
  if (typeof value === 'string') return isName(value) ? value : undefined;
  return Number.isSafeInteger(value) ? String(value as UserId) : undefined;
}

/** Whether `value` can be an action: an object with a `type` of 1 to 255 characters. */
export function isAction(value: unknown): value is AnyAction {
  return isObject(value) && isName(value.type);
}

/** Whether `value` names a channel: 1 to 255 bytes, no filter, and none of the reserved names. */
export function isChannel(value: unknown): value is string {
  if (typeof value === 'string' && value === lastChannel) return true;
  if (!isName(value) || !isShort(value)) return false;
  // It is a key in positions, where this one would pollute.
  if (value[0] === '$' || /[+#]/.test(value) || value === '__proto__') return false;
  lastChannel = value;
  return true;
}
/** The last one that was found to be a name: who publishes does so again. */
let lastChannel: string | undefined;
const MAX_CHANNEL_BYTES = 255;

function isShort(name: string): boolean {
  let bytes = name.length;
  let levels = 1;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === SLASH) levels++;
    // Each half of a pair counts for two.
    else if (unit >= 0x80) bytes += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return bytes <= MAX_CHANNEL_BYTES && levels <= frameLimits.maxLevels;
}
const SLASH = 0x2f;

/**
 * Whether `value` is a filter over channels (MQTT 5, section 4.7.1): at least one whole level is `+`, any one level, or the
 * last one is `#`, any number of levels.
 */
export function isFilter(value: unknown): value is string {
  if (!isName(value) || value[0] === '$' || !isShort(value)) return false;
  return /[+#]/.test(value) && !/[^/][+#]|\+[^/]|#./.test(value);
}

class Invalid extends Error {
  readonly code: ErrorCode;

  constructor(message: string, code: ErrorCode = 'INVALID_REQUEST') {
    super(message);
    this.code = code;
  }
}

const withoutMid = new Set(['connect', 'activity', 'pong']);

const parsers = {
  call: (f) => ({ op: 'call', mid: f.mid as number, ...settledOf(f), action: actionOf(f) }),
  broadcast: (f) => ({ op: 'broadcast', mid: f.mid as number, ...settledOf(f), action: actionOf(f) }),
  send: (f) => ({
    op: 'send',
    mid: f.mid as number,
    ...settledOf(f),
    action: actionOf(f),
    to: recipientsOf(f.to),
  }),
  publish: publishFrame,
  subscribe: (f) => ({
    op: 'subscribe',
    mid: f.mid as number,
    ...settledOf(f),
    ...namedIn(f),
    ...(f.positions !== undefined && { positions: positionsOf(f.positions, 'positions') }),
  }),
  unsubscribe: (f) => ({ op: 'unsubscribe', mid: f.mid as number, ...settledOf(f), ...namedIn(f) }),
  history: (f) => {
    const { limit, before } = f;
    if (limit !== undefined && !(isMid(limit) && limit <= frameLimits.maxHistory))
      throw new Invalid(`limit is not a whole number from 1 to ${frameLimits.maxHistory}`);
    return {
      op: 'history',
      mid: f.mid as number,
      ...settledOf(f),
      channel: channelOf(f.channel),
      ...(before !== undefined && { before: positionOf(before) }),
      ...(limit !== undefined && { limit }),
    };
  },
  refresh: (f) => ({ op: 'refresh', mid: f.mid as number, ...settledOf(f), token: tokenOf(f.token) }),
  connect: connectFrame,
  activity: (f) => ({ op: 'activity', state: activityOf(f.state, 'state') }),
  pong: (f) => ({ op: 'pong', ...settledOf(f) }),
} satisfies Record<ClientFrame['op'], Parse>;

function publishFrame(f: Fields): ClientFrame {
  const { data, meta, version, key, exclude } = f;
  if (data === undefined) throw new Invalid('data is missing');
  if (!isData(data)) throw new Invalid('data.b64 is not base64');
  if (meta !== undefined && !isObject(meta)) throw new Invalid('meta is not an object');
  if (version !== undefined && version !== 0 && !isMid(version))
    throw new Invalid('version is not a whole number');
  if (key !== undefined && !isName(key)) throw new Invalid('key is not a short string');
  if (exclude !== undefined && typeof exclude !== 'boolean') throw new Invalid('exclude is no boolean');
  return {
    op: 'publish',
    mid: f.mid as number,
    ...settledOf(f),
    channel: channelOf(f.channel),
    data,
    ...(meta !== undefined && { meta }),
    ...(version !== undefined && { version }),
    ...(key !== undefined && { key }),
    ...(exclude !== undefined && { exclude }),
  };
}

/**
 * A wrong user id is left out, not malformed: it is refused like a missing one, with its own code. Of another version
 * nothing but the version is looked at.
 */
function connectFrame(f: Fields): ClientFrame {
  if (!isMid(f.version)) throw new Invalid('version is not a whole number above 0');
  if (f.version !== PROTOCOL_VERSION) return { op: 'connect', version: f.version };
  if (f.device !== undefined && !isName(f.device)) throw new Invalid('device is not a short string');
  const userId = userIdOf(f.userId);
  return {
    op: 'connect',
    version: f.version,
    ...(userId !== undefined && { userId }),
    ...(f.token !== undefined && { token: tokenOf(f.token) }),
    ...(f.device !== undefined && { device: f.device }),
    ...(f.activity !== undefined && { activity: activityOf(f.activity, 'activity') }),
    ...(f.resume !== undefined && { resume: resumeOf(f.resume) }),
  };
}

function activityOf(value: unknown, field: string): 'active' | 'idle' {
  if (value !== 'active' && value !== 'idle') throw new Invalid(`${field} is neither active nor idle`);
  return value;
}

function resumeOf(value: unknown): Resume {
  if (!isObject(value)) throw new Invalid('resume is not an object');
  const { session, positions = {}, mid } = value;
  if (!isName(session)) throw new Invalid('resume.session is not a short string');
  if (mid !== undefined && mid !== 0 && !isMid(mid)) throw new Invalid('resume.mid is not a whole number');
  return {
    session,
    positions: positionsOf(positions, 'resume.positions'),
    ...(mid !== undefined && { mid }),
  };
}

function positionsOf(value: unknown, field: string): Resume['positions'] {
  if (!isObject(value)) throw new Invalid(`${field} is not an object`);
  const entries = Object.entries(value);
  if (entries.length > frameLimits.maxPositions) throw new Invalid(`${field} has too many streams`);
  return Object.fromEntries(entries.map(([stream, position]) => [stream, positionOf(position)]));
}

function positionOf(value: unknown): Position {
  if (!isObject(value) || !isName(value.epoch)) throw new Invalid('a position has no epoch');
  const { epoch, offset } = value;
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) throw new Invalid('a position has no offset');
  return { epoch, offset: offset as number };
}

function actionOf(f: Fields): AnyAction {
  if (!isAction(f.action)) throw new Invalid('action is not an object with a type of 1 to 255 characters');
  return f.action;
}

function recipientsOf(to: unknown): readonly string[] {
  const ids = Array.isArray(to) ? to : [to];
  if (ids.length === 0) throw new Invalid('to is empty');
  const unique = new Set<string>();
  for (const id of ids) {
    const userId = userIdOf(id);
    if (userId === undefined) throw new Invalid('to holds something that is no user id');
    unique.add(userId);
  }
  return [...unique];
}

/** What a client wants, or no more: events, channels, or both. */
function namedIn({ events, channels }: Fields) {
  if (events === undefined && channels === undefined)
    throw new Invalid('neither events nor channels are there');
  return {
    ...(events !== undefined && { events: eventsOf(events) }),
    ...(channels !== undefined && { channels: channelsOf(channels) }),
  };
}

function channelsOf(channels: unknown): readonly string[] {
  const { maxChannelsNamed } = frameLimits;
  if (!Array.isArray(channels) || channels.length === 0 || channels.length > maxChannelsNamed)
    throw new Invalid(`channels is not a list of 1 to ${maxChannelsNamed} channels`);
  return [...new Set(channels.map((channel) => (isFilter(channel) ? channel : channelOf(channel))))];
}

function channelOf(channel: unknown): string {
  if (isChannel(channel)) return channel;
  if (typeof channel !== 'string') throw new Invalid('a channel is a string');
  const message = isFilter(channel) ? 'A filter names no channel.' : errors.INVALID_CHANNEL.message;
  throw new Invalid(message, 'INVALID_CHANNEL');
}

function eventsOf(events: unknown): readonly string[] {
  if (
    !Array.isArray(events) ||
    events.length === 0 ||
    events.length > frameLimits.maxEvents ||
    !events.every(isName)
  ) {
    throw new Invalid(`events is not a list of 1 to ${frameLimits.maxEvents} event types`);
  }
  return events;
}

function tokenOf(token: unknown): string {
  if (typeof token !== 'string' || token.length > frameLimits.maxTokenLength)
    throw new Invalid('token is no token');
  return token;
}

function settledOf(f: Fields): { settled?: number } {
  if (f.settled === undefined) return none;
  if (f.settled !== 0 && !isMid(f.settled)) throw new Invalid('settled is not a whole number');
  return { settled: f.settled };
}
const none = {};

function isMid(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** 1 to 255 UTF-16 units of well-formed Unicode without control characters: the same in every encoding. */
function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > frameLimits.maxNameLength)
    return false;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) return false;
    if ((unit & 0xf800) !== 0xd800) continue;
    if (unit > 0xdbff || (value.charCodeAt(++i) & 0xfc00) !== 0xdc00) return false;
  }
  return true;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(reason: string): Disconnect {
  return new Disconnect('MALFORMED_FRAME', { reason });
}

import {
  type AnnouncedLimits,
  Disconnect,
  decodeServerFrame,
  isAction,
  type ServerFrame,
} from '@callboard/protocol';
import {
  type Fields,
  isDuration,
  isObject,
  isOffset,
  isPosition,
  isPublication,
  isStreams,
  isText,
} from './shapes.ts';

/**
 * What a server sent. The fields that this client builds on are checked, so that a server gone wrong costs a connection
 * and not the process; ops that are not known pass.
 * @throws Disconnect (MALFORMED_FRAME) where it is no frame.
 */
export function serverFrame(text: string): ServerFrame {
  const frame = decodeServerFrame(text);
  const check = Object.hasOwn(checks, frame.op) ? checks[frame.op] : undefined;
  if (check && !check(frame as unknown as Fields))
    throw new Disconnect('MALFORMED_FRAME', { reason: `not a whole ${frame.op} frame` });
  return frame.op === 'connected' ? { ...frame, limits: limitsIn(frame.limits) } : frame;
}

const checks: Record<ServerFrame['op'], (frame: Fields) => boolean> = {
  connected: ({ clientId, session, resumed, streams, status, events, limits, ...times }) =>
    [clientId, session, status].every(isText) &&
    typeof resumed === 'boolean' &&
    isStreams(streams) &&
    isDuration(times.pingIntervalMs) &&
    isDuration(times.pongTimeoutMs) &&
    (times.expiresAtMs === undefined || typeof times.expiresAtMs === 'number') &&
    (events === undefined || (Array.isArray(events) && events.every(isText))) &&
    isObject(limits) &&
    announced.every((name) => limits[name] === null || isDuration(limits[name])),
  reply: ({ mid, offset }) => isOffset(mid) && (offset === undefined || isOffset(offset)),
  error: ({ mid, code, message, retryable, effect, retryAfterMs }) =>
    isOffset(mid) &&
    isText(code) &&
    isText(message) &&
    typeof retryable === 'boolean' &&
    (effect === undefined || isText(effect)) &&
    (retryAfterMs === undefined || isDuration(retryAfterMs)),
  message: ({ offset, action, from }) =>
    isOffset(offset) && isAction(action) && (from === undefined || isObject(from)),
  publication: ({ channel, epoch, retained, ageMs, ...fields }) =>
    isText(channel) &&
    isText(epoch) &&
    isPublication(fields) &&
    (retained === undefined || typeof retained === 'boolean') &&
    (ageMs === undefined || isDuration(ageMs)),
  gap: ({ stream, from, to }) => isText(stream) && isPosition(from) && isPosition(to),
  unsubscribed: ({ channels, code, message, retryable }) =>
    Array.isArray(channels) && [...channels, code, message].every(isText) && typeof retryable === 'boolean',
  event: ({ event }) => isAction(event),
  ping: ({ offset }) => offset === undefined || isOffset(offset),
  disconnect: ({ code, reason, afterMs }) =>
    isOffset(code) && isText(reason) && (afterMs === undefined || isDuration(afterMs)),
};

const announced = [
  'maxFrameBytes',
  'maxFramesPerSecond',
  'maxBytesPerSecond',
  'maxPendingRequests',
  'resumeWindowMs',
  'requestTimeoutMs',
] as const satisfies (keyof AnnouncedLimits)[];

/** JSON has no Infinity: a server without a limit says null. */
function limitsIn(limits: AnnouncedLimits): AnnouncedLimits {
  const entries = Object.entries(limits).map(([name, limit]) => [name, limit ?? Number.POSITIVE_INFINITY]);
  return Object.fromEntries(entries) as AnnouncedLimits;
}

import { type AnyAction, type ClientFrame, INBOX, type ServerFrame } from '@callboard/protocol';

/** Carries what is easily lost on the way. */
const action: AnyAction = {
  type: 'SAMPLE',
  text: 'ä€😀 \u0000\n\u2028"\\',
  numbers: [0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER],
  nothing: null,
  yes: true,
  nested: { empty: {}, list: [[], [{}]], '': 'a nameless field' },
};
const position = { epoch: 'e', offset: 7 };
const from = { userId: '44', clientId: 'c-1' };

/** One of each kind that a client sends, with all fields and with none that may be left out. */
export const clientFrames: readonly ClientFrame[] = [
  { op: 'connect', version: 1 },
  {
    op: 'connect',
    version: 1,
    userId: '44',
    token: 't',
    device: 'kitchen',
    activity: 'idle',
    resume: { session: 's', positions: { [INBOX]: position }, mid: 3 },
  },
  { op: 'call', mid: 1, action: { type: 'A' } },
  { op: 'call', mid: 2, settled: 1, action },
  { op: 'broadcast', mid: 3, action },
  { op: 'send', mid: 4, action, to: ['44', '12'] },
  { op: 'subscribe', mid: 5, events: ['STATUS_CHANGE'] },
  { op: 'unsubscribe', mid: 6, settled: 0, events: ['STATUS_CHANGE', 'CLIENT_GONE'] },
  { op: 'publish', mid: 7, channel: 'a/b', data: action },
  { op: 'publish', mid: 8, settled: 7, channel: '/€//', data: null, exclude: true },
  { op: 'publish', mid: 8, channel: 'a', data: { b64: 'AAEC' }, meta: { a: [1] }, version: 3, key: 'k' },
  { op: 'history', mid: 8, channel: 'a' },
  { op: 'history', mid: 8, channel: 'a', before: position, limit: 256 },
  { op: 'subscribe', mid: 9, channels: ['a/b', 'c', 'd/+/#'], positions: { c: position } },
  { op: 'subscribe', mid: 10, events: ['STATUS_CHANGE'], channels: ['a'] },
  { op: 'unsubscribe', mid: 11, channels: ['a', 'b'] },
  { op: 'refresh', mid: Number.MAX_SAFE_INTEGER, token: 't' },
  { op: 'activity', state: 'idle' },
  { op: 'pong' },
  { op: 'pong', settled: 6 },
];

/** One of each kind that a server sends. */
export const serverFrames: readonly ServerFrame[] = [
  {
    op: 'connected',
    version: 1,
    clientId: 'c-1',
    userId: '44',
    session: 'c-1.secret',
    resumed: false,
    streams: { [INBOX]: { ...position, recovered: false } },
    status: 'ONLINE',
    pingIntervalMs: 25_000,
    pongTimeoutMs: 8_000,
    limits: {
      maxFrameBytes: 65_536,
      maxFramesPerSecond: 500,
      maxBytesPerSecond: 1_048_576,
      maxPendingRequests: 1_024,
      maxRecipients: 1_000,
      maxChannels: 500,
      maxOutboxBytes: 1_048_576,
      resumeWindowMs: 60_000,
      requestTimeoutMs: 30_000,
    },
  },
  { op: 'reply', mid: 1 },
  { op: 'reply', mid: 2, result: action, offset: 7 },
  { op: 'reply', mid: 3, result: null },
  { op: 'error', mid: 4, code: 'RATE_LIMITED', message: 'slower', retryable: true, retryAfterMs: 500 },
  { op: 'error', mid: 5, code: 'SOLD_OUT', message: 'sold out', retryable: false, effect: 'none' },
  { op: 'message', offset: 8, action },
  { op: 'message', offset: 9, action, from },
  { op: 'publication', channel: 'a/b', epoch: 'e', offset: 1, data: action },
  { op: 'publication', channel: '"\\', epoch: 'e', offset: 2, data: [null], from },
  { op: 'publication', channel: 'a', epoch: 'e', offset: 3, data: 21.5, retained: true, ageMs: 1_000 },
  {
    op: 'publication',
    channel: 'a',
    epoch: 'e',
    offset: 4,
    data: { b64: '' },
    meta: { unit: '°C' },
    version: 0,
  },
  {
    op: 'unsubscribed',
    channels: ['a', 'b/#'],
    code: 'FORBIDDEN',
    message: 'Not allowed.',
    retryable: false,
  },
  { op: 'gap', stream: INBOX, from: position, to: { epoch: 'f', offset: 0 }, reason: 'epoch' },
  { op: 'event', event: { type: 'STATUS_CHANGE', status: 'AWAY' } },
  { op: 'ping' },
  { op: 'ping', offset: 9 },
  { op: 'disconnect', code: 3000, reason: 'SERVER_SHUTDOWN', reconnect: true, afterMs: 500 },
];

export { action as sampleAction, from as sampleSender };

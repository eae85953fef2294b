/**
 * The two ways to fail (PROTOCOL.md, "Errors" and "Close codes"): a request fails and the connection lives
 * (`ReplyError`), or the connection ends (`Disconnect`). A test keeps both tables equal to PROTOCOL.md.
 */

/** Whether a request that failed may have done something. */
export type Effect = 'none' | 'perhaps';

interface ErrorEntry {
  /** Whether the same request, with the same `mid`, may succeed when it is sent again. */
  readonly retryable: boolean;
  /** Whether the request may have done something, and so whether its outcome is remembered. */
  readonly effect: Effect;
  /** What is sent when nothing more particular is known. */
  readonly message: string;
}

// biome-ignore format: a table, one row an error
export const errors = {
  INVALID_REQUEST: { retryable: false, effect: 'none', message: 'The request is not well formed.' },
  UNKNOWN_OP: { retryable: false, effect: 'none', message: 'The server does not know this op.' },
  INVALID_ACTION: { retryable: false, effect: 'none', message: 'The action does not satisfy its contract.' },
  RESERVED_TYPE: { retryable: false, effect: 'none', message: 'The type belongs to a native event.' },
  UNKNOWN_EVENT: { retryable: false, effect: 'none', message: 'There is no such native event.' },
  INVALID_CHANNEL: { retryable: false, effect: 'none', message: 'That is neither the name of a channel nor a filter.' },
  INVALID_DATA: { retryable: false, effect: 'none', message: 'The data does not satisfy the schema of its channel.' },
  UNKNOWN_POSITION: { retryable: false, effect: 'none', message: 'The channel has no such position.' },
  TOO_MANY_CHANNELS: { retryable: false, effect: 'none', message: 'The client has subscribed to too many channels.' },
  NO_HANDLER: { retryable: false, effect: 'none', message: 'No handler answers this action.' },
  HANDLER_ERROR: { retryable: false, effect: 'perhaps', message: 'The handler failed.' },
  HANDLER_TIMEOUT: { retryable: false, effect: 'perhaps', message: 'No reply in time; the outcome is unknown.' },
  FORBIDDEN: { retryable: false, effect: 'none', message: 'Not allowed.' },
  UNAUTHORIZED: { retryable: false, effect: 'none', message: 'The token was refused.' },
  REFUSED: { retryable: false, effect: 'none', message: 'A plugin refused the request.' },
  PLUGIN_ERROR: { retryable: false, effect: 'none', message: 'A plugin failed on the request.' },
  CHECK_TIMEOUT: { retryable: true, effect: 'none', message: 'A check did not answer in time; nothing was done.' },
  TOO_MANY_RECIPIENTS: { retryable: false, effect: 'none', message: 'The send names too many recipients.' },
  TOO_MANY_PENDING: { retryable: true, effect: 'none', message: 'Too many requests are waiting for their replies.' },
  RATE_LIMITED: { retryable: true, effect: 'none', message: 'Too much was sent in too short a time.' },
  OUTCOME_UNKNOWN: { retryable: false, effect: 'perhaps', message: 'Whether the request took effect is not known.' },
  APPEND_FAILED: { retryable: true, effect: 'none', message: 'The message could not be stored; nothing was sent.' },
  UNAVAILABLE: { retryable: true, effect: 'none', message: 'The server does not take requests now.' },
  INTERNAL: { retryable: false, effect: 'none', message: 'The server failed.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;

/** What an error says of the effect where it does not say it itself. */
export function effectOf(code: string, retryable: boolean): Effect {
  if (Object.hasOwn(errors, code)) return errors[code as ErrorCode].effect;
  return retryable ? 'none' : 'perhaps';
}

export interface ReplyErrorOptions {
  /** Sent to the client. Default: the catalogue's text for the code, else the code itself. */
  readonly message?: string;
  /** Default: the catalogue's for the code, else false. */
  readonly retryable?: boolean;
  /**
   * Whether the request may have done something. Default: the catalogue's for the code, else 'none' where it is
   * retryable, and otherwise 'perhaps'.
   */
  readonly effect?: Effect;
  /** When it makes sense to try again, in milliseconds from now. Default: not said. */
  readonly retryAfterMs?: number;
  /** Logged on the server, never sent. */
  readonly cause?: unknown;
}

/**
 * A request failed; the connection lives. Application code may throw one from a handler, with a code of its own:
 * unlike any other error its code and message are meant for the client and always reach it.
 */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
  readonly code: string;
  readonly retryable: boolean;
  readonly effect: Effect;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode | (string & {}), options: ReplyErrorOptions = {}) {
    const entry: ErrorEntry | undefined = Object.hasOwn(errors, code) ? errors[code as ErrorCode] : undefined;
    super(options.message ?? entry?.message ?? code, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? entry?.retryable ?? false;
    this.effect = options.effect ?? effectOf(code, this.retryable);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Close codes. The range tells a client whether to come back: 3000–3499 and 4000–4499 yes, 3500–3999 and
 * 4500–4999 no. Callboard's own are below 4000; an application closes clients with 4000 and above.
 */
export const disconnects = {
  SERVER_SHUTDOWN: 3000,
  SLOW_READER: 3001,
  STALE: 3002,
  TOKEN_EXPIRED: 3003,
  HANDSHAKE_TIMEOUT: 3004,
  VERIFY_TIMEOUT: 3005,
  VERIFY_FAILED: 3006,
  RATE_LIMITED: 3007,
  INTERNAL: 3008,
  UNAUTHORIZED: 3500,
  USER_ID_MISSING: 3501,
  MALFORMED_FRAME: 3502,
  FRAME_TOO_LARGE: 3503,
  UNSUPPORTED_VERSION: 3504,
  CONNECT_EXPECTED: 3505,
  REPLACED: 3506,
  KICKED: 3507,
} as const;

export type DisconnectReason = keyof typeof disconnects;

/** The catalogue's name for a close code, else the number as text. */
export function disconnectName(code: number): string {
  const entry = Object.entries(disconnects).find(([, each]) => each === code);
  return entry?.[0] ?? String(code);
}

/** Whether a client that was closed with `code` should come back by itself. */
export function comesBack(code: number): boolean {
  return code < 3000 ? !endings.has(code) : code % 1000 < 500;
}
/** Of WebSocket's own (RFC 6455, section 7.4.1): the normal closure, and what blames the frames of the one closed. */
const endings = new Set([1000, 1002, 1003, 1007, 1009]);

/** The connection ends, with a code and a reason that tell the client whether to come back. */
export class Disconnect extends Error {
  override readonly name = 'Disconnect';
  readonly code: number;
  /** Cut to 123 bytes of UTF-8, so that it fits a WebSocket close frame (RFC 6455, section 5.5). */
  readonly reason: string;
  readonly reconnect: boolean;
  /** Earliest time to come back, in milliseconds from now. Default: the client's own backoff. */
  readonly afterMs: number | undefined;

  constructor(
    code: DisconnectReason | number,
    options: { reason?: string; afterMs?: number; cause?: unknown } = {},
  ) {
    const reason = cut(options.reason ?? String(code));
    super(reason, { cause: options.cause });
    this.code = typeof code === 'number' ? code : disconnects[code];
    this.reason = reason;
    this.reconnect = comesBack(this.code);
    this.afterMs = options.afterMs;
  }
}

const MAX_REASON_BYTES = 123;

function cut(reason: string): string {
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason;
  let bytes = 0;
  let end = 0;
  for (const character of reason) {
    const point = character.codePointAt(0) as number;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (bytes > MAX_REASON_BYTES) break;
    end += character.length;
  }
  return reason.slice(0, end);
}

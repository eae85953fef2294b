import { type AnyAction, type Effect, ReplyError } from '@callboard/protocol';

/** What this library says by itself; all else comes from the server (PROTOCOL.md, "Errors"). */
export const clientErrors = {
  /** There is no connection, and none is on its way; or none came about in time. */
  NOT_CONNECTED: { retryable: true, effect: 'none', message: 'There is no connection.' },
  /** `maxQueued` sends wait for a connection already. */
  QUEUE_FULL: { retryable: true, effect: 'none', message: 'Too much waits to be sent.' },
  /** Larger than the server takes; it would have closed the connection. */
  FRAME_TOO_LARGE: { retryable: false, effect: 'none', message: 'It is larger than the server takes.' },
  /** It was written, and no answer came in time. */
  TIMEOUT: { retryable: true, effect: 'perhaps', message: 'No answer in time; the outcome is unknown.' },
  /** It was written, and the connection ended before the answer came. */
  CONNECTION_LOST: {
    retryable: true,
    effect: 'perhaps',
    message: 'The connection was lost before the answer came; the outcome is unknown.',
  },
} as const;

export type ClientErrorCode = keyof typeof clientErrors;

/**
 * A send failed. `error` says why; `effect` whether the action may have had its effect nevertheless.
 *
 * `retry()` sends it again and gives what the send would have given. Where the outcome is open (TIMEOUT,
 * CONNECTION_LOST, HANDLER_TIMEOUT) it asks under the same message id, so that the effect happens once; where that can no
 * longer be told it rejects with OUTCOME_UNKNOWN and sends nothing. Where the server has answered with an error, that
 * attempt is over, and the retry is a new one.
 */
export class SendError<Reply = unknown> extends Error {
  override readonly name = 'SendError';
  readonly error: ReplyError;
  readonly action: AnyAction;
  readonly effect: Effect;
  readonly retry: () => Promise<Reply>;

  constructor(error: ReplyError, action: AnyAction, effect: Effect, retry: () => Promise<Reply>) {
    super(`${error.code}: ${error.message}`, { cause: error });
    this.error = error;
    this.action = action;
    this.effect = effect;
    this.retry = retry;
  }

  get code(): string {
    return this.error.code;
  }
}

interface ErrorDetails {
  readonly message?: string;
  readonly cause?: unknown;
}

/** One of this library's own, with its text unless there is a better one. */
export function clientError(code: ClientErrorCode, details: ErrorDetails = {}): ReplyError {
  return new ReplyError(code, { ...clientErrors[code], ...details });
}

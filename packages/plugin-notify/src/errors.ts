/** Whether the same call may succeed later is `retryable`; it does no harm twice. */
const retryable = {
  /** No key, or one that is not 1 to 200 printable characters. */
  INVALID_KEY: false,
  /** No time, or none of this calendar: `at`, `in`, `expiresAt`, a lead time. */
  INVALID_TIME: false,
  /** The time has passed already. */
  PAST_TIME: false,
  /** Not an action, or one with the type of a native event. */
  INVALID_ACTION: false,
  /** Longer than `maxActionBytes` as JSON. */
  ACTION_TOO_LARGE: false,
  /** No recipients, or too many to be named. */
  INVALID_RECIPIENTS: false,
  /** A recipient is none of the application's users. */
  UNKNOWN_USER: false,
  /** No audience of this name. */
  UNKNOWN_AUDIENCE: false,
  /** There is another notification under this key. */
  DUPLICATE_KEY: false,
  /** There is no notification under this key, or it was cancelled. */
  UNKNOWN_KEY: false,
  /** The database did not do it, or not in time. */
  STORE_UNAVAILABLE: true,
} as const;

export type NotifyErrorCode = keyof typeof retryable;

/** A notification was not scheduled, moved, cancelled or read: nothing was done by halves. */
export class NotifyError extends Error {
  override readonly name = 'NotifyError';
  readonly code: NotifyErrorCode;
  readonly retryable: boolean;

  constructor(code: NotifyErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retryable = retryable[code];
  }
}

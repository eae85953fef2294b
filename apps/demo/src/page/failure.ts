import type { SendError } from '@callboard/client';

/** A send that did not succeed, in words. */
export interface Failure {
  readonly code: string;
  /** What happened, and no more than is known. */
  readonly text: string;
  /** Whether it may have taken effect nevertheless. */
  readonly open: boolean;
  /** Whether trying again is of any use. */
  readonly again: boolean;
}

/**
 * @param thing as in "The note"
 * @param words what the application's own codes mean, outcome included
 */
export function failureOf(
  { code, effect }: Pick<SendError, 'code' | 'effect'>,
  thing: string,
  words: Readonly<Record<string, string>> = {},
): Failure {
  const own = words[code];
  if (own !== undefined) return { code, text: own, open: false, again: true };
  if (code === 'OUTCOME_UNKNOWN') {
    const text = `Nobody can say any more what became of it. ${thing} may or may not have gone through: look before you ask anew.`;
    return { code, text, open: true, again: false };
  }
  const reason = reasons[code];
  if (effect === 'none')
    return { code, text: `${reason ?? 'It was refused.'} Nothing was done.`, open: false, again: true };
  const text = `${reason ?? 'It went wrong on the way.'} ${thing} may have gone through all the same. Trying again asks what became of it, and does nothing twice.`;
  return { code, text, open: true, again: true };
}

const reasons: Readonly<Record<string, string>> = {
  CONNECTION_LOST: 'The line went dead before the answer came.',
  TIMEOUT: 'No answer came in time.',
  NOT_CONNECTED: 'There was no line to send it on.',
  QUEUE_FULL: 'Too much is waiting to be sent already.',
  HANDLER_TIMEOUT: 'The box office is taking its time.',
  UNAVAILABLE: 'The box office is closing.',
  RATE_LIMITED: 'That was a little fast.',
};

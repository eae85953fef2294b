import type { Framing } from '@callboard/core';

/** One server-sent event (HTML Living Standard, section 9.2), the same in a stream and in the answer to a poll. */
export const eventFraming: Framing = {
  frame: (text) => Buffer.from(`data: ${text}\n\n`),
};

/** The last event of a connection. */
export function closeEvent(code: number, reason: string): Uint8Array {
  return Buffer.from(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
}

/** Means nothing. It shows at once whether a stream gets through, and keeps proxies from taking it for dead. */
export const COMMENT = ':\n\n';

/** Ends the answer to a poll: one without it has been cut off. */
export function endOfPoll(poll: number): Uint8Array {
  return Buffer.from(`:${poll}\n\n`);
}

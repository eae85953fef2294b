import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Refusal } from '@callboard/core';

/** PROTOCOL.md, "HTTP", "What is refused". */
export const refusals = {
  CONNECTION_MISSING: 400,
  INVALID_HEADER: 400,
  MALFORMED_BODY: 400,
  UNKNOWN_CONNECTION: 404,
  METHOD_NOT_ALLOWED: 405,
  OUT_OF_SEQUENCE: 409,
  SUPERSEDED: 409,
  STREAM_LOST: 409,
  BODY_TOO_LARGE: 413,
  ENCODED_BODY: 415,
} as const;

/** Nobody on the way may keep, change or guess at what is answered. */
export const uncached: OutgoingHttpHeaders = {
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
};

export function refuse(response: ServerResponse, refusal: keyof typeof refusals | Refusal): void {
  const { status, code } =
    typeof refusal === 'string' ? { status: refusals[refusal], code: refusal } : refusal;
  answerJson(response, status, { error: { code } }, retryAfter(status));
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...uncached,
    'content-type': 'application/json',
    'content-length': text.length,
    ...headers,
  });
  response.end(text);
}

export function answerNothing(response: ServerResponse, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(204, { ...uncached, ...headers });
  response.end();
}

function retryAfter(status: number): OutgoingHttpHeaders {
  return status === 429 || status === 503 ? { 'retry-after': '5' } : {};
}

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock, Middleware } from '@callboard/core';
import type { Bumps } from './bumps.ts';

export interface BumpRouteOptions {
  /** Each of them opens it, so that keys can be changed. */
  readonly keys: readonly string[];
  readonly maxPerSecond: number;
}

const maxBytes = 65_536;

/** `POST` with `Authorization: Bearer <key>`, and a bump as JSON or as a plain path. */
export function bumpRoute(bumps: Bumps, clock: Clock, { keys, maxPerSecond }: BumpRouteOptions): Middleware {
  const digests = keys.map(digest);
  const rate = new Rate(maxPerSecond, clock);
  return (request, response, next) => {
    const answer = (status: number, body?: object, headers: Record<string, string> = {}) => {
      // What is left of the request is not read.
      if (!request.complete) response.setHeader('connection', 'close');
      response.writeHead(status, { ...headers, 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? {}));
    };
    if (request.method !== 'POST') return answer(405, undefined, { allow: 'POST' });
    if (!isKey(request, digests)) return answer(401, undefined, { 'www-authenticate': 'Bearer' });
    const waitMs = rate.take();
    if (waitMs > 0) return answer(429, undefined, { 'retry-after': `${Math.ceil(waitMs / 1_000)}` });
    bodyOf(request).then((body) => {
      if (body === undefined) return answer(413);
      const watched = bumps.command(body);
      if (watched === undefined) return answer(400, { error: 'not a bump' });
      answer(202, { watched });
    }, next);
  };
}

/** Takes as long whatever the key is: nothing can be told from the time. */
function isKey({ headers: { authorization = '' } }: IncomingMessage, digests: readonly Buffer[]): boolean {
  const [, key = ''] = /^Bearer (.+)$/i.exec(authorization) ?? [];
  const given = digest(key);
  let is = false;
  for (const each of digests) is = timingSafeEqual(given, each) || is;
  return is;
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** So many in a second, and no more than that at once. */
class Rate {
  readonly #perMs: number;
  readonly #clock: Clock;
  #left: number;
  #at: number;

  constructor(perSecond: number, clock: Clock) {
    this.#perMs = perSecond / 1_000;
    this.#left = Math.max(1, perSecond);
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** How long to wait, in milliseconds; 0 where it is let through. */
  take(): number {
    const now = this.#clock.now();
    this.#left = Math.min(Math.max(1, 1_000 * this.#perMs), this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return (1 - this.#left) / this.#perMs;
    this.#left--;
    return 0;
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@callboard/core';
import { type Dispatcher, Pool } from 'undici';
import type { Why } from './contract.ts';
import type { Headers } from './headers.ts';
import { swells } from './page.ts';
import { pathOf, type ResourcePath } from './path.ts';
import type { Waymark } from './waymark.ts';

/** What a page is fetched with. */
export interface Asking {
  readonly path: string;
  readonly headers: Headers;
  /** Unless it still has these. */
  readonly unless: Validators | undefined;
  readonly signal: AbortSignal;
}
export interface Validators {
  readonly etag?: string;
  readonly modified?: string;
}

export interface Response {
  readonly kind: 'response';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** What the next request of the path may be made conditional by. */
  readonly validators: Validators | undefined;
}
export type Outcome =
  | Response
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'fault';
      readonly why: Why;
      readonly retryAfterMs: number | undefined;
      /** Whether the upstream itself is at fault, and not what it was asked for. */
      readonly down: boolean;
    };

export interface UpstreamOptions {
  readonly origin: string;
  readonly clock: Clock;
  readonly waymark: Waymark;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly maxRedirects: number;
  readonly concurrency: number;
  readonly dispatcher?: Dispatcher;
  /** Whether a redirect may lead there. */
  readonly isOpen: (path: ResourcePath) => boolean;
}

/** The API that pages come from: the one origin that is ever connected to. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #dispatcher: Dispatcher;
  /** Requests that were sent, redirects included. */
  requests = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    // The deadline is ours, on the server's clock: headers and body together.
    const pool = { connections: options.concurrency, headersTimeout: 0, bodyTimeout: 0 };
    this.#dispatcher = options.dispatcher ?? new Pool(options.origin, pool);
  }

  /** One page, whatever becomes of it. Never rejects. */
  async get(asking: Asking): Promise<Outcome> {
    const { clock, timeoutMs } = this.#options;
    const abort = new AbortController();
    const stop = () => abort.abort();
    asking.signal.addEventListener('abort', stop);
    let late = false;
    const deadline = clock.setTimeout(() => {
      late = true;
      stop();
    }, timeoutMs);
    try {
      return await this.#follow({ ...asking, signal: abort.signal });
    } catch {
      // What undici says may have a header in it.
      return fault(late ? 'TIMEOUT' : 'UNREACHABLE');
    } finally {
      clock.clearTimeout(deadline);
      asking.signal.removeEventListener('abort', stop);
    }
  }

  close(): Promise<void> {
    // An application's own is the application's to close.
    return this.#options.dispatcher === undefined ? this.#dispatcher.destroy() : Promise.resolve();
  }

  async #follow(asking: Asking): Promise<Outcome> {
    const { maxRedirects } = this.#options;
    let outcome = await this.#request(asking);
    for (let { path } = asking, redirects = 0; outcome.kind === 'response'; redirects++) {
      const target = this.#target(outcome, path);
      if (target === undefined || redirects === maxRedirects) break;
      path = target;
      outcome = await this.#request({ ...asking, path, unless: undefined });
      // An ETag speaks of one resource, and another may have the same: what came from elsewhere says nothing of this one.
      if (outcome.kind === 'response') outcome = { ...outcome, validators: undefined };
    }
    return outcome;
  }

  async #request({ path, headers, unless, signal }: Asking): Promise<Outcome> {
    const { origin, clock, waymark, maxBodyBytes } = this.#options;
    this.requests++;
    const response = await this.#dispatcher.request({
      origin,
      path,
      method: 'GET',
      signal,
      headers: {
        ...Object.fromEntries(headers),
        [waymark.name]: waymark.for(path, clock.now()),
        ...(unless?.etag !== undefined && { 'if-none-match': unless.etag }),
        ...(unless?.modified !== undefined && { 'if-modified-since': unless.modified }),
      },
    });
    const { statusCode: status, headers: given, body } = response;
    if (isFault(status)) {
      await discard(body);
      return fault(`HTTP_${status}`, status !== 429, retryAfterMs(given['retry-after'], clock.now()));
    }
    if (status === 304) {
      await discard(body);
      return unless === undefined ? fault('BROKEN') : { kind: 'unchanged' };
    }
    const bytes = await read(body, maxBodyBytes);
    if (bytes === undefined) return fault('TOO_LARGE', false);
    const validators = validatorsOf(given);
    const page: Response = { kind: 'response', status, headers: given, body: bytes, validators };
    // It would be more than a connection may have waiting, and end each that it is sent by.
    return swells(page, maxBodyBytes) ? fault('TOO_LARGE', false) : page;
  }

  /** Where a response leads, if that is a place to go: on this origin, and open to clients. */
  #target({ status, headers: { location } }: Response, from: string): string | undefined {
    if (!redirects.has(status) || location === undefined) return undefined;
    const { origin, isOpen } = this.#options;
    const base = `${origin}${from}`;
    const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
    if (url?.origin !== origin || url.username !== '' || url.password !== '') return undefined;
    const target = pathOf(`${url.pathname}${url.search}`);
    return target !== undefined && isOpen(target) ? target.path : undefined;
  }
}

const redirects = new Set([301, 302, 303, 307, 308]);

/** A try later may be answered otherwise. */
const isFault = (status: number) => status >= 500 || status === 429 || status === 408 || status === 425;

export function fault(why: Why, down = true, after?: number): Outcome {
  return { kind: 'fault', why, down, retryAfterMs: after };
}

type Body = Dispatcher.ResponseData['body'];

/** Of what is left little is read, and within the request's time: else the connection is closed. */
async function discard(body: Body): Promise<void> {
  await body.dump({ limit: 16_384 }).catch(() => {});
}

async function read(body: Body, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,9}$/.test(header)) return 1_000 * Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** A time alone says nothing of what changed within its second, so it counts where that was over when the response was made. */
function validatorsOf({
  etag,
  'last-modified': modified,
  date,
}: Readonly<Record<string, unknown>>): Validators | undefined {
  if (isShort(etag)) return { etag };
  if (!isShort(modified) || typeof date !== 'string') return undefined;
  // RFC 9110, section 8.8.2.2.
  return Date.parse(date) - Date.parse(modified) >= SETTLED_MS ? { modified } : undefined;
}
const SETTLED_MS = 60_000;
/** What came twice is a list. */
const isShort = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= 512 && /^[\x20-\x7e]+$/.test(text);

import type { Awaitable, ChannelRequest, Client } from '@callboard/core';
import type { Dispatcher } from 'undici';
import { requestHeaders, responseHeaders } from './headers.ts';
import { PathPattern } from './path.ts';
import { Waymark, type WaymarkOptions } from './waymark.ts';

/** Who asks to watch what. */
export interface WatchRequest {
  readonly client: Client;
  /** With its query, in one spelling. */
  readonly path: string;
}

export interface RefetchOptions {
  /** The API's origin, `http://127.0.0.1:8080` for one: nothing else is ever connected to. */
  readonly upstream: string;
  /** What may be watched: `/users/*` (one segment), `/public/**` (all below). Default: nothing. */
  readonly paths: readonly string[];
  /** Asked besides. A ReplyError that it throws is the client's answer. Default: all of `paths`. */
  readonly canWatch?: (request: WatchRequest) => Awaitable<boolean>;
  /** Of a watch, those that the API is sent. Default: `accept`, `accept-language`. */
  readonly requestHeaders?: readonly string[];
  /** Of a response, those that watchers are told. Default: `content-type`, `content-language`, `etag`, `last-modified`, `link`. */
  readonly responseHeaders?: readonly string[];
  /** How the API is shown a token. Where it throws, or gives no header, the watch is stale. Default: `Authorization: Bearer <token>`. */
  readonly authorization?: (token: string) => readonly [name: string, value: string];
  /** Default: `X-Waymark: 1`, not signed. */
  readonly waymark?: WaymarkOptions;
  /** Opens `POST /refetch/bump` to whoever has it: at least 16 characters; several while they are being changed. Default: nobody. */
  readonly bumpKey?: string | readonly string[];
  /** Bumps by HTTP, and by each client on `refetch/bump`, per second. Default 1,000. */
  readonly maxBumpsPerSecond?: number;
  /** Which clients and devices may bump by publishing into the channel `refetch/bump`. Default: none. */
  readonly canBump?: (request: ChannelRequest) => Awaitable<boolean>;
  /** How long bumps are gathered into one request, in milliseconds. Default 25. */
  readonly windowMs?: number;
  /** For a response, redirects and body included, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Of a body. Of what JSON makes of it twice that, which has to fit what may wait for a slow reader (`limits.maxOutboxBytes`). Default 262,144. */
  readonly maxBodyBytes?: number;
  /** Followed where they stay on the origin and within `paths`. Default 3. */
  readonly maxRedirects?: number;
  /** Requests that run at a time, for one user half of them at most. Default 32. */
  readonly concurrency?: number;
  /** Failures in a row after which the upstream is left alone. Default 5. */
  readonly circuitFailures?: number;
  /** For so long, in milliseconds. Default 5,000. */
  readonly circuitRestMs?: number;
  /** Of one client. Default 100. */
  readonly maxWatches?: number;
  /** For a client to bring another token, in milliseconds. Default 60,000. */
  readonly tokenWaitMs?: number;
  /** After which a client is asked for its token again, in milliseconds; a JWT's end is sooner where it is. Default 3,600,000. */
  readonly tokenTtlMs?: number;
  /** Where the names of channels begin. Default `refetch`. */
  readonly channel?: string;
  /** Another way to the upstream: undici's, with certificates or a Unix socket. It is not closed. Default: a pool of keep-alive connections. */
  readonly dispatcher?: Dispatcher;
  /** From 0 to below 1, for the jitter of repeated requests; for tests. */
  readonly random?: () => number;
}

const defaults = {
  maxBumpsPerSecond: 1_000,
  windowMs: 25,
  timeoutMs: 10_000,
  maxBodyBytes: 262_144,
  maxRedirects: 3,
  concurrency: 32,
  circuitFailures: 5,
  circuitRestMs: 5_000,
  maxWatches: 100,
  tokenWaitMs: 60_000,
  tokenTtlMs: 3_600_000,
} as const;
const mayBeZero: readonly string[] = ['windowMs', 'maxRedirects'];

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The options, checked, with defaults. */
export type Settings = Omit<
  RefetchOptions,
  keyof typeof defaults | 'requestHeaders' | 'responseHeaders' | 'paths' | 'waymark'
> &
  Record<keyof typeof defaults, number> & {
    readonly origin: string;
    readonly paths: readonly PathPattern[];
    readonly requestHeaders: ReturnType<typeof requestHeaders>;
    readonly responseHeaders: ReturnType<typeof responseHeaders>;
    readonly waymark: Waymark;
    readonly keys: readonly string[];
  };

/** @throws TypeError, RangeError: see `refetch`. */
export function settingsOf(options: RefetchOptions): Settings {
  const numbers = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const given = options[name as keyof typeof defaults] ?? value;
      if (!(given >= (mayBeZero.includes(name) ? 0 : 1) && given <= LONGEST_TIMER_MS))
        throw new RangeError(`${name} is a number above 0, and no longer than a timer can be`);
      return [name, given];
    }),
  ) as Record<keyof typeof defaults, number>;
  const waymark = new Waymark(options.waymark);
  const keys = typeof options.bumpKey === 'string' ? [options.bumpKey] : (options.bumpKey ?? []);
  if (keys.some((key) => key.length < 16)) throw new RangeError('a bumpKey has at least 16 characters');
  const { requestHeaders: toApi = sentToApi, responseHeaders: toWatchers = told } = options;
  return {
    ...options,
    ...numbers,
    origin: originOf(options.upstream),
    paths: options.paths.map((path) => new PathPattern(path)),
    requestHeaders: requestHeaders(toApi, [waymark.name]),
    responseHeaders: responseHeaders(toWatchers),
    waymark,
    keys,
  };
}

const sentToApi = ['accept', 'accept-language'];
const told = ['content-type', 'content-language', 'etag', 'last-modified', 'link'];

function originOf(upstream: string): string {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  const isOrigin = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (!isOrigin || url.href !== `${url.origin}/`)
    throw new TypeError(`the upstream is an origin, without path or password: ${upstream}`);
  return url.origin;
}

import { type Contract, type UserId, userIdOf } from '@callboard/protocol';
import type { Awaitable, Inspect, Logger, Timers } from '@callboard/runtime';
import type { ClientPlugin } from './plugin.ts';
import type { ClientTransport } from './transport.ts';

export interface ClientOptions<
  C extends Contract = Contract,
  P extends readonly ClientPlugin[] = readonly [],
> {
  /**
   * Where the server is: `ws://localhost:4001`, `https://app.example`, or a path on the page's own. Without a path:
   * `/callboard`. Default: the page's own server.
   */
  readonly endPoint?: string;
  /** 44 and "44" are the same user. */
  readonly userId: UserId;
  /**
   * What proves it. A function is asked before each connection, and shortly before the last one expires: a client with
   * a function stays connected for as long as it gives valid tokens. What it throws counts as a failed attempt. A client
   * with a text is closed when that has expired, until `refresh` brings another one.
   */
  readonly token?: string | (() => Awaitable<string | undefined>);
  /** What the application calls this client: `kitchen tablet`. */
  readonly device?: string;
  /** Only its type is looked at: `{} as typeof contract` keeps the schemas out of the bundle. */
  readonly contract?: C;
  readonly plugins?: P;
  /** How long a send may take, queueing included, in milliseconds. Default 35,000: a little longer than the server's own. */
  readonly timeoutMs?: number;
  /** Sends that wait for a connection; one more rejects with QUEUE_FULL. Default 10,000. */
  readonly maxQueued?: number;
  /**
   * What becomes of a send whose connection is lost before the answer. False: it rejects with CONNECTION_LOST at once,
   * and `retry()` asks what became of it. True: that is asked by itself, as soon as the client is back, within the
   * send's time-out. Default false.
   */
  readonly resend?: boolean;
  /** The first wait before coming back is a random time of up to `minMs`; the bound doubles up to `maxMs`. Default 500, 20,000. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger;
  /** Gets XState's inspection events: the Stately inspector's `inspector.inspect`, say. */
  readonly inspect?: Inspect;
  /** Default: WebSocket, or HTTP where that does not open. */
  readonly transport?: ClientTransport;
  /** For tests. */
  readonly timers?: Timers;
  /** From 0 to below 1, for the jitter; for tests. */
  readonly random?: () => number;
}

export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(`callboard: ${message}`, fields ?? ''),
  error: (message, fields) => console.error(`callboard: ${message}`, fields ?? ''),
};

export const systemTimers: Timers = {
  now: () => Date.now(),
  setTimeout: (task, ms) => setTimeout(task, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** @throws TypeError where it is no address of a server. */
export function urlOf(endPoint = ''): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  let url: URL;
  try {
    url = new URL(endPoint, location?.href.replace(/^(about|data|blob):.*$/, '') || undefined);
  } catch (cause) {
    throw new TypeError(`endPoint is no address: ${endPoint}`, { cause });
  }
  if (!/^(https?|wss?):$/.test(url.protocol))
    throw new TypeError(`endPoint is no ws:// or http:// address: ${endPoint}`);
  url.protocol = url.protocol.replace('http', 'ws');
  if (endPoint === '' || url.pathname === '/') url.pathname = '/callboard';
  if (endPoint === '') url.search = '';
  url.hash = '';
  return url.href;
}

/** @throws TypeError where it is none. */
export function userIdIn(userId: unknown): string {
  const id = userIdOf(userId);
  if (id === undefined) throw new TypeError('userId is a whole number, or text of 1 to 255 characters');
  return id;
}

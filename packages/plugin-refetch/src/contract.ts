import { type AnyAction, ReplyError } from '@callboard/protocol';

/** What the server half and the client half say to each other: actions, their replies, and what the channel of a page carries. */

/**
 * From a client: tell me when `path` changes. Answered with `Watching`. `watch` is a number of the client's own for it, another one
 * each time, so that it can end what it has no answer to.
 */
export interface AskWatch {
  readonly type: 'REFETCH_WATCH';
  readonly watch: number;
  readonly path: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** Bumps from now on are seen; what comes of them is published in `channel`, with a `seq` above this one. */
export interface Watching {
  readonly channel: string;
  readonly seq: number;
}
/**
 * From a client: where does the page stand? Answered with what was `Told`: 'fresh' where that is what the client knows already, by
 * its `tag`, its place, or the validators of the one it has.
 */
export interface AskPage extends Known {
  readonly type: 'REFETCH_PAGE';
  readonly watch: number;
}
export interface Known {
  readonly tag?: string;
  readonly seq?: number;
  readonly etag?: string;
  readonly modified?: string;
}
/** From a client that was told `token`. Answered with `Watching`. */
export interface AskToken {
  readonly type: 'REFETCH_TOKEN';
  readonly watch: number;
  readonly token: string;
}
export interface AskUnwatch {
  readonly type: 'REFETCH_UNWATCH';
  readonly watch: number;
}

/** Why a page was fetched. */
export type Reason = 'bump' | 'revalidated';
/** Why what a watcher has may be old. */
export type Why = 'UNREACHABLE' | 'TIMEOUT' | 'TOO_LARGE' | 'BROKEN' | `HTTP_${number}`;

export interface WirePage extends InOrder {
  readonly kind: 'page';
  /** Equal where status, kind and bytes of the body are. */
  readonly tag: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether `body` is base64 of bytes that are no text. */
  readonly base64?: true;
  readonly version?: number;
  readonly reason: Reason;
  readonly etag?: string;
  readonly modified?: string;
  /** It is the last one. */
  readonly ends?: true;
}
export type Told = InOrder &
  (
    | WirePage
    | { readonly kind: 'stale'; readonly why: Why }
    | { readonly kind: 'fresh' }
    | { readonly kind: 'token'; readonly why: 'refused' | 'expired' }
    | { readonly kind: 'end'; readonly code: string }
  );
interface InOrder {
  /** Grows with all that is told: what was kept for a lost connection, or is of an earlier cell of this name, may come after what is newer. */
  readonly seq: number;
}

export const limits = { token: 8_192, headers: 32, headerBytes: 8_192, validator: 512 } as const;

/** @throws ReplyError INVALID_ACTION */
export function askWatch({ watch, path, token, headers = {} }: AnyAction): Omit<AskWatch, 'type'> {
  const isAsked = isId(watch) && typeof path === 'string';
  if (!isAsked || !(token === undefined || isToken(token)) || !areHeaders(headers)) refuse();
  return { watch, path, headers, ...(token !== undefined && { token }) };
}

/** @throws ReplyError INVALID_ACTION */
export function askPage({ watch, tag, seq, etag, modified }: AnyAction): Omit<AskPage, 'type'> {
  const texts = [tag, etag, modified];
  if (!isId(watch) || !(seq === undefined || isId(seq)) || !texts.every(isValidator)) refuse();
  return { watch, tag, seq, etag, modified } as Omit<AskPage, 'type'>;
}

/** @throws ReplyError INVALID_ACTION */
export function askToken({ watch, token }: AnyAction): Omit<AskToken, 'type'> {
  if (!isId(watch) || !isToken(token)) refuse();
  return { watch, token };
}

/** @throws ReplyError INVALID_ACTION */
export function askUnwatch({ watch }: AnyAction): Omit<AskUnwatch, 'type'> {
  if (!isId(watch)) refuse();
  return { watch };
}

/** What the server told, where it is that: a page may be older than its server. */
export function toldOf(value: unknown): Told | undefined {
  const told = (value ?? {}) as Told;
  if (!isId(told.seq)) return undefined;
  switch (told.kind) {
    case 'page': {
      const { tag, status, headers, body }: Partial<WirePage> = told;
      const isPage = typeof tag === 'string' && isId(status) && typeof body === 'string';
      return isPage && typeof headers === 'object' && headers !== null ? told : undefined;
    }
    case 'stale':
    case 'fresh':
    case 'token':
      return told;
    case 'end':
      return typeof told.code === 'string' ? told : undefined;
    default:
      return undefined;
  }
}

export function isWatching(value: unknown): value is Watching {
  const { channel, seq } = (value ?? {}) as Partial<Watching>;
  return typeof channel === 'string' && isId(seq);
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isToken = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= limits.token && /^[\x21-\x7e]+$/.test(value);
const isValidator = (value: unknown) =>
  value === undefined ||
  (typeof value === 'string' && value.length <= limits.validator && /^[\x20-\x7e]+$/.test(value));

function areHeaders(headers: unknown): headers is Record<string, string> {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return false;
  const entries = Object.entries(headers);
  let bytes = 0;
  for (const [name, value] of entries) {
    if (!isHeader(name, value)) return false;
    bytes += name.length + value.length;
  }
  return entries.length <= limits.headers && bytes <= limits.headerBytes;
}

export function isHeader(name: string, value: unknown): value is string {
  const isName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name);
  return isName && typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value);
}

function refuse(): never {
  throw new ReplyError('INVALID_ACTION');
}

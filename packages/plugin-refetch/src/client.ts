import { type Awaitable, type ClientPlugin, defineClientPlugin, type Unsubscribe } from '@callboard/client';
import type { Observable } from 'rxjs';
import { ClientWatches } from './client-watches.ts';

export interface Page {
  readonly status: number;
  /** Those that the server lets through, by names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** What JSON holds where the content type says so and it is some; else text, or the bytes of what is no UTF-8. */
  readonly body: unknown;
  /** The highest that a bump has named before this was fetched, if any has. */
  readonly version: number | undefined;
  /** `first`; `bump`: something changed; `revalidated`: after bumps may have been missed. */
  readonly reason: 'first' | 'bump' | 'revalidated';
}

/**
 * `opening` until the server has acknowledged it; `live`; `stale`: something has changed, or may have, and the API does not answer, which
 * `why` says; `ended`, for good.
 */
export type WatchState =
  | { readonly state: 'opening' | 'live' }
  | { readonly state: 'stale'; readonly why: string }
  /** `HTTP_404` and the like by the API, UNAUTHORIZED where no good token came, UNWATCHED, CLOSED, or what the server refused it with. */
  | { readonly state: 'ended'; readonly code: string };

/** A token, or what gives one: asked for the first request, and where the API does not take the last one. */
export type TokenSource = string | (() => Awaitable<string | undefined>);

export interface WatchOptions {
  /** What the API is shown. Default: that of `refetchClient`, else none. */
  readonly token?: TokenSource;
  /** The API is sent those of them that the server lets through. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the page is wanted now, too. Default true; else only what becomes of it. */
  readonly first?: boolean;
}

/** A resource that is watched. */
export interface Watch {
  readonly path: string;
  /** The newest page, if there is one. */
  readonly page: Page | undefined;
  readonly state: WatchState;
  /** The newest page and every later one, in order; completes when the watch has ended. */
  readonly pages$: Observable<Page>;
  /** The state, beginning with the present one; completes when it is `ended`. */
  readonly state$: Observable<WatchState>;
  /** The same as `pages$`. A callback that throws is unsubscribed, with a line in the log. */
  subscribe(callback: (page: Page) => void): Unsubscribe;
  /**
   * Resolves when every bump from then on is certain to be seen, whatever becomes of the connection.
   * @throws Error with a `code` where it ends before that.
   */
  acknowledged(): Promise<void>;
  /** Ends it. Nothing comes any more; the server forgets the token. */
  unwatch(): void;
}

/** `client.refetch`. */
export interface ClientRefetch {
  /** Tells of a resource of the API, `/users/1` for one, now and whenever it changes. */
  watch(path: string, options?: WatchOptions, callback?: (page: Page) => void): Watch;
}

export interface RefetchClientOptions {
  /** For watches that have none of their own. */
  readonly token?: TokenSource;
}

/** The client's half: `createClient({ plugins: [refetchClient()] })`. */
export function refetchClient(options: RefetchClientOptions = {}): ClientPlugin<'refetch', ClientRefetch> {
  return defineClientPlugin({
    name: 'refetch',
    setup: (context): ClientRefetch => new ClientWatches(context, options),
  });
}

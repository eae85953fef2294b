/** Which page an address is of. */
export type Route =
  | { readonly page: 'bill' }
  | { readonly page: 'show'; readonly show: string }
  | { readonly page: 'corner' }
  | { readonly page: 'card' }
  | { readonly page: 'callboard' }
  | { readonly page: 'post' }
  | { readonly page: 'event'; readonly event: string };

export const billPath = '/';
export const cornerPath = '/corner';
/** The user's own. */
export const cardPath = '/card';
/** Callboard itself is at /callboard. */
export const callboardPath = '/board';
export const postPath = '/board/new';
export const eventPath = (event: string): string => `${callboardPath}/${event}`;
export const showPath = (show: string): string => `/shows/${show}`;

/** A show that is none is the page's to tell. */
export function routeOf(path: string): Route {
  if (path === cornerPath || path === `${cornerPath}/`) return { page: 'corner' };
  if (path === cardPath || path === `${cardPath}/`) return { page: 'card' };
  const [, callboard, event] = /^\/(board)(?:\/([^/]+))?\/?$/.exec(path) ?? [];
  if (event === 'new') return { page: 'post' };
  if (event !== undefined) return { page: 'event', event };
  if (callboard !== undefined) return { page: 'callboard' };
  const [, show] = /^\/shows\/([^/]+)\/?$/.exec(path) ?? [];
  return show === undefined ? { page: 'bill' } : { page: 'show', show };
}

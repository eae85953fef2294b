/** Which page an address is of. */
export type Route = { readonly page: 'bill' } | { readonly page: 'show'; readonly show: string };

export const billPath = '/';
export const showPath = (show: string): string => `/shows/${show}`;

/** A show that is none is the page's to tell. */
export function routeOf(path: string): Route {
  const [, show] = /^\/shows\/([^/]+)\/?$/.exec(path) ?? [];
  return show === undefined ? { page: 'bill' } : { page: 'show', show };
}

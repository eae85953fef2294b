/** Which page an address is of. */
export type Route =
  | { readonly page: 'bill' }
  | { readonly page: 'show'; readonly show: string }
  | { readonly page: 'corner' };

export const billPath = '/';
export const cornerPath = '/corner';
export const showPath = (show: string): string => `/shows/${show}`;

/** A show that is none is the page's to tell. */
export function routeOf(path: string): Route {
  if (path === cornerPath || path === `${cornerPath}/`) return { page: 'corner' };
  const [, show] = /^\/shows\/([^/]+)\/?$/.exec(path) ?? [];
  return show === undefined ? { page: 'bill' } : { page: 'show', show };
}

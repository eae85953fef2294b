import { type Route, routeOf } from './route.ts';
import { Store } from './store.ts';

export interface Place {
  readonly route: Route;
  /** Where one was, for who went back or forward. */
  readonly backFrom?: Route;
}

/** Where this tab is: the address, as a value that tells when it is another one. */
class Router extends Store<Place> {
  constructor() {
    super({ route: routeOf(location.pathname) });
    addEventListener('popstate', () =>
      this.set({ route: routeOf(location.pathname), backFrom: this.get().route }),
    );
  }

  go(path: string): void {
    if (path === location.pathname) return;
    history.pushState(null, '', path);
    this.set({ route: routeOf(path) });
    scrollTo(0, 0);
  }
}

export const router = new Router();

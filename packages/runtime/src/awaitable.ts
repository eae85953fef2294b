/** What is there at once, or later. Ports answer so, and in memory nothing waits for a promise. */
export type Awaitable<T> = T | PromiseLike<T>;

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Goes on with `use` at once where the value is there, else when it is. What is thrown on the way, now or later, goes
 * to `fail`.
 */
export function whenReady<T>(
  value: () => Awaitable<T>,
  use: (value: T) => void,
  fail: (error: unknown) => void,
) {
  try {
    const ready = value();
    if (isPromise(ready)) ready.then(use).then(undefined, fail);
    else use(ready);
  } catch (error) {
    fail(error);
  }
}

import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';
import type { Logger } from './logger.ts';

/**
 * An Observable of the server's that application code subscribes to. RxJS ends the process when an observer throws,
 * or an error meets no observer for it; here, and in everything piped from here, that ends the subscription with a
 * line in the log. (What is made with a creation function such as `merge` is a plain Observable again.)
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #logger: Logger;

  constructor(source: Observable<unknown>, logger: Logger, operator?: Operator<unknown, T>) {
    super();
    this.source = source;
    this.operator = operator as Operator<unknown, T> | undefined;
    this.#logger = logger;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    return new GuardedObservable<R>(this, this.#logger, operator as Operator<unknown, R> | undefined);
  }

  override subscribe(observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null): Subscription;
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    first?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // The links between operators, which handle errors themselves.
    if (first instanceof Subscriber) return super.subscribe(first as Subscriber<T>);
    const observer: Partial<Observer<T>> =
      typeof first === 'function' || first == null
        ? { next: first ?? undefined, error: error ?? undefined, complete: complete ?? undefined }
        : first;
    const report = (cause: unknown) => this.#logger.error('an observer failed', { cause });
    let subscription: Subscription | undefined;
    let failed = false;
    subscription = super.subscribe({
      next: (value) => {
        if (failed) return;
        try {
          observer.next?.(value);
        } catch (cause) {
          failed = true;
          subscription?.unsubscribe();
          report(cause);
        }
      },
      error: (cause: unknown) => {
        if (observer.error === undefined) return report(cause);
        try {
          observer.error(cause);
        } catch (thrown) {
          report(thrown);
        }
      },
      complete: () => {
        try {
          observer.complete?.();
        } catch (cause) {
          report(cause);
        }
      },
    });
    if (failed) subscription.unsubscribe();
    return subscription;
  }
}

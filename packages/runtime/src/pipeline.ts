import { type MonoTypeOperatorFunction, Observable, type OperatorFunction, Subject } from 'rxjs';

/**
 * A synchronous RxJS pipeline, composed once: what is pushed has passed every operator, or was held back, when
 * `push` returns.
 */
export class Pipeline<T> {
  readonly #source = new Subject<T>();

  constructor(operators: readonly MonoTypeOperatorFunction<T>[], sink: (value: T) => void) {
    operators
      .reduce<Observable<T>>((stream, operator) => stream.pipe(operator), this.#source)
      .subscribe(sink);
  }

  push(value: T): void {
    this.#source.next(value);
  }
}

/**
 * Wraps an operator of a plugin's: when it throws, `failed` is told with the value that it failed on, and the
 * operator begins anew with the next value. No other value is lost, as all of this is synchronous; an operator that
 * emits later (`delay`, an async `mergeMap`) gains nothing by it, as its value has been refused by then.
 */
export function guarded<T>(
  operator: OperatorFunction<T, T>,
  failed: (error: unknown, value: T | undefined) => void,
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((destination) => {
      let input: Subject<T> | undefined;
      let current: T | undefined;
      const begin = () => {
        const fresh = new Subject<T>();
        const ended = () => {
          if (input === fresh) input = undefined;
        };
        input = fresh;
        operator(fresh).subscribe({
          next: (value) => destination.next(value),
          error: (error) => {
            ended();
            failed(error, current);
          },
          complete: ended,
        });
      };
      begin();
      return source.subscribe((value) => {
        const outer = current;
        current = value;
        if (input === undefined) begin();
        input?.next(value);
        current = outer;
      });
    });
}

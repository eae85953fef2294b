import { type Awaitable, isPromise } from '@callboard/runtime';

/** Does one thing after another, in the order in which they come; at once while none has to be waited for. */
export class Lane<T> {
  /** Must not throw or reject. */
  readonly #perform: (item: T) => Awaitable<void>;
  #waiting: T[] | undefined;
  #busy = false;

  constructor(perform: (item: T) => Awaitable<void>) {
    this.#perform = perform;
  }

  run(item: T): void {
    if (this.#busy) {
      this.#waiting ??= [];
      this.#waiting.push(item);
      return;
    }
    for (let next: T | undefined = item; next !== undefined; next = this.#waiting?.shift()) {
      this.#busy = true;
      const done = this.#perform(next);
      if (isPromise(done)) return void done.then(this.#goOn, this.#goOn);
      this.#busy = false;
    }
  }

  /** Does it now, and gives or throws what it does; where something is before it, in its turn. */
  take<Result>(
    work: () => Result | Promise<Result>,
    itemOf: (run: () => Promise<void>) => T,
  ): Result | Promise<Result> {
    if (this.#busy) return this.#later(work, itemOf);
    let done: Result | Promise<Result> | undefined;
    this.#busy = true;
    try {
      done = work();
      return done;
    } finally {
      if (isPromise(done)) done.then(this.#goOn, this.#goOn);
      else this.#goOn();
    }
  }

  #later<Result>(
    work: () => Result | Promise<Result>,
    itemOf: (run: () => Promise<void>) => T,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.run(itemOf(() => Promise.resolve().then(work).then(resolve, reject)));
    });
  }

  /** Before all that waits. */
  runNext(item: T): void {
    if (!this.#busy) return this.run(item);
    this.#waiting ??= [];
    this.#waiting.unshift(item);
  }

  readonly #goOn = (): void => {
    this.#busy = false;
    const next = this.#waiting?.shift();
    if (next !== undefined) this.run(next);
  };
}

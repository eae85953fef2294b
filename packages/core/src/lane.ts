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

import { type Awaitable, isPromise } from './awaitable.ts';

/** Runs tasks one after another; at once while none of them has to wait. What a task throws is its own affair. */
export class Lane {
  #waiting: (() => Awaitable<void>)[] = [];
  #busy = false;

  run(task: () => Awaitable<void>): void {
    if (this.#busy) {
      this.#waiting.push(task);
      return;
    }
    this.#go(task);
  }

  #go(task: () => Awaitable<void>): void {
    this.#busy = true;
    for (
      let next: (() => Awaitable<void>) | undefined = task;
      next !== undefined;
      next = this.#waiting.shift()
    ) {
      const done = attempt(next);
      if (isPromise(done)) {
        const goOn = () => {
          const after = this.#waiting.shift();
          if (after === undefined) this.#busy = false;
          else this.#go(after);
        };
        done.then(goOn, goOn);
        return;
      }
    }
    this.#busy = false;
  }
}

function attempt(task: () => Awaitable<void>): Awaitable<void> {
  try {
    return task();
  } catch {
    return undefined;
  }
}

import { ReplyError } from '@callboard/protocol';
import { type Awaitable, isPromise } from '@callboard/runtime';
import { type Appended, AppendRefused, type Draft, type Outcome, type StreamLog } from './log.ts';

/** Appends that belong to one request: all of them, or none, or nobody knows. */
export class Appends {
  readonly #running: PromiseLike<unknown>[] = [];
  #applied = 0;
  #refused = 0;
  #unknown = 0;
  #cause: unknown;
  #outcome: Outcome = 'published';

  add(log: StreamLog, stream: string, draft: Draft): void {
    try {
      const result = log.append(stream, draft);
      if (isPromise(result)) this.#running.push(result.then(this.#succeeded, this.#failed));
      else this.#succeeded(result);
    } catch (error) {
      this.#failed(error);
    }
  }

  settle(): Awaitable<void> {
    return this.#running.length === 0 ? this.#judge() : Promise.all(this.#running).then(() => this.#judge());
  }

  /** What became of the last one; where nobody had it pinned, all there is to do with it was done. */
  get outcome(): Outcome {
    return this.#outcome;
  }

  readonly #succeeded = (appended: Appended | undefined) => {
    this.#applied++;
    if (appended !== undefined) this.#outcome = appended.outcome;
  };

  readonly #failed = (error: unknown) => {
    this.#cause = error;
    if (error instanceof AppendRefused) this.#refused++;
    else this.#unknown++;
  };

  #judge(): void {
    if (this.#unknown === 0 && this.#refused === 0) return;
    const certain = this.#unknown === 0 && this.#applied === 0;
    throw new ReplyError(certain ? 'APPEND_FAILED' : 'OUTCOME_UNKNOWN', { cause: this.#cause });
  }
}

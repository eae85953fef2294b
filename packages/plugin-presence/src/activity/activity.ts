import type { ClientPluginContext } from '@callboard/client';

export type State = 'active' | 'idle';

/** Of input no more is taken in than once in so long, in milliseconds. */
const INPUT_MS = 1_000;

export interface ActivityHost {
  readonly context: Pick<ClientPluginContext, 'timers' | 'activity'>;
  /** Whether the server takes another client of the user's to be the one that was used last. */
  isElsewhere(): boolean;
}

/** Whether somebody uses this client. The server is told when that changes, and when it is used after another one was; nothing else. */
export class Activity {
  readonly #host: ActivityHost;
  #state: State = 'active';
  #awayAfterMs: number | undefined;
  #timer: unknown;
  #inputAt = Number.NEGATIVE_INFINITY;

  constructor(host: ActivityHost) {
    this.#host = host;
  }

  get state(): State {
    return this.#state;
  }

  /** From now on it is idle when it was not used for so long. */
  watch(awayAfterMs: number): void {
    this.#awayAfterMs = awayAfterMs;
    if (this.#state === 'active') this.#arm();
  }

  /** Somebody used it. */
  used(): void {
    const { timers, activity } = this.#host.context;
    // Both ways: the clock may have been set.
    const isNew = Math.abs(timers.now() - this.#inputAt) >= INPUT_MS;
    if (this.#state === 'active' && !isNew) return;
    this.#inputAt = timers.now();
    this.#arm();
    if (this.#state === 'active' && !this.#host.isElsewhere()) return;
    this.#state = 'active';
    activity('active');
  }

  /** Nobody does. */
  idle(): void {
    const { timers, activity } = this.#host.context;
    timers.clearTimeout(this.#timer);
    if (this.#state === 'idle') return;
    this.#state = 'idle';
    activity('idle');
  }

  end(): void {
    this.#host.context.timers.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { timers } = this.#host.context;
    timers.clearTimeout(this.#timer);
    if (this.#awayAfterMs === undefined) return;
    // Input within the last of these was not taken in.
    this.#timer = timers.setTimeout(() => this.idle(), this.#awayAfterMs + INPUT_MS);
  }
}

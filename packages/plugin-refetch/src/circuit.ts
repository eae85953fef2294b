import { type ActorView, type Clock, GuardedObservable, type Logger } from '@callboard/core';
import { actorClock, actorView } from '@callboard/runtime';
import { type Observable, Subject } from 'rxjs';
import { assign, createActor, type SnapshotFrom, setup } from 'xstate';

export type CircuitState = 'closed' | 'open' | 'halfOpen';

/** Whether the upstream is asked at all. `closed`: as usual. `open`: not, for a while. `halfOpen`: once, to see. */
export const circuitMachine = setup({
  types: {
    context: {} as { readonly failures: number },
    events: {} as { type: 'FAILED' } | { type: 'ANSWERED' },
  },
  guards: { enough: (_, _params: { failures: number }) => false },
  delays: { rest: 5_000 },
}).createMachine({
  id: 'circuit',
  context: { failures: 0 },
  initial: 'closed',
  states: {
    closed: {
      on: {
        ANSWERED: { actions: assign({ failures: 0 }) },
        FAILED: [
          {
            target: 'open',
            guard: { type: 'enough', params: ({ context }) => ({ failures: context.failures + 1 }) },
          },
          { actions: assign({ failures: ({ context }) => context.failures + 1 }) },
        ],
      },
    },
    open: { after: { rest: 'halfOpen' } },
    halfOpen: {
      on: { ANSWERED: { target: 'closed', actions: assign({ failures: 0 }) }, FAILED: 'open' },
    },
  },
});

export type CircuitSnapshot = SnapshotFrom<typeof circuitMachine>;

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open, in milliseconds. */
  readonly restMs: number;
}

export class Circuit {
  readonly view: ActorView<CircuitSnapshot>;
  readonly changes$: Observable<CircuitState>;
  readonly #actor;
  readonly #changes = new Subject<CircuitState>();
  #state: CircuitState = 'closed';

  constructor({ failures, restMs }: CircuitOptions, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.changes$ = new GuardedObservable(this.#changes, logger);
    const machine = circuitMachine.provide({
      guards: { enough: (_, params) => params.failures >= failures },
      delays: { rest: restMs },
    });
    this.#actor = createActor(machine, { id: 'refetch:circuit', clock: actorClock(clock) }).start();
    this.view = actorView(this.#actor, logger);
    this.#actor.subscribe(({ value }) => {
      if (value === this.#state) return;
      this.#state = value;
      this.#changes.next(value);
    });
  }

  get state(): CircuitState {
    return this.#state;
  }

  failed(): void {
    this.#actor.send({ type: 'FAILED' });
  }

  answered(): void {
    // Seldom is there anything to decide.
    const { value, context } = this.#actor.getSnapshot();
    if (value !== 'closed' || context.failures > 0) this.#actor.send({ type: 'ANSWERED' });
  }

  stop(): void {
    this.#actor.stop();
    this.#changes.complete();
  }
}

import type { Actor, AnyStateMachine, InspectionEvent, Observer, SnapshotFrom, Subscription } from 'xstate';
import type { Logger } from './logger.ts';
import type { Timers } from './timers.ts';

/** What application code sees of an actor: where it is, and when that changes. It takes no events from outside. */
export interface ActorView<Snapshot> {
  readonly id: string;
  getSnapshot(): Snapshot;
  /** An observer that throws is unsubscribed, with a line in the log. */
  subscribe(observer: ((snapshot: Snapshot) => void) | Partial<Observer<Snapshot>>): Subscription;
}

/** A function, or an observer such as the Stately inspector's `inspector.inspect`. */
export type Inspect = ((event: InspectionEvent) => void) | Pick<Observer<InspectionEvent>, 'next'>;

export function actorView<Machine extends AnyStateMachine>(
  actor: Actor<Machine>,
  logger: Logger,
): ActorView<SnapshotFrom<Machine>> {
  type Snapshot = SnapshotFrom<Machine>;
  const guarded = <Args extends unknown[]>(
    call: ((...args: Args) => void) | undefined,
    ended: () => void,
  ) => {
    return (...args: Args) => {
      try {
        call?.(...args);
      } catch (cause) {
        ended();
        logger.error('an observer of an actor failed', { actor: actor.id, cause });
      }
    };
  };
  return {
    id: actor.id,
    getSnapshot: () => actor.getSnapshot() as Snapshot,
    subscribe(observer) {
      const { next, error, complete } = typeof observer === 'function' ? { next: observer } : observer;
      let subscription: Subscription | undefined;
      const end = () => subscription?.unsubscribe();
      subscription = actor.subscribe({
        next: guarded(next as ((snapshot: unknown) => void) | undefined, end),
        error: guarded(error, end),
        complete: guarded(complete, end),
      });
      return subscription;
    },
  };
}

/** XState's clock, on ours. */
export function actorClock(timers: Timers) {
  return {
    setTimeout: (task: () => void, ms: number) => timers.setTimeout(task, ms),
    clearTimeout: (timer: unknown) => timers.clearTimeout(timer),
  };
}

/** An inspector that throws must not reach into the actors that it looks at. */
export function guardedInspect(inspect: Inspect, logger: Logger): (event: InspectionEvent) => void {
  return (event) => {
    try {
      if (typeof inspect === 'function') inspect(event);
      else inspect.next?.(event);
    } catch (cause) {
      logger.error('the inspector failed', { cause });
    }
  };
}

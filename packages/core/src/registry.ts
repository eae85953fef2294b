import {
  type Actor,
  type AnyStateMachine,
  createActor,
  fromTransition,
  type InspectionEvent,
  type Observer,
  type SnapshotFrom,
  type Subscription,
} from 'xstate';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** What application code sees of an actor: where it is, and when that changes. It takes no events from outside. */
export interface ActorView<Snapshot> {
  readonly id: string;
  getSnapshot(): Snapshot;
  /** An observer that throws is unsubscribed, with a line in the log. */
  subscribe(observer: ((snapshot: Snapshot) => void) | Partial<Observer<Snapshot>>): Subscription;
}

/** Whom an actor decides for: its effects run on it, and it is told when the actor crashes. */
export interface Owner {
  /** A transition or an action threw; the actor has ended. */
  crashed(error: unknown): void;
}

/** A function, or an observer such as the Stately inspector's `inspector.inspect`. */
export type Inspect = ((event: InspectionEvent) => void) | Pick<Observer<InspectionEvent>, 'next'>;

/**
 * Where the actors of clients and users live: children, in one actor system, of a supervisor that keeps no snapshot
 * of them. One that crashes is reported and is gone; the others live (ADR 0001).
 */
export class Registry<O extends Owner> {
  readonly #supervisor;
  readonly #logger: Logger;
  readonly #owners = new Map<string, O>();

  constructor(clock: Clock, logger: Logger, inspect: Inspect | undefined) {
    this.#logger = logger;
    const logic = fromTransition(
      (state: null, event: { type: string; actorId?: string; error?: unknown }) => {
        if (event.type.startsWith('xstate.error.actor.')) this.#crash(event.type.slice(19), event.error);
        return state;
      },
      null,
    );
    this.#supervisor = createActor(logic, {
      id: 'callboard',
      clock: actorClock(clock),
      ...(inspect && { inspect: guardedInspect(inspect, logger) }),
    }).start();
  }

  /** A running actor that begins with `snapshot`, whose entry actions do not run again. */
  spawn<Machine extends AnyStateMachine>(
    machine: Machine,
    id: string,
    snapshot: SnapshotFrom<Machine>,
    owner: O,
  ): Actor<Machine> {
    this.#owners.set(id, owner);
    const options = { id, snapshot, parent: this.#supervisor };
    const actor = createActor(machine, options as never) as unknown as Actor<Machine>;
    return actor.start();
  }

  /** Whom the actor of this id decides for; undefined once it has ended. */
  owner(id: string): O | undefined {
    return this.#owners.get(id);
  }

  /** The actor has reached its final state. */
  forget(id: string): void {
    this.#owners.delete(id);
  }

  view<Machine extends AnyStateMachine>(actor: Actor<Machine>): ActorView<SnapshotFrom<Machine>> {
    return actorView(actor, this.#logger);
  }

  stop(): void {
    this.#supervisor.stop();
  }

  #crash(id: string, cause: unknown): void {
    this.#logger.error('an actor crashed', { actor: id, cause });
    const owner = this.#owners.get(id);
    this.#owners.delete(id);
    owner?.crashed(cause);
  }
}

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
export function actorClock(clock: Clock) {
  return {
    setTimeout: (task: () => void, ms: number) => clock.setTimeout(task, ms),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer),
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

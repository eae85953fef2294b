import {
  type ActorView,
  actorClock,
  actorView,
  guardedInspect,
  type Inspect,
  type Logger,
} from '@callboard/runtime';
import { type Actor, type AnyStateMachine, createActor, fromTransition, type SnapshotFrom } from 'xstate';
import type { Clock } from './clock.ts';

/** Whom an actor decides for: its effects run on it, and it is told when the actor crashes. */
export interface Owner {
  /** A transition or an action threw; the actor has ended. */
  crashed(error: unknown): void;
}

const none = {};

/** The machine, whose actors share the snapshot that they begin with: of one that is whole XState would make a copy for each. */
export function sharing<Machine extends AnyStateMachine>(machine: Machine): Machine {
  machine.restoreSnapshot = (snapshot) => snapshot as never;
  return machine;
}

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
    actor.start();
    // XState keeps a copy of them for each, which takes 350 bytes, and asks them for nothing more but `devTools`.
    actor.options = none;
    return actor;
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

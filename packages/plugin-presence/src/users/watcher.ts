import type { Client } from '@callboard/core';
import type { TrackedUser } from './tracked-user.ts';

/** A client that wants to know: of its own user, and of those whom it watches. */
export class Watcher {
  readonly client: Client;
  /** Others, whom it may watch. */
  readonly users = new Set<TrackedUser>();
  /** Ids of those that it might once, and may not any more. */
  readonly refused = new Set<string>();
  /** Counts rechecks: what was asked for before one is asked for again. */
  rechecks = 0;
  /** Its place among those who are told the same, while changes are being told. */
  telling: Telling | undefined;

  constructor(client: Client) {
    this.client = client;
  }
}

/** Clients that are to be told of the same users; they share the bytes. */
export class Telling {
  readonly watchers = new Set<Watcher>();
  readonly #before: Telling | undefined;
  readonly #user: TrackedUser | undefined;
  readonly #further = new Map<TrackedUser, Telling>();

  /** Of nobody, or of this user after those before. */
  constructor(before?: Telling, user?: TrackedUser) {
    this.#before = before;
    this.#user = user;
  }

  and(user: TrackedUser): Telling {
    const known = this.#further.get(user);
    if (known !== undefined) return known;
    const further = new Telling(this, user);
    this.#further.set(user, further);
    return further;
  }

  get users(): readonly TrackedUser[] {
    const users: TrackedUser[] = [];
    let at: Telling | undefined = this;
    while (at !== undefined) {
      if (at.#user !== undefined) users.push(at.#user);
      at = at.#before;
    }
    return users.reverse();
  }
}

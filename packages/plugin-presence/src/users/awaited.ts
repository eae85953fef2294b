import type { Timers } from '@callboard/runtime';
import type { UserPresence, Versioned } from './contract.ts';

type Users = Versioned<UserPresence>;

/** Those who were seen before the server was started anew: that they are not back yet is no news until they have had the time. */
export class Awaited {
  readonly #timers: Timers;
  readonly #over: (users: readonly Users[]) => void;
  readonly #users = new Map<string, Users>();
  #timer: unknown;

  /** @param over they have had it: how those are who are not back. */
  constructor(timers: Timers, over: (users: readonly Users[]) => void) {
    this.#timers = timers;
    this.#over = over;
  }

  /** A session begins on a server to which users come back for so long. */
  begin(settlesMs: number): void {
    this.end();
    if (settlesMs <= 0) return;
    this.#timer = this.#timers.setTimeout(() => {
      const users = [...this.#users.values()];
      this.end();
      this.#over(users);
    }, settlesMs);
  }

  end(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#users.clear();
  }

  /** Whether what is said of a user is to wait. @param before what was known of them in an earlier session. */
  takes(user: Users, before: UserPresence | undefined): boolean {
    this.#users.delete(user.userId);
    const isGone = user.status === 'OFFLINE' && before !== undefined && before.status !== 'OFFLINE';
    if (this.#timer === undefined || !isGone) return false;
    this.#users.set(user.userId, user);
    return true;
  }
}

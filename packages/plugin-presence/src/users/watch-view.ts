import type { UserPresence } from './contract.ts';

/** What is known of the users that are watched. */
export interface WatchedUsers {
  /** By id, in the order in which they were named; without those who are refused. */
  readonly users: ReadonlyMap<string, UserPresence>;
  /** Those that are new here, or have changed since it was told last. */
  readonly changed: readonly UserPresence[];
  /** Those that may not be watched, or not any more, with the error's code: FORBIDDEN, TOO_MANY_WATCHED. */
  readonly refused: ReadonlyMap<string, string>;
}

/** One who watches, and what they have been told. */
export class WatchView {
  readonly userIds: ReadonlySet<string>;
  readonly #tell: (watched: WatchedUsers) => void;
  readonly #end: () => void;
  #told = new Map<string, UserPresence>();
  #refused = new Map<string, string>();
  #began = false;

  /** @param end all are refused: nothing will come any more. */
  constructor(userIds: ReadonlySet<string>, tell: (watched: WatchedUsers) => void, end: () => void) {
    this.userIds = userIds;
    this.#tell = tell;
    this.#end = end;
  }

  /** Something of what is known has changed. The first time is when something is known of everybody. */
  update(known: ReadonlyMap<string, UserPresence>, refusals: ReadonlyMap<string, string>): void {
    const users = new Map<string, UserPresence>();
    const refused = new Map<string, string>();
    for (const id of this.userIds) {
      const [user, code] = [known.get(id), refusals.get(id)];
      if (code !== undefined) refused.set(id, code);
      else if (user !== undefined) users.set(id, user);
      else if (!this.#began) return;
    }
    const changed = [...users.values()].filter((user) => !isSame(user, this.#told.get(user.userId)));
    const isNews =
      changed.length > 0 || users.size !== this.#told.size || refused.size !== this.#refused.size;
    if (this.#began && !isNews) return;
    this.#began = true;
    this.#told = users;
    this.#refused = refused;
    this.#tell({ users, changed, refused });
    if (refused.size > 0 && refused.size === this.userIds.size) this.#end();
  }
}

function isSame(now: UserPresence, before: UserPresence | undefined): boolean {
  if (now === before) return true;
  return (
    before !== undefined &&
    Object.entries(now).every(([key, value]) => before[key as keyof UserPresence] === value)
  );
}

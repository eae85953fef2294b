import type { Emit, PluginContext } from '@callboard/core';
import type { Changed, OwnChanged, OwnPresence, UserPresence, Versioned } from './contract.ts';
import type { TrackedUser } from './tracked-user.ts';
import { Telling, type Watcher } from './watcher.ts';

/** Tells watchers what has changed, all of it at once and so often: what has become as it was by then is not told. */
export class Announcer {
  readonly #context: PluginContext;
  readonly #batchMs: number;
  readonly #changed: Emit<Changed>;
  readonly #ownChanged: Emit<OwnChanged>;
  readonly #users = new Set<TrackedUser>();
  #version = 0;
  /** Of what only a user's own clients are told: versions that others see must not grow with that. */
  #ownVersion = 0;
  #timer: unknown;

  constructor(context: PluginContext, batchMs: number) {
    this.#context = context;
    this.#batchMs = batchMs;
    this.#changed = context.event<Changed>('PRESENCE_CHANGED');
    this.#ownChanged = context.event<OwnChanged>('PRESENCE_OWN_CHANGED');
  }

  /** Something about this user may look different now. */
  add(user: TrackedUser): void {
    if (user.watchers === undefined) {
      user.shown = undefined;
      user.ownShown = undefined;
      return;
    }
    this.#users.add(user);
    this.#timer ??= this.#context.clock.setTimeout(() => this.flush(), this.#batchMs);
  }

  /** As watchers have been told, or will have been with what comes next. */
  shown(user: TrackedUser): Versioned<UserPresence> {
    user.shown ??= { ...user.presence, version: ++this.#version };
    return user.shown;
  }

  ownShown(user: TrackedUser): Versioned<OwnPresence> {
    user.ownShown ??= { ...user.own, version: ++this.#ownVersion };
    return user.ownShown;
  }

  flush(): void {
    this.stop();
    const tellings = new Set<Telling>();
    const nobody = new Telling();
    for (const user of this.#users) {
      const [others, own] = byOwner(user);
      if (this.#tellsAnew(user)) this.#tellOthers(user, others, nobody, tellings);
      if (this.#tellsOwnAnew(user)) {
        const event = { type: 'PRESENCE_OWN_CHANGED' as const, own: this.ownShown(user) };
        this.#ownChanged.to(clientsOf(own), event);
      }
    }
    this.#users.clear();
    for (const telling of tellings) {
      for (const watcher of telling.watchers) watcher.telling = undefined;
      const users = telling.users.map((user) => this.shown(user));
      if (telling.watchers.size > 0)
        this.#changed.to(clientsOf(telling.watchers), { type: 'PRESENCE_CHANGED', users });
    }
  }

  stop(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tellOthers(
    user: TrackedUser,
    watchers: readonly Watcher[],
    nobody: Telling,
    tellings: Set<Telling>,
  ): void {
    for (const watcher of watchers) {
      const before = watcher.telling ?? nobody;
      before.watchers.delete(watcher);
      const telling = before.and(user);
      telling.watchers.add(watcher);
      tellings.add(telling);
      watcher.telling = telling;
    }
  }

  #tellsAnew(user: TrackedUser): boolean {
    const before = user.shown;
    if (before === undefined || isSame(before, user.presence)) return false;
    user.shown = { ...user.presence, version: ++this.#version };
    return true;
  }

  #tellsOwnAnew(user: TrackedUser): boolean {
    const before = user.ownShown;
    if (before === undefined || isSame(before, user.own)) return false;
    user.ownShown = { ...user.own, version: ++this.#ownVersion };
    return true;
  }
}

function byOwner({ id, watchers = new Set() }: TrackedUser): [others: Watcher[], own: Watcher[]] {
  const others: Watcher[] = [];
  const own: Watcher[] = [];
  for (const watcher of watchers) (watcher.client.user.id === id ? own : others).push(watcher);
  return [others, own];
}

const clientsOf = (watchers: Iterable<Watcher>) => Array.from(watchers, ({ client }) => client);

function isSame<P extends object>(before: Versioned<P>, now: P): boolean {
  return Object.entries(now).every(([key, value]) => before[key as keyof P] === value);
}

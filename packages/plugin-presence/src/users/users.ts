import type { Client, PluginContext } from '@callboard/core';
import type { PresenceOptions, UseRule } from '../options.ts';
import type { Remembered } from '../store/store.ts';
import type { Wheel } from '../wheel.ts';
import type { Choice } from './contract.ts';
import { ClientUse, Fading, type Sight, TrackedUser } from './tracked-user.ts';

export interface UsersOptions {
  readonly awayAfterMs: number;
  readonly graceMs: number;
  readonly graceAfterCloseMs: number;
  readonly useOf: PresenceOptions['useOf'];
  /** Where graces wait, and clients that nobody may use any more. */
  readonly wheel: Wheel;
}

/** What else happens when something about a user has changed. */
export interface UsersHost {
  /** Its status, its choice or its active client: watchers and the user's own clients are to be told. */
  changed(user: TrackedUser): void;
  /** What others may see of it. */
  sighted(user: TrackedUser): void;
  /** Something that a store would remember. */
  remember(user: TrackedUser): void;
  /** Nothing is known of this one yet: see `recalled`. */
  recall(userId: string): void;
  /** Resolves when these have been recalled. @throws ReplyError UNAVAILABLE */
  known(userIds: Iterable<string>): Promise<void>;
}

/** The users who are there or watched: what their clients do, and what follows for their status. */
export class Users {
  readonly byId = new Map<string, TrackedUser>();
  readonly #context: PluginContext;
  readonly #options: UsersOptions;
  readonly #host: UsersHost;
  readonly #revise: (userId: string) => void;

  constructor(context: PluginContext, options: UsersOptions, host: UsersHost) {
    this.#context = context;
    this.#options = options;
    this.#host = host;
    this.#revise = context.status((status, { userId, event, online, at }) => {
      const isThere = event.type === 'CLIENTS_CHANGED' && online > 0;
      const user = isThere ? this.obtain(userId) : this.byId.get(userId);
      if (user === undefined) return status;
      // A client has come: the events tell that when it has been told the status already.
      if (isThere && online > user.connected) {
        for (const client of context.server.users.get(userId)?.clients ?? [])
          if (client.online) this.#arrive(user, client);
        this.#take(user, at);
      }
      return user.status;
    });
    this.#follow();
    if (options.useOf !== undefined) context.check(({ client }) => this.#used(client));
  }

  /** What others may see of the user of this id; nothing of one who is not there. */
  sightOf(userId: string): Sight {
    return this.byId.get(userId)?.sight ?? 'none';
  }

  /** The user of this id, whether or not there is one. */
  obtain(userId: string): TrackedUser {
    const known = this.byId.get(userId);
    if (known !== undefined) return known;
    const user = new TrackedUser(userId);
    this.byId.set(userId, user);
    this.#host.recall(userId);
    return user;
  }

  /** Nobody has to know of a user who is not there and whom nobody watches. */
  settle(user: TrackedUser): void {
    const isThere = user.state !== 'offline' || user.uses.length > 0 || user.fading !== undefined;
    const isNeeded = isThere || user.watchers !== undefined || user.held > 0;
    if (!isNeeded && this.byId.get(user.id) === user) this.byId.delete(user.id);
  }

  /** Does something about users once what the store knows of them is known. @throws ReplyError UNAVAILABLE, and what `use` throws. */
  async whenKnown<T>(userIds: Iterable<string>, use: (users: readonly TrackedUser[]) => T): Promise<T> {
    const users = Array.from(userIds, (id) => this.obtain(id));
    for (const user of users) user.held++;
    try {
      await this.#host.known(users.map(({ id }) => id));
      return use(users);
    } finally {
      for (const user of users) {
        user.held--;
        this.settle(user);
      }
    }
  }

  /** The store has said what it knows of them. */
  recalled({ userId, ...rest }: Remembered): void {
    const user = this.byId.get(userId);
    if (user === undefined || user.known) return;
    user.known = true;
    user.recall({ userId, ...rest });
    this.#apply(user);
    this.#revise(userId);
    if (user.state === 'online' || user.state === 'away') this.#host.remember(user);
    this.#host.changed(user);
    this.#host.sighted(user);
  }

  choose(user: TrackedUser, choice: Choice): void {
    if (user.choice === choice) return;
    if (choice === 'invisible') this.#fade(user);
    else if (user.choice === 'invisible') this.#unfade(user);
    user.choice = choice;
    this.#apply(user);
    this.#host.remember(user);
    this.#host.changed(user);
    this.#host.sighted(user);
  }

  /** The server has stopped: nobody comes back to their sessions. */
  end(): void {
    for (const user of [...this.byId.values()]) {
      user.uses = [];
      user.fading = undefined;
      this.#take(user, this.#context.clock.now());
      this.#graceOver(user);
    }
  }

  /** To others they have closed all pages, now: who was gone sooner, or had done something since, would be known to be there. */
  #fade(user: TrackedUser): void {
    if (!user.isVisible) return;
    const { wheel, graceAfterCloseMs } = this.#options;
    user.lastSeenTs = this.#context.clock.now();
    user.fading = new Fading(user, user.presence);
    wheel.wait(user.fading, wheel.after(graceAfterCloseMs), this.#faded);
  }

  #unfade(user: TrackedUser): void {
    if (user.fading === undefined) user.seenSinceTs = this.#context.clock.now();
    else this.#options.wheel.forget(user.fading);
    user.fading = undefined;
  }

  readonly #faded = ({ user }: Fading): void => {
    user.fading = undefined;
    this.#host.changed(user);
    this.#host.sighted(user);
    this.settle(user);
  };

  #follow(): void {
    const { server } = this.#context;
    server.events$.subscribe((event) => {
      if (!('clientId' in event)) return;
      const { userId, clientId } = event as { userId: string; clientId: string };
      switch (event.type) {
        case 'CLIENT_ONLINE':
        case 'CLIENT_RESUMED':
          return this.#came(userId, clientId);
        case 'CLIENT_LOST':
          return this.#lost(userId, clientId);
        case 'CLIENT_GONE':
          return this.#left(userId, clientId);
        case 'CLIENT_ACTIVITY':
          return this.#told(userId, clientId, event.state === 'active');
      }
    });
  }

  #came(userId: string, clientId: string): void {
    const client = this.#clientOf(userId, clientId);
    if (client === undefined) return;
    const user = this.obtain(userId);
    this.#arrive(user, client);
    this.#apply(user);
  }

  /** It has a connection. */
  #arrive(user: TrackedUser, client: Client): void {
    const known = useOf(user, client.id);
    const use = known ?? new ClientUse(client, this.#ruleFor(client));
    const wasActive = known?.active ?? false;
    if (known === undefined) user.uses = [...user.uses, use];
    else if (use.rule === 'told') use.active = client.activity !== 'idle';
    if (!known?.connected) {
      use.connected = true;
      this.#options.wheel.forget(use);
      if (use.rule === 'used') this.#used(client);
    }
    // Who comes back is used no more than before.
    if (use.active && !wasActive) this.#isUsed(user, client.id);
  }

  #lost(userId: string, clientId: string): void {
    const user = this.byId.get(userId);
    const use = user && useOf(user, clientId);
    if (use === undefined || user === undefined) return;
    const { wheel, graceMs } = this.#options;
    use.connected = false;
    use.until = wheel.after(graceMs);
    wheel.wait(use, use.until, this.#fellIdle);
    this.#apply(user);
  }

  #left(userId: string, clientId: string): void {
    const user = this.byId.get(userId);
    const use = user && useOf(user, clientId);
    if (use === undefined || user === undefined) return;
    const { wheel, graceAfterCloseMs } = this.#options;
    const until = use.connected ? wheel.after(graceAfterCloseMs) : use.until;
    user.until = Math.max(user.until, until);
    user.uses = user.uses.filter((each) => each !== use);
    wheel.forget(use);
    if (user.activeClient === clientId) {
      user.activeClient = null;
      this.#host.changed(user);
    }
    this.#apply(user);
    this.settle(user);
  }

  #told(userId: string, clientId: string, active: boolean): void {
    const user = this.byId.get(userId);
    const use = user && useOf(user, clientId);
    if (use?.rule !== 'told' || user === undefined) return;
    use.active = active;
    if (active) this.#isUsed(user, clientId);
    this.#apply(user);
  }

  /** It has sent something. */
  #used(client: Client): void {
    const user = this.byId.get(client.user.id);
    const use = user && useOf(user, client.id);
    if (use?.rule !== 'used' || user === undefined) return;
    const { wheel, awayAfterMs } = this.#options;
    use.idleAt = wheel.after(awayAfterMs);
    if (use.slot === undefined) wheel.wait(use, use.idleAt, this.#fellIdle);
    if (use.active) return;
    use.active = true;
    this.#isUsed(user, client.id);
    this.#apply(user);
  }

  readonly #fellIdle = (use: ClientUse): void => {
    const { wheel } = this.#options;
    if (!use.connected) return;
    if (use.idleAt > wheel.tick) return wheel.wait(use, use.idleAt, this.#fellIdle);
    use.active = false;
    const user = this.byId.get(use.client.user.id);
    if (user !== undefined) this.#apply(user);
  };

  readonly #graceOver = (user: TrackedUser): void => {
    const wasVisible = user.isVisible;
    if (!user.graceOver()) return;
    if (wasVisible) user.lastSeenTs = user.status.lastOnlineTs;
    user.seenSinceTs = 0;
    this.#host.remember(user);
    this.#host.changed(user);
    this.#revise(user.id);
    this.settle(user);
  };

  #isUsed(user: TrackedUser, clientId: string): void {
    if (user.activeClient === clientId) return;
    user.activeClient = clientId;
    this.#host.changed(user);
  }

  #apply(user: TrackedUser): void {
    if (this.#take(user, this.#context.clock.now())) this.#revise(user.id);
  }

  #take(user: TrackedUser, at: number): boolean {
    const before = user.state;
    const changed = user.changed(at);
    if (user.state === 'grace' && before !== 'grace')
      this.#options.wheel.wait(user, user.graceUntil, this.#graceOver);
    if (changed) {
      if (before === 'offline') this.#host.remember(user);
      this.#host.changed(user);
    }
    return changed;
  }

  #ruleFor(client: Client): UseRule {
    try {
      return this.#options.useOf?.(client) ?? 'told';
    } catch (cause) {
      this.#context.logger.error('nobody could say how a client is used', { client: client.id, cause });
      return 'told';
    }
  }

  #clientOf(userId: string, clientId: string): Client | undefined {
    for (const client of this.#context.server.users.get(userId)?.clients ?? [])
      if (client.id === clientId) return client;
    return undefined;
  }
}

const useOf = (user: TrackedUser, clientId: string) => user.uses.find(({ client }) => client.id === clientId);

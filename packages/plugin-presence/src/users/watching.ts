import type { Client, PluginContext } from '@callboard/core';
import { ReplyError } from '@callboard/protocol';
import type { CanWatch } from '../options.ts';
import type { Announcer } from './announcer.ts';
import {
  askBegin,
  askChoice,
  askWatch,
  type Begun,
  maxAsked,
  type Refused,
  type Watched,
} from './contract.ts';
import type { TrackedUser } from './tracked-user.ts';
import type { Users } from './users.ts';
import { Watcher } from './watcher.ts';

export interface WatchingHost {
  readonly context: PluginContext;
  readonly users: Users;
  readonly announcer: Announcer;
  readonly canWatch: CanWatch | undefined;
  readonly maxWatched: number;
  readonly awayAfterMs: number;
  /** So long, in milliseconds, users who were there before the server was started may not be back yet. */
  settlesMs(): number;
}

/** Who watches whom, as far as they may: answers what clients ask. */
export class Watching {
  readonly #host: WatchingHost;
  readonly #byClient = new Map<string, Watcher>();
  readonly #refused;

  constructor(host: WatchingHost) {
    const { context } = host;
    this.#host = host;
    this.#refused = context.event<Refused>('PRESENCE_REFUSED');
    context.handle('PRESENCE_BEGIN', ({ client, action }) => this.#begin(client, askBegin(action).since));
    context.handle('PRESENCE_WATCH', ({ client, action }) => this.#watch(client, askWatch(action)));
    context.handle('PRESENCE_CHOOSE', async ({ user, action }) => {
      const choice = askChoice(action);
      await host.users.whenKnown([user.id], ([own]) => host.users.choose(own as TrackedUser, choice));
    });
    context.rights((client) => this.#recheck(client));
    context.server.events$.subscribe((event) => {
      if (event.type === 'CLIENT_GONE') this.#forget((event as { clientId: string }).clientId);
    });
  }

  get watchers(): number {
    return this.#byClient.size;
  }

  async #begin(client: Client, since: number | undefined): Promise<Begun> {
    const { users, announcer, awayAfterMs, settlesMs } = this.#host;
    return users.whenKnown([client.user.id], ([user]) => {
      const own = user as TrackedUser;
      const watcher = this.#watcher(client);
      watch(own, watcher);
      const shown = [...watcher.users].map((each) => announcer.shown(each));
      return {
        own: announcer.ownShown(own),
        users: shown.filter(({ version }) => version > (since ?? -1)),
        refused: [...watcher.refused],
        awayAfterMs,
        settlesMs: settlesMs(),
      };
    });
  }

  async #watch(
    client: Client,
    { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<Watched> {
    const { users, announcer, maxWatched } = this.#host;
    const watcher = this.#watcher(client);
    for (const id of remove) this.#end(watcher, id);
    const others = add.filter((id) => id !== client.user.id);
    const allowed = await this.#allowed(watcher, others);
    const { rechecks } = watcher;
    return users.whenKnown(allowed, (wanted) => {
      this.#mustBeThere(client);
      // What was allowed may not be any more.
      if (rechecks !== watcher.rechecks) throw new ReplyError('UNAVAILABLE');
      const more = wanted.filter((user) => !watcher.users.has(user)).length;
      if (watcher.users.size + more > maxWatched) throw tooMany(maxWatched);
      for (const user of wanted) {
        watch(user, watcher);
        watcher.users.add(user);
        watcher.refused.delete(user.id);
      }
      return {
        users: wanted.map((user) => announcer.shown(user)),
        refused: others.filter((id) => !allowed.has(id)),
      };
    });
  }

  /** What the client may do may have changed. */
  async #recheck(client: Client): Promise<void> {
    const watcher = this.#byClient.get(client.id);
    if (watcher === undefined) return;
    watcher.rechecks++;
    const ids = [...watcher.users].map(({ id }) => id);
    const ended: string[] = [];
    for (let i = 0; i < ids.length; i += maxAsked.ids) {
      const asked = ids.slice(i, i + maxAsked.ids);
      // Where nobody can say, they may not.
      const allowed = await this.#allowed(watcher, asked).catch(() => new Set());
      for (const id of asked) if (!allowed.has(id) && this.#end(watcher, id)) ended.push(id);
    }
    for (const id of ended) watcher.refused.add(id);
    if (ended.length > 0) this.#refused.to([client], { type: 'PRESENCE_REFUSED', userIds: ended });
  }

  /** @throws ReplyError UNAVAILABLE where the application could not say. */
  async #allowed(watcher: Watcher, userIds: readonly string[]): Promise<ReadonlySet<string>> {
    const { canWatch, context } = this.#host;
    const { client } = watcher;
    if (canWatch === undefined || userIds.length === 0) return new Set();
    for (;;) {
      const { rechecks } = watcher;
      let answer: boolean | readonly string[];
      try {
        answer = await canWatch({ client, userIds });
      } catch (cause) {
        context.logger.error('nobody could say who may watch whom', { client: client.id, cause });
        throw new ReplyError('UNAVAILABLE', { cause, retryAfterMs: 1_000 });
      }
      // It is of before.
      if (rechecks !== watcher.rechecks) continue;
      if (answer === true) return new Set(userIds);
      const asked = new Set(userIds);
      return new Set((answer || []).filter((id) => asked.has(id)));
    }
  }

  #watcher(client: Client): Watcher {
    this.#mustBeThere(client);
    const watcher = this.#byClient.get(client.id) ?? new Watcher(client);
    this.#byClient.set(client.id, watcher);
    return watcher;
  }

  /** Whose session has ended while something was waited for must not be remembered. */
  #mustBeThere(client: Client): void {
    if (!client.user.clients.has(client)) throw new ReplyError('UNAVAILABLE');
  }

  #end(watcher: Watcher, userId: string): boolean {
    const { users } = this.#host;
    const user = users.byId.get(userId);
    watcher.refused.delete(userId);
    if (user === undefined || !watcher.users.delete(user)) return false;
    unwatch(user, watcher);
    users.settle(user);
    return true;
  }

  #forget(clientId: string): void {
    const { users } = this.#host;
    const watcher = this.#byClient.get(clientId);
    if (watcher === undefined) return;
    this.#byClient.delete(clientId);
    const own = users.byId.get(watcher.client.user.id);
    for (const user of own === undefined ? watcher.users : [...watcher.users, own]) {
      unwatch(user, watcher);
      users.settle(user);
    }
  }
}

const tooMany = (most: number) =>
  new ReplyError('TOO_MANY_WATCHED', { message: `A client watches ${most} users at most.`, effect: 'none' });

function watch(user: TrackedUser, watcher: Watcher): void {
  user.watchers ??= new Set();
  user.watchers.add(watcher);
}

function unwatch(user: TrackedUser, watcher: Watcher): void {
  user.watchers?.delete(watcher);
  if (user.watchers?.size === 0) user.watchers = undefined;
}

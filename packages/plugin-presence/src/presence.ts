import { definePlugin, type Plugin, type PluginContext } from '@callboard/core';
import type { UserId } from '@callboard/protocol';
import { channelPresence, type ServerChannels } from './channels/channel-presence.ts';
import { type Choice, choices, type OwnPresence, userIdsIn } from './contract.ts';
import type { PresenceOptions } from './options.ts';
import { Memory } from './store/memory.ts';
import { memoryStore } from './store/memory-store.ts';
import { Announcer } from './users/announcer.ts';
import type { TrackedUser } from './users/tracked-user.ts';
import { Users } from './users/users.ts';
import { Watching } from './users/watching.ts';
import { Wheel } from './wheel.ts';

/** `server.presence`. */
export interface ServerPresence extends ServerChannels {
  /**
   * Users as they are, invisible or not, by id; also of those whom nobody has ever seen.
   * @throws ReplyError UNAVAILABLE where the store does not answer, TypeError where an id is none.
   */
  get(userIds: UserId | readonly UserId[]): Promise<ReadonlyMap<string, OwnPresence>>;
  /** In the user's name. @throws ReplyError UNAVAILABLE, TypeError where the id or the choice is none. */
  set(userId: UserId, choice: Choice): Promise<void>;
}

/** Who is online, away or gone: `server.presence`. @throws RangeError where an option is out of range. */
export function presence(options: PresenceOptions = {}): Plugin<'presence', ServerPresence> {
  for (const name of ['awayAfterMs', 'graceMs', 'graceAfterCloseMs', 'batchMs', 'maxWatched'] as const) {
    const value = options[name] ?? 1;
    if (!(typeof value === 'number' && value >= 0 && value < LONGEST_TIMER_MS))
      throw new RangeError(`${name} must be a number from 0 on, and no longer than a timer can be`);
  }
  return definePlugin({ name: 'presence', setup: (context) => setUp(context, options) });
}

function setUp(context: PluginContext, options: PresenceOptions): ServerPresence {
  const { clock, logger, server, metric, onDispose } = context;
  const { awayAfterMs = 300_000, graceMs = 30_000, graceAfterCloseMs = 5_000 } = options;
  const { canWatch, maxWatched = 5_000, batchMs = 100, store = memoryStore(), useOf } = options;
  const announcer = new Announcer(context, batchMs);
  const wheel = new Wheel(clock);
  const memory: Memory = new Memory({ clock, logger, store, recalled: (user) => users.recalled(user) });
  const users = new Users(
    context,
    { awayAfterMs, graceMs, graceAfterCloseMs, useOf, wheel },
    {
      changed: (user) => announcer.add(user),
      sighted: ({ id, uses }) =>
        inChannels.sighted(
          id,
          uses.map(({ client }) => client.id),
        ),
      remember: (user) => user.known && memory.remember(user.remembered),
      recall: (userId) => memory.recall(userId),
      known: (userIds) => memory.recalled(userIds),
    },
  );
  const sightOf = (userId: string) => users.sightOf(userId);
  let startedAt = Number.NEGATIVE_INFINITY;
  const settlesMs = () => Math.min(graceMs, Math.max(0, startedAt + graceMs - clock.now()));
  const inChannels = channelPresence(context, options, { wheel, sightOf, settlesMs });
  const watching = new Watching({
    ...{ context, users, announcer, canWatch, maxWatched, awayAfterMs, settlesMs },
  });
  server.events$.subscribe(({ type }) => {
    if (type !== 'SERVER_STARTED') return;
    startedAt = clock.now();
    memory.open();
  });
  onDispose(async () => {
    users.end();
    wheel.stop();
    announcer.stop();
    await memory.close();
  });
  metric('users', () => users.byId.size);
  metric('watchers', () => watching.watchers);
  metric('storeFailures', () => memory.failures);
  return {
    channel: inChannels.channel,
    get: (userIds) =>
      users.whenKnown(userIdsIn(userIds), (found) => new Map(found.map(({ id, own }) => [id, own]))),
    async set(userId, choice) {
      if (!choices.includes(choice)) throw new TypeError(`not a choice: ${String(choice)}`);
      await users.whenKnown(userIdsIn(userId), ([user]) => users.choose(user as TrackedUser, choice));
    },
  };
}

/** Node's timers cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31;

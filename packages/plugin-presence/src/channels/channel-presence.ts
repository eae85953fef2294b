import { randomUUID } from 'node:crypto';
import type { ChannelRequest, PluginContext } from '@callboard/core';
import { type Awaitable, isPromise } from '@callboard/runtime';
import { askMembers, type Counts, channelOf, type Member, refusal, sayMeta, streams } from './contract.ts';
import { Memberships, type MembershipsParts } from './memberships.ts';
import { metaOf } from './meta.ts';
import { type ChannelPresenceOptions, policiesOf } from './options.ts';
import type { Roster } from './roster.ts';
import { Telling } from './telling.ts';

/** Who is in a channel, as those who watch are told it: without who is invisible. */
export interface ServerChannelPresence {
  readonly name: string;
  /** In the order in which they came, also where clients are told counts alone. */
  readonly members: readonly Member[];
  readonly counts: Counts;
}

export interface ServerChannels {
  /** Presence in this channel; nobody is in one that has none. */
  channel(name: string): ServerChannelPresence;
}

/** How many batches a watcher may have missed that comes back; beyond that it asks who is there. */
const HISTORY = { size: 256 };

/** What presence in channels has in common with that of users. */
export interface InCommon extends Pick<MembershipsParts, 'wheel' | 'sightOf'> {
  /** So long, in milliseconds, those who were there before the server was started may not be back yet. */
  settlesMs(): number;
}

/** Who is in which channel. @throws TypeError, RangeError where an option is none. */
export function channelPresence(
  context: PluginContext,
  options: ChannelPresenceOptions,
  { wheel, sightOf, settlesMs }: InCommon,
): ServerChannels & Pick<Memberships, 'sighted'> {
  const { server, clock, logger, channels, handle, metric, onDispose } = context;
  const { graceMs = 30_000, graceAfterCloseMs = 5_000, batchMs = 100 } = options;
  const policies = policiesOf(options.channels);
  const memberships: Memberships = new Memberships({
    ...{ wheel, sightOf, policies, graceMs, graceAfterCloseMs },
    changed: (roster) => telling.add(roster),
    told: () => telling.batches,
  });
  const settled = (roster: Roster) => memberships.settle(roster);
  const telling: Telling = new Telling({ server, clock, logger, batchMs, settled });

  const canWatch = ({ user, client, channel: stream }: ChannelRequest): Awaitable<boolean> => {
    const channel = channelOf(stream) ?? '';
    const policy = policies.of(channel);
    if (policy === undefined) return false;
    const may = policy.canWatch?.({ user, client, channel }) ?? true;
    const read = (allowed: boolean) => allowed && context.canSubscribe(client, channel);
    return isPromise(may) ? may.then(read) : read(may);
  };
  channels(streams, { canSubscribe: canWatch, history: HISTORY, overflow: 'latest' });

  let run = '';
  handle('PRESENCE_MEMBERS', ({ action, client }) => {
    const { channel, after } = askMembers(action);
    const roster = memberships.rosters.get(channel);
    if (!roster?.watchers.has(client.id)) throw refusal('NOT_WATCHING');
    return { ...roster.page(after), run, settlesMs: settlesMs() };
  });
  handle('PRESENCE_META', ({ action, client }) => {
    const { channel, meta } = sayMeta(action);
    const policy = policies.of(channel);
    if (policy === undefined) throw refusal('FORBIDDEN');
    memberships.say(client, channel, meta === null ? undefined : metaOf(meta, policy));
  });

  server.subscriptions$.subscribe(({ client, channel, subscribed }) => {
    const watched = channelOf(channel);
    if (watched !== undefined) {
      if (subscribed) memberships.watches(client, watched);
      else memberships.unwatches(client, watched);
    } else if (subscribed) memberships.entered(client, channel);
    else memberships.left(client, channel);
  });
  server.events$.subscribe((event) => {
    if (event.type === 'CLIENT_LOST') memberships.lost(event.clientId as string);
    else if (event.type === 'CLIENT_RESUMED') memberships.back(event.clientId as string);
    else if (event.type === 'SERVER_STARTED') run = randomUUID();
  });
  onDispose(() => {
    memberships.clear();
    telling.clear();
  });
  metric('channels', () => memberships.rosters.size);
  metric('members', () => memberships.size);
  metric('batches', () => telling.batches);
  return {
    channel: (name) => view(name, memberships),
    sighted: (userId, clientIds) => memberships.sighted(userId, clientIds),
  };
}

function view(name: string, { rosters }: Memberships): ServerChannelPresence {
  return {
    name,
    get members() {
      return rosters.get(name)?.members ?? [];
    },
    get counts() {
      return rosters.get(name)?.counts ?? { users: 0, clients: 0, listed: true };
    },
  };
}

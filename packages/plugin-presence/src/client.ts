import {
  type ClientPlugin,
  type ClientPluginContext,
  defineClientPlugin,
  type Unsubscribe,
} from '@callboard/client';
import type { UserId } from '@callboard/protocol';
import type { Observable } from 'rxjs';
import { Activity } from './activity/activity.ts';
import { followPage } from './activity/page.ts';
import { type ChannelPresence, type ClientChannels, channelPresenceClient } from './channels/client.ts';
import type { Choice, OwnPresence } from './contract.ts';
import { ClientUsers } from './users/client-users.ts';
import type { WatchedUsers } from './users/watch-view.ts';

export type { ChannelPresence, ChannelPresenceEvent } from './channels/client.ts';
export type { Counts, Member, MemberClient, MemberMeta } from './channels/contract.ts';
export type { Choice, OwnPresence, UserPresence } from './contract.ts';
export type { WatchedUsers } from './users/watch-view.ts';

/** `client.presence`. */
export interface ClientPresence extends ClientChannels {
  /** How this client's user is, over all clients, invisible or not; undefined before the server has said. */
  readonly own: OwnPresence | undefined;
  /** The same, now and whenever it changes. */
  readonly own$: Observable<OwnPresence>;
  /** What the user wants to be seen as, on all clients, until they choose otherwise. @throws SendError */
  set(choice: Choice): Promise<void>;
  /**
   * How these users are, as soon as that is known of all of them, and whenever something changes; over lost connections too. Ends
   * when all of them are refused. How many there may be is the server's to say.
   * @throws TypeError where an id is none.
   */
  watch(userIds: UserId | readonly UserId[]): Observable<WatchedUsers>;
  /** The same, calling back. One that throws is reported to the logger, and ends. */
  watch(userIds: UserId | readonly UserId[], callback: (watched: WatchedUsers) => void): Unsubscribe;
  /** Of all clients of the user this one was used last. */
  isActive(): boolean;
  /**
   * Somebody uses this client, or nobody does. A page finds that out by itself, and may say besides that a film is being watched; in
   * Node.js a client is in use until it says otherwise. Who is `active` and says nothing more is idle after `awayAfterMs`.
   */
  activity(state: 'active' | 'idle'): void;
}

export interface PresenceClientOptions {
  /** Without input for so long nobody uses this client, in milliseconds. Default: what the server says. */
  readonly awayAfterMs?: number;
  /** A page that is hidden for so long is not used, in milliseconds. Default 5,000. */
  readonly hiddenAfterMs?: number;
}

/** The client's half: `createClient({ plugins: [presenceClient()] })`. */
export function presenceClient(
  options: PresenceClientOptions = {},
): ClientPlugin<'presence', ClientPresence, ChannelPresence> {
  return defineClientPlugin({
    name: 'presence',
    setup: (context) => setUp(context, options),
    channel: ({ name }, presence) => presence.channel(name),
  });
}

function setUp(context: ClientPluginContext, options: PresenceClientOptions): ClientPresence {
  const { client, timers } = context;
  const isActive = () => client.id !== undefined && users.own?.activeClient === client.id;
  const activity = new Activity({ context, isElsewhere: () => users.own !== undefined && !isActive() });
  const unfollow = followPage(activity, timers, options.hiddenAfterMs ?? 5_000);
  let awayAfterMs = options.awayAfterMs ?? 300_000;
  if (unfollow !== undefined) activity.watch(awayAfterMs);
  const users: ClientUsers = new ClientUsers(context, (begun) => {
    const said = options.awayAfterMs ?? begun.awayAfterMs;
    if (said === awayAfterMs) return;
    awayAfterMs = said;
    if (unfollow !== undefined) activity.watch(awayAfterMs);
  });
  context.onClose(() => {
    unfollow?.();
    activity.end();
  });
  function watch(userIds: UserId | readonly UserId[]): Observable<WatchedUsers>;
  function watch(userIds: UserId | readonly UserId[], callback: (watched: WatchedUsers) => void): Unsubscribe;
  function watch(userIds: UserId | readonly UserId[], callback?: (watched: WatchedUsers) => void) {
    const watched$ = users.watch(userIds);
    if (callback === undefined) return watched$;
    const subscription = watched$.subscribe(callback);
    return () => subscription.unsubscribe();
  }
  return {
    ...channelPresenceClient(context),
    get own() {
      return users.own;
    },
    own$: users.own$,
    set: (choice) => users.choose(choice),
    watch,
    isActive,
    activity(state) {
      if (state === 'idle') return activity.idle();
      activity.watch(awayAfterMs);
      activity.used();
    },
  };
}

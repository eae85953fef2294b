import { type ClientPlugin, defineClientPlugin } from '@callboard/client';
import type { Observable } from 'rxjs';
import { ClientInbox } from './client-inbox.ts';
import type { Item } from './contract.ts';

export type { Item, ItemState } from './contract.ts';

/** An item, and whether this is the client that is to alert the person. */
export interface Notice extends Item {
  readonly alert: boolean;
}

/** `client.notify`. */
export interface ClientNotifications {
  /** What is not dismissed, the newest first, at most 200, fewer large ones: resolves when the server has said. */
  list(): Promise<readonly Item[]>;
  /** The same, now and whenever it changes; empty before the server has said. */
  readonly items$: Observable<readonly Item[]>;
  /** How many are unread, the same on all clients of the person. */
  readonly unread$: Observable<number>;
  /** By their ids, at most 200; on all clients. @throws SendError */
  markRead(ids: string | readonly string[]): Promise<void>;
  /** The same; they are in no list then. @throws SendError */
  dismiss(ids: string | readonly string[]): Promise<void>;
  /**
   * Calls back once for each notification that comes while this client lives, and for what came while none of the person's did. Of all
   * their clients with a callback one has `alert`. Gives what ends it. A callback that throws is reported to the logger.
   */
  on(callback: (notice: Notice) => void): () => void;
}

/** The client's half: `createClient({ plugins: [notifyClient()] })`. */
export function notifyClient(): ClientPlugin<'notify', ClientNotifications> {
  return defineClientPlugin({
    name: 'notify',
    setup: (context): ClientNotifications => new ClientInbox(context),
  });
}

import type { Sender, Status } from './frames.ts';

/**
 * Native events, by entity (PROTOCOL.md, "Native events"). Their types are reserved: no client can send an action
 * with one. Each reaches the server's handler and `events$`, and the clients that subscribed and may see it: for an
 * event of a user or of a client, that user's own clients.
 */
export const nativeEvents = {
  server: ['SERVER_STARTED', 'SERVER_DRAINING', 'SERVER_STOPPED'],
  user: ['USER_JOINED', 'STATUS_CHANGE', 'USER_LEFT'],
  client: ['CLIENT_ONLINE', 'CLIENT_LOST', 'CLIENT_RESUMED', 'CLIENT_ACTIVITY', 'CLIENT_GONE'],
} as const;

/** The status of a user over all clients. Times are milliseconds since 1970 (UTC), null where never or not now. */
export interface UserStatus {
  readonly status: Status;
  readonly previousStatus: Status;
  readonly onlineSinceTs: number | null;
  readonly lastOnlineTs: number | null;
  readonly awaySinceTs: number | null;
}

interface At {
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
}
interface OfUser extends At {
  readonly userId: string;
}
interface OfClient extends At, Sender {}

export type ServerEvent = At & { readonly type: (typeof nativeEvents.server)[number] };
export type UserEvent =
  | (OfUser & { readonly type: 'USER_JOINED' | 'USER_LEFT' })
  | (OfUser & UserStatus & { readonly type: 'STATUS_CHANGE' });
export type ClientEvent =
  | (OfClient & { readonly type: 'CLIENT_ONLINE' | 'CLIENT_RESUMED' })
  | (OfClient & { readonly type: 'CLIENT_LOST' | 'CLIENT_GONE'; readonly reason: string })
  | (OfClient & { readonly type: 'CLIENT_ACTIVITY'; readonly state: 'active' | 'idle' });

export type NativeEvent = ServerEvent | UserEvent | ClientEvent;
export type NativeEventType = NativeEvent['type'];

import type { ChannelPolicies } from '@callboard/core';
import { type PresenceOptions, presence } from '@callboard/plugin-presence';
import { GREEN_ROOM } from './shared/green-room.ts';

/** How long somebody who has gone is not taken for gone, and who does nothing not for away, in milliseconds. */
export type Patience = Pick<PresenceOptions, 'graceMs' | 'graceAfterCloseMs' | 'awayAfterMs'>;

/** The company sees each other, in the green room and at a show; devices see nobody, and nobody looks for them. */
export function companyPresence(isPerson: (userId: string) => boolean, patience: Patience) {
  return presence({
    ...patience,
    canWatch: ({ client, userIds }) => isPerson(client.user.id) && userIds.filter(isPerson),
    channels: { [GREEN_ROOM]: {}, 'show/+': {} },
  });
}

export function greenRoomPolicies(isPerson: (userId: string) => boolean): ChannelPolicies {
  return { [GREEN_ROOM]: { canSubscribe: ({ user }) => isPerson(user.id) } };
}

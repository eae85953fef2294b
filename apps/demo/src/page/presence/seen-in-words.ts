import type { UserPresence } from '@callboard/plugin-presence/client';

const format = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

export type Seen = Pick<UserPresence, 'status' | 'doNotDisturb' | 'awaySinceTs' | 'lastOnlineTs'> | undefined;

/** How somebody is seen, for people. */
export function seenInWords(presence: Seen): string {
  if (presence === undefined) return 'nobody knows';
  const { status, doNotDisturb, awaySinceTs, lastOnlineTs } = presence;
  const busy = doNotDisturb ? ', not to be disturbed' : '';
  if (status === 'ONLINE') return `here${busy}`;
  if (status === 'AWAY')
    return `away${awaySinceTs === null ? '' : ` since ${format.format(awaySinceTs)}`}${busy}`;
  return lastOnlineTs === null ? 'not in' : `last in at ${format.format(lastOnlineTs)}`;
}

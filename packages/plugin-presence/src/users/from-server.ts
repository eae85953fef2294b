import type { AnyAction } from '@callboard/protocol';
import { type Changed, choices, type OwnChanged, type Refused } from './contract.ts';

/** What the server told, where it is that: a page may be older than its server. */
export function fromServer(
  action: object & { readonly type: string },
): Changed | OwnChanged | Refused | undefined {
  const { type, users, own, userIds } = action as AnyAction;
  switch (type) {
    case 'PRESENCE_CHANGED':
      return Array.isArray(users) && users.every(isPresence) ? (action as Changed) : undefined;
    case 'PRESENCE_OWN_CHANGED':
      return isPresence(own) && choices.includes((own as OwnChanged['own']).choice)
        ? (action as OwnChanged)
        : undefined;
    case 'PRESENCE_REFUSED':
      return Array.isArray(userIds) && userIds.every((id) => typeof id === 'string')
        ? (action as Refused)
        : undefined;
    default:
      return undefined;
  }
}

function isPresence(value: unknown): boolean {
  const { userId, status, version } = (value ?? {}) as Record<string, unknown>;
  return typeof userId === 'string' && typeof status === 'string' && typeof version === 'number';
}

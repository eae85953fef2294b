import type { Client, Logger, Principal, Server, VerifyClient } from '@callboard/core';
import type { Accounts } from './accounts.ts';
import { bearerOf } from './passes.ts';
import { isDevice } from './shared/devices.ts';
import { PASSWORD_CHANGED } from './shared/pass.ts';

/**
 * A token may be good and its account gone, or have another version. A device's token is good for MQTT alone: there it can neither
 * take a seat nor write a note.
 */
export function known(accounts: Accounts, verify: VerifyClient): VerifyClient {
  return async (credentials) => {
    const { userId, transport } = credentials;
    if (isDevice(userId)) return transport === 'mqtt' && verify(credentials);
    const principal = await verify(credentials);
    return typeof principal === 'object' && (await isCurrent(accounts, principal)) && principal;
  };
}

/** Closes the connections that a user has, but for that of one client. */
export type EndClients = (userId: string, spared?: string) => void;

export function endClients({ users }: Pick<Server, 'users'>, userId: string, spared?: string): void {
  for (const client of [...(users.get(userId)?.clients ?? [])]) if (client.id !== spared) end(client);
}

/** Closes those, too, whose token came to its end after it was verified and before they were there. */
export function endLate(
  { events$, users }: Pick<Server, 'events$' | 'users'>,
  accounts: Accounts,
  logger: Logger,
): void {
  events$.subscribe((event) => {
    if (event.type !== 'CLIENT_ONLINE') return;
    const { userId, clientId } = event as { readonly userId: string; readonly clientId: string };
    const client = [...(users.get(userId)?.clients ?? [])].find(({ id }) => id === clientId);
    if (client === undefined || isDevice(userId)) return;
    isCurrent(accounts, client).then(
      (is) => is || end(client),
      (cause: unknown) => logger.error('a token was not looked at again', { userId, cause }),
    );
  });
}

const end = (client: Client) => client.disconnect(PASSWORD_CHANGED, 'PASSWORD_CHANGED');

async function isCurrent(accounts: Accounts, { claims = {} }: Pick<Principal, 'claims'>): Promise<boolean> {
  const bearer = bearerOf(claims);
  return bearer !== undefined && (await accounts.of(bearer)) !== undefined;
}

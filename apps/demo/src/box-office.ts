import type { Server as HttpServer } from 'node:http';
import { createServer, type Logger, type Server, type VerifyClient } from '@callboard/core';
import { jwt } from '@callboard/core/jwt';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import type { Accounts } from './accounts.ts';
import type { Houses } from './houses.ts';
import type { Passes } from './passes.ts';
import { seatHandlers } from './seat-handlers.ts';
import { type BoxOfficeContract, contract } from './shared/contract.ts';
import { merge, type Shortlist } from './shared/shortlist.ts';
import type { ShowId } from './shared/shows.ts';
import { ShowChannels, showPolicies } from './show-channels.ts';

export interface BoxOfficeOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  readonly houses: Houses;
  readonly httpServer: HttpServer;
  readonly logger: Logger;
}

/** The realtime half: who may come in, who may write to whom, and what the server answers. */
export function createBoxOffice(options: BoxOfficeOptions): Server<BoxOfficeContract> {
  const { accounts, passes, houses, httpServer, logger } = options;
  const shortlists = new Map<string, Shortlist>();

  const server: Server<BoxOfficeContract> = createServer({
    httpServer,
    logger,
    // Clients take the second where a network lets no WebSocket through.
    transports: [webSocketTransport(), httpTransport()],
    contract,
    channels: showPolicies(houses),
    verifyClient: known(accounts, jwt({ secret: passes.secret, issuer: passes.issuer })),
    // Notes only, and only for who is there to find them: nothing is kept for others.
    canSend: ({ to, action }) => action.type === 'NOTE' && server.users.has(to),
    handlers: {
      SHORTLIST: ({ user }) => ({ state: shortlists.get(user.id) ?? {} }),
      ...seatHandlers(houses, changed),
      /** Events tell what changes; this tells where a tab stands when it comes. */
      MY_TABS: ({ user }) => ({
        tabs: [...user.clients].map(({ id, online }) => ({ clientId: id, online })),
      }),
    },
  });
  const showChannels = new ShowChannels(server, houses, logger);
  server.actions$.subscribe(({ kind, action, user }) => {
    if (kind !== 'broadcast' || action.type !== 'SHORTLIST_UPDATE') return;
    shortlists.set(user.id, merge(shortlists.get(user.id) ?? {}, action.state));
  });
  return server;

  /** Who looks at the show is told of its house; whose seat it is or was, in all their tabs, of their own. */
  function changed(show: ShowId, userId: string): void {
    showChannels.tell(show);
    const seats = houses.of(show).heldBy(userId);
    server.sendToUser(userId, { type: 'YOUR_SEATS', show, seats }).catch((cause: unknown) => {
      logger.error('a user was not told of their seats', { userId, cause });
    });
  }
}

/** A token may be good and its account gone: accounts do not outlive the server, a secret may. */
function known(accounts: Accounts, verify: VerifyClient): VerifyClient {
  return async (credentials) => accounts.byId(credentials.userId) !== undefined && verify(credentials);
}

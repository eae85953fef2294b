import type { Server as HttpServer } from 'node:http';
import { createServer, type Logger, ReplyError, type Server, type VerifyClient } from '@callboard/core';
import { jwt } from '@callboard/core/jwt';
import { webSocketTransport } from '@callboard/transport-ws';
import type { Accounts } from './accounts.ts';
import type { House } from './house.ts';
import type { Passes } from './passes.ts';
import { type BoxOfficeContract, contract } from './shared/contract.ts';
import { merge, type Shortlist } from './shared/shortlist.ts';

export interface BoxOfficeOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  readonly house: House;
  readonly httpServer: HttpServer;
  readonly logger: Logger;
}

/** The realtime half: who may come in, who may write to whom, and what the server answers. */
export function createBoxOffice(options: BoxOfficeOptions): Server<BoxOfficeContract> {
  const { accounts, passes, house, httpServer, logger } = options;
  const shortlists = new Map<string, Shortlist>();

  const server: Server<BoxOfficeContract> = createServer({
    httpServer,
    logger,
    transports: [webSocketTransport()],
    contract,
    verifyClient: known(accounts, jwt({ secret: passes.secret, issuer: passes.issuer })),
    // Notes only, and only for who is there to find them: nothing is kept for others.
    canSend: ({ to, action }) => action.type === 'NOTE' && server.users.has(to),
    handlers: {
      SHORTLIST: ({ user }) => ({ state: shortlists.get(user.id) ?? {} }),
      TAKE_SEAT: () => {
        const seat = house.take();
        if (seat === undefined)
          throw new ReplyError('SOLD_OUT', { message: 'Every seat is taken.', effect: 'none' });
        return { seat, left: house.left };
      },
      SEATS_LEFT: () => ({ left: house.left, of: house.seats }),
      /** Events tell what changes; this tells where a tab stands when it comes. */
      MY_TABS: ({ user }) => ({
        tabs: [...user.clients].map(({ id, online }) => ({ clientId: id, online })),
      }),
    },
  });
  server.actions$.subscribe(({ kind, action, user }) => {
    if (kind !== 'broadcast' || action.type !== 'SHORTLIST_UPDATE') return;
    shortlists.set(user.id, merge(shortlists.get(user.id) ?? {}, action.state));
  });
  return server;
}

/** A token may be good and its account gone: accounts do not outlive the server, a secret may. */
function known(accounts: Accounts, verify: VerifyClient): VerifyClient {
  return async (credentials) => accounts.byId(credentials.userId) !== undefined && verify(credentials);
}

import type { Server as HttpServer } from 'node:http';
import { createServer, type Gateway, type Logger, type Server } from '@callboard/core';
import { jwt } from '@callboard/core/jwt';
import { redisIngress } from '@callboard/ingress-redis';
import { type Notifications, type NotifyOptions, notify } from '@callboard/plugin-notify';
import type { ServerPresence } from '@callboard/plugin-presence';
import { type Refetch, type RefetchOptions, refetch } from '@callboard/plugin-refetch';
import { httpTransport } from '@callboard/transport-http';
import type { MqttTransport } from '@callboard/transport-mqtt';
import { webSocketTransport } from '@callboard/transport-ws';
import type { Accounts } from './accounts.ts';
import { devicePolicies } from './device-channels.ts';
import { endLate, known } from './ended-tokens.ts';
import { companyPresence, greenRoomPolicies, type Patience } from './green-room.ts';
import type { Houses } from './houses.ts';
import type { Passes } from './passes.ts';
import { seatHandlers } from './seat-handlers.ts';
import { type BoxOfficeContract, contract } from './shared/contract.ts';
import { isDevice, SPARE } from './shared/devices.ts';
import { merge, type Shortlist } from './shared/shortlist.ts';
import type { ShowId } from './shared/shows.ts';
import { CLOCK_CHANNEL, type TheatreClock } from './shared/theatre-clock.ts';
import { ShowChannels, showPolicies } from './show-channels.ts';
import { byClock, tellTime } from './theatre-time.ts';

export interface BoxOfficeOptions {
  readonly accounts: Accounts;
  readonly passes: Passes;
  readonly houses: Houses;
  readonly httpServer: HttpServer;
  /** Where devices come in with a token. */
  readonly mqtt: MqttTransport;
  /** All ways for devices. */
  readonly gateways: readonly Gateway[];
  readonly patience: Patience;
  /** By which notifications fall due. */
  readonly clock: TheatreClock;
  readonly notify: NotifyOptions;
  readonly refetch: RefetchOptions;
  /** Other programs give their commands there. */
  readonly redis: string | undefined;
  readonly logger: Logger;
}

export type BoxOffice = Server<BoxOfficeContract> & {
  readonly notify: Notifications;
  readonly presence: ServerPresence;
  readonly refetch: Refetch;
};

/** The realtime half: who may come in, who may write to whom, and what the server answers. */
export function createBoxOffice(options: BoxOfficeOptions): BoxOffice {
  const { accounts, passes, houses, httpServer, mqtt, gateways, clock, patience, logger } = options;
  // Who came in is one or the other.
  const isPerson = (userId: string) => !isDevice(userId);
  const shortlists = new Map<string, Shortlist>();

  const server: BoxOffice = createServer({
    httpServer,
    logger,
    // Pages take the second where a network lets no WebSocket through.
    transports: [webSocketTransport(), httpTransport(), ...gateways],
    contract,
    plugins: [
      byClock(notify(options.notify), clock),
      companyPresence(isPerson, patience),
      refetch(options.refetch),
    ],
    channels: {
      ...showPolicies(houses),
      ...devicePolicies(isPerson),
      ...greenRoomPolicies(isPerson),
      [CLOCK_CHANNEL]: { retain: true, canSubscribe: () => true },
    },
    verifyClient: known(accounts, jwt({ secret: passes.secret, issuer: passes.issuer })),
    // Notes only, and only for who is there to find them: nothing is kept for others.
    canSend: ({ to, action }) => action.type === 'NOTE' && isPerson(to) && isIn(server, to),
    handlers: {
      SHORTLIST: ({ user }) => ({ state: shortlists.get(user.id) ?? {} }),
      ...seatHandlers(houses, changed),
      /** Events tell what changes; this tells where a tab stands when it comes. */
      MY_TABS: ({ user }) => ({
        tabs: [...user.clients].map(({ id, online }) => ({ clientId: id, online })),
      }),
      SPARE_THERMOMETER: async () => ({
        port: mqtt.port as number,
        userName: SPARE,
        token: await passes.issue(SPARE),
      }),
    },
  });
  if (options.redis !== undefined) server.use(redisIngress({ url: options.redis }));
  tellTime(server, clock, logger);
  endLate(server, accounts, logger);
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

/**
 * Who has a tab, or one that is about to come back, and does not want to be taken for one who has none. Who closed the last one may
 * yet be seen, and finds nothing; so it is with who wants to be seen no more.
 */
export async function isIn({ users, presence }: Pick<BoxOffice, 'users' | 'presence'>, userId: string) {
  if ((users.get(userId)?.clients.size ?? 0) === 0) return false;
  return (await presence.get(userId)).get(userId)?.choice !== 'invisible';
}

import { createServer, type Logger, type Server } from '@callboard/core';
import { webSocketTransport } from '@callboard/transport-ws';
import { handlers } from './handlers.ts';
import { staticPage } from './static-page.ts';

export interface DemoOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Seats that can be taken. Default 24. */
  readonly seats?: number;
  readonly logger?: Logger;
}

/**
 * The demo's server. There is no `verifyClient`, so that everybody is who they say they are: for that reason it listens
 * on loopback only, and refuses whatever comes through a proxy.
 */
export function createDemo({ port, seats, logger }: DemoOptions): Server {
  return createServer({
    port,
    transports: [webSocketTransport()],
    canSend: () => true,
    handlers: handlers({ ...(seats !== undefined && { seats }) }),
    expressUse: { '/': staticPage },
    ...(logger && { logger }),
  });
}

import type { Transport } from '@callboard/core';
import type { Times } from './down.ts';
import { Entrance } from './entrance.ts';

export interface HttpTransportOptions {
  /** Where the HTTP server takes the requests. Default `/callboard`, as for WebSocket. */
  readonly path?: string;
  /** Between two comments in a stream, in milliseconds: less than proxies wait for. Default 15,000. */
  readonly heartbeatMs?: number;
  /** How long a poll waits for frames, in milliseconds: less than proxies wait for. Default 20,000. */
  readonly pollMs?: number;
  /** A connection without a GET for so long is lost, in milliseconds. Default 15,000. */
  readonly lostMs?: number;
}

/**
 * The fallback where a network lets no WebSocket through: a streaming GET (server-sent events), or long polling, and
 * POST upwards. Stands beside `webSocketTransport`, on the same path.
 * @throws RangeError where a time is not a number above 0.
 */
export function httpTransport({
  path = '/callboard',
  heartbeatMs = 15_000,
  pollMs = 20_000,
  lostMs = 15_000,
}: HttpTransportOptions = {}): Transport {
  const times: Times = { heartbeatMs, pollMs, lostMs };
  for (const [name, ms] of Object.entries(times)) {
    if (!(ms > 0)) throw new RangeError(`${name} must be a number above 0`);
  }
  let entrance: Entrance | undefined;
  return {
    name: 'http',
    start(host) {
      const opened = new Entrance(host, times);
      entrance = opened;
      host.onRequest(path, (request, response, asked) => opened.visit(request, response, asked));
    },
    stop() {
      entrance?.end();
      entrance = undefined;
    },
  };
}

import type { Timers } from '@callboard/runtime';
import { HttpConnection } from './http-connection.ts';
import { systemTimers } from './options.ts';
import type { ClientTransport } from './transport.ts';

export interface HttpOptions {
  /** `stream`: a streaming GET, and polls where it does not get through. Default `stream`. */
  readonly mode?: 'stream' | 'poll';
  /** For tests. */
  readonly timers?: Timers;
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
}

/** HTTP, where a network lets no WebSocket through: PROTOCOL.md, "HTTP". */
export function http(options: HttpOptions = {}): ClientTransport {
  const { mode = 'stream', timers = systemTimers, fetch = globalThis.fetch } = options;
  /** Streams are held back here; what holds them back is asked again some time. */
  let pollUntil = mode === 'poll' ? Number.POSITIVE_INFINITY : 0;
  return {
    name: 'http',
    open: (url, events) =>
      new HttpConnection({
        url: url.replace(/^ws/, 'http'),
        timers,
        // Some platforms want it called as a function of the global object.
        fetch: (address, init) => fetch(address, init),
        events,
        streams: timers.now() >= pollUntil,
        heldBack: () => {
          pollUntil = timers.now() + POLL_FOR_MS;
        },
      }),
  };
}

const POLL_FOR_MS = 300_000;

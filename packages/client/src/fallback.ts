import type { Timers } from '@callboard/runtime';
import { systemTimers } from './options.ts';
import type { ClientConnection, ClientConnectionEvents, ClientTransport } from './transport.ts';
import { webSocket } from './web-socket.ts';

export interface FallbackOptions {
  /** For tests. */
  readonly timers?: Timers;
  /** Default: `webSocket()`. */
  readonly first?: ClientTransport;
  /** Loads what is taken where the first does not open. Default: `http()`. */
  readonly second?: () => Promise<ClientTransport>;
  /** Where it is remembered that the first does not open. Default: the page's `sessionStorage`, if there is a page. */
  readonly memory?: Memory;
}
type Memory = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * WebSocket, and HTTP where that does not open (PROTOCOL.md, "Which transport"). What HTTP takes is loaded when it is
 * needed, and is taken for five minutes then, over reloads of the page too. It is what a client takes by itself; named, it can
 * be wrapped.
 */
export function fallback(options: FallbackOptions = {}): ClientTransport {
  const { timers = systemTimers, first = webSocket() } = options;
  const load = options.second ?? (async () => (await import('./http.ts')).http({ timers }));
  let loading: Promise<ClientTransport> | undefined;
  const memory = options.memory ?? storeOfPage();
  /** Whether it is no use to try the first. Not for ever, should the clock be put back. */
  const isBlocked = (url: string) => {
    const leftMs = Number(memory.getItem(keyOf(url))) - timers.now();
    return leftMs > 0 && leftMs <= SECOND_FOR_MS;
  };
  /** How often in a row the first may fail before the second is tried: one that has worked may do so again. */
  let patience = 0;
  let failures = 0;

  function open(url: string, events: ClientConnectionEvents): ClientConnection {
    /** The one that counts; what others still tell is of no interest. */
    let connection: ClientConnection | undefined;
    let attempts = 0;
    let timer: unknown;
    let leaving = false;
    let over = false;
    const end = (code: number, reason: string) => {
      if (over) return;
      over = true;
      timers.clearTimeout(timer);
      events.closed(code, reason);
    };

    /** `failed`: it did not open. */
    const attempt = (
      transport: ClientTransport,
      opened: () => void,
      failed: (code: number, reason: string) => void,
    ) => {
      const number = ++attempts;
      const counts = () => number === attempts && !over;
      let isOpen = false;
      connection = undefined;
      connection = transport.open(url, {
        opened() {
          if (!counts()) return;
          isOpen = true;
          opened();
          events.opened();
        },
        received(text) {
          if (counts()) events.received(text);
        },
        closed(code, reason) {
          if (!counts()) return;
          if (isOpen || leaving) end(code, reason);
          else failed(code, reason);
        },
      });
    };

    const openFirst = () => {
      const failed = (code: number, reason: string) => {
        timers.clearTimeout(timer);
        attempts++;
        connection = undefined;
        if (failures++ < patience) end(code, reason);
        else openSecond(code, reason);
      };
      timer = timers.setTimeout(() => {
        const dead = connection;
        failed(1006, 'no answer in time');
        dead?.drop();
      }, FIRST_MS);
      const opened = () => {
        timers.clearTimeout(timer);
        failures = 0;
        patience = PATIENCE;
      };
      try {
        attempt(first, opened, failed);
      } catch {
        // There is none here, or none is allowed.
        failed(1006, '');
      }
    };

    /** `code`, `reason`: what the first said. That counts where the second is not there either. */
    const openSecond = (code: number, reason: string) => {
      loading ??= load();
      loading.then(
        (second) => {
          if (over || leaving) return;
          const opened = () => {
            if (!isBlocked(url)) memory.setItem(keyOf(url), String(timers.now() + SECOND_FOR_MS));
          };
          attempt(second, opened, (itsCode, itsReason) => {
            memory.removeItem(keyOf(url));
            if (itsCode === 1002 && itsReason.startsWith('HTTP ')) end(code, reason);
            else end(itsCode, itsReason);
          });
        },
        () => {
          loading = undefined;
          end(code, reason);
        },
      );
    };

    if (isBlocked(url)) openSecond(1006, '');
    else openFirst();
    const leave = (how: (connection: ClientConnection) => void) => {
      leaving = true;
      if (connection !== undefined) how(connection);
      // Between the two nobody else would tell.
      else queueMicrotask(() => end(1006, ''));
    };
    return {
      send: (text) => connection?.send(text),
      close: (code, reason) => leave((each) => each.close(code, reason)),
      drop: () => leave((each) => each.drop()),
    };
  }

  return { name: 'websocket, or http', open };
}

const keyOf = (url: string) => `callboard.http:${new URL(url).host}`;

/** The page's, where there is one that may store something. */
function storeOfPage(): Memory {
  try {
    sessionStorage.setItem('callboard', '');
    sessionStorage.removeItem('callboard');
    return sessionStorage;
  } catch {
    const items = new Map<string, string>();
    return {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    };
  }
}

/** The first opens in this time, or not at all. */
const FIRST_MS = 5_000;
/** How long it is left alone after that. */
const SECOND_FOR_MS = 300_000;
const PATIENCE = 2;

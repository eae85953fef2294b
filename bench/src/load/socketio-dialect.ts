import { token } from '../token.ts';
import type { Action, Dialect, Session } from './dialect.ts';

/**
 * Socket.IO protocol 5 over Engine.IO protocol 4, WebSocket only. A text begins with Engine.IO's packet type
 * (0 open, 2 ping, 3 pong, 4 message); in a message, Socket.IO's follows (0 connect, 2 event, 3 ack, 4 refused).
 */
export const socketIoDialect: Dialect = {
  path: '/socket.io/?EIO=4&transport=websocket',
  greeting: () => undefined,
  shakeHands(text, userId, session) {
    if (text.startsWith('0')) return `40${JSON.stringify({ userId, token, ...session })}`;
    if (text.startsWith('40')) return 'ready';
    // Connection state recovery replays what was missed before it says that the client is connected.
    if (text.startsWith('42')) return undefined;
    throw new Error(`Not connected: ${text}`);
  },
  call: (mid, action) => event(mid, 'call', action),
  broadcast: (mid, action) => event(mid, 'broadcast', action),
  send: (mid, to, action) => event(mid, 'send', to, action),
  subscribe: (mid, channels) => event(mid, 'subscribe', channels),
  unsubscribe: (mid, channels) => event(mid, 'unsubscribe', channels),
  publish: (mid, channel, action) => event(mid, 'publish', channel, action),
  session: recoveryOf,
  pong: (text) => (text === '2' ? '3' : undefined),
  settled(text) {
    if (text.startsWith('41') || text.startsWith('44')) throw new Error(`The server refused: ${text}`);
    return text.startsWith('43') ? Number.parseInt(text.slice(2), 10) : undefined;
  },
  delivered(text) {
    if (!text.startsWith('42[')) return undefined;
    const [name, ...args]: [string, ...unknown[]] = JSON.parse(text.slice(2));
    return (name === 'message' ? args[0] : name === 'publication' ? args[1] : undefined) as
      | Action
      | undefined;
  },
};

/** The private id of the session, and the offset that the last event ended with. */
function recoveryOf(texts: readonly string[]): Session {
  const connected = texts.filter((text) => text.startsWith('40')).at(-1) ?? '40{}';
  const last = texts.filter((text) => text.startsWith('42[')).at(-1) ?? '42[]';
  const { pid }: { pid?: string } = JSON.parse(connected.slice(2));
  const args: readonly unknown[] = JSON.parse(last.slice(2));
  return { pid, offset: args.at(-1) };
}

function event(mid: number, ...args: readonly unknown[]): string {
  return `42${mid}${JSON.stringify(args)}`;
}

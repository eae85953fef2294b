import { token } from '../token.ts';
import type { Action, Dialect } from './dialect.ts';

/**
 * Socket.IO protocol 5 over Engine.IO protocol 4, WebSocket only. A text begins with Engine.IO's packet type
 * (0 open, 2 ping, 3 pong, 4 message); in a message, Socket.IO's follows (0 connect, 2 event, 3 ack, 4 refused).
 */
export const socketIoDialect: Dialect = {
  path: '/socket.io/?EIO=4&transport=websocket',
  greeting: () => undefined,
  shakeHands(text, userId) {
    if (text.startsWith('0')) return `40${JSON.stringify({ userId, token })}`;
    if (text.startsWith('40')) return 'ready';
    throw new Error(`Not connected: ${text}`);
  },
  call: (mid, action) => event(mid, 'call', action),
  broadcast: (mid, action) => event(mid, 'broadcast', action),
  send: (mid, to, action) => event(mid, 'send', to, action),
  pong: (text) => (text === '2' ? '3' : undefined),
  settled(text) {
    if (text.startsWith('41') || text.startsWith('44')) throw new Error(`The server refused: ${text}`);
    return text.startsWith('43') ? Number.parseInt(text.slice(2), 10) : undefined;
  },
  delivered(text) {
    if (!text.startsWith('42[')) return undefined;
    const [name, action]: [string, Action] = JSON.parse(text.slice(2));
    return name === 'message' ? action : undefined;
  },
};

function event(mid: number, ...args: readonly unknown[]): string {
  return `42${mid}${JSON.stringify(args)}`;
}

import { token } from '../token.ts';
import type { Action, Dialect } from './dialect.ts';

/** Callboard's frames (PROTOCOL.md), which the bare `ws` server speaks too: `{op, mid, …}`. */
export function jsonDialect(endpoint: { path: string; subprotocol?: string }): Dialect {
  return {
    ...endpoint,
    greeting: (userId) => JSON.stringify({ op: 'connect', version: 1, userId, token }),
    shakeHands(text) {
      if (parse(text).op !== 'connected') throw new Error(`Not connected: ${text}`);
      return 'ready';
    },
    call: (mid, action) => JSON.stringify({ op: 'call', mid, action }),
    broadcast: (mid, action) => JSON.stringify({ op: 'broadcast', mid, action }),
    send: (mid, to, action) => JSON.stringify({ op: 'send', mid, to, action }),
    pong: (text) => (parse(text).op === 'ping' ? '{"op":"pong"}' : undefined),
    settled(text) {
      const frame = parse(text);
      if (frame.op === 'error' || frame.op === 'disconnect') throw new Error(`The server refused: ${text}`);
      return frame.op === 'reply' ? frame.mid : undefined;
    },
    delivered(text) {
      const frame = parse(text);
      return frame.op === 'message' ? frame.action : undefined;
    },
  };
}

interface Frame {
  readonly op: string;
  readonly mid?: number;
  readonly action?: Action;
}

function parse(text: string): Frame {
  return JSON.parse(text);
}

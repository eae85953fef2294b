import { token } from '../token.ts';
import type { Action, Dialect, Session } from './dialect.ts';

/** Callboard's frames (PROTOCOL.md), which the bare `ws` server speaks too: `{op, mid, …}`. */
export function jsonDialect(endpoint: { path: string; subprotocol?: string }): Dialect {
  return {
    ...endpoint,
    greeting: (userId, session) => JSON.stringify({ op: 'connect', version: 1, userId, token, ...session }),
    shakeHands(text) {
      if (parse(text).op !== 'connected') throw new Error(`Not connected: ${text}`);
      return 'ready';
    },
    call: (mid, action) => JSON.stringify({ op: 'call', mid, action }),
    broadcast: (mid, action) => JSON.stringify({ op: 'broadcast', mid, action }),
    send: (mid, to, action) => JSON.stringify({ op: 'send', mid, to, action }),
    subscribe: (mid, channels) => JSON.stringify({ op: 'subscribe', mid, channels }),
    unsubscribe: (mid, channels) => JSON.stringify({ op: 'unsubscribe', mid, channels }),
    publish: (mid, channel, data) => JSON.stringify({ op: 'publish', mid, channel, data }),
    session: (texts) => ({ resume: resumeOf(texts.map(parse)) }),
    pong: (text) => (parse(text).op === 'ping' ? '{"op":"pong"}' : undefined),
    settled(text) {
      const frame = parse(text);
      if (frame.op === 'error' || frame.op === 'disconnect') throw new Error(`The server refused: ${text}`);
      return frame.op === 'reply' ? frame.mid : undefined;
    },
    delivered(text) {
      const frame = parse(text);
      return frame.op === 'message' ? frame.action : frame.op === 'publication' ? frame.data : undefined;
    },
  };
}

interface Position {
  readonly epoch: string;
  readonly offset: number;
}

interface Frame {
  readonly op: string;
  readonly mid?: number;
  readonly action?: Action;
  readonly data?: Action;
  readonly channel?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly session?: string;
  readonly streams?: Readonly<Record<string, Position>>;
  readonly result?: { readonly streams?: Readonly<Record<string, Position>> };
}

function parse(text: string): Frame {
  return JSON.parse(text);
}

/** The client's last session, and where it stands in its streams (PROTOCOL.md, "Positions" and "Channels"). */
function resumeOf(frames: readonly Frame[]): Session {
  let session: string | undefined;
  const positions: Record<string, Position> = {};
  const begin = (streams: Readonly<Record<string, Position>> = {}) => {
    for (const [name, { epoch, offset }] of Object.entries(streams)) positions[name] ??= { epoch, offset };
  };
  for (const frame of frames) {
    if (frame.op === 'connected') session = frame.session;
    begin(frame.streams ?? frame.result?.streams);
    const { channel, epoch, offset } = frame;
    if (channel !== undefined && epoch !== undefined && offset !== undefined)
      positions[channel] = { epoch, offset };
  }
  return { session, positions };
}

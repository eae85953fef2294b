import type { FramePeer } from '../peers.ts';
import { jsonDialect } from './json-dialect.ts';
import { socketIoDialect } from './socketio-dialect.ts';

/** What the load says to a peer and understands of it: one text per WebSocket frame. */
export interface Dialect {
  /** Request target of the upgrade. */
  readonly path: string;
  readonly subprotocol?: string;
  /** The client's first text after the upgrade; nothing if the server speaks first. */
  greeting(userId: string, session?: Session): string | undefined;
  /**
   * The answer to a text that came before the connection is ready, or that it is `'ready'` now; undefined if the text
   * is no part of the handshake. Throws if refused.
   */
  shakeHands(text: string, userId: string, session?: Session): string | 'ready' | undefined;
  /** A request that the server answers with the action itself. */
  call(mid: number, action: Action): string;
  /** For all the other clients of the sender's user. */
  broadcast(mid: number, action: Action): string;
  /** For all the clients of these users. */
  send(mid: number, to: readonly string[], action: Action): string;
  subscribe(mid: number, channels: readonly string[]): string;
  unsubscribe(mid: number, channels: readonly string[]): string;
  /** For all who have subscribed to the channel. */
  publish(mid: number, channel: string, action: Action): string;
  /** What a client needs to go on where it was, from all the texts that it was sent. */
  session(texts: readonly string[]): Session;
  /** The answer to a ping; undefined if `text` is none. */
  pong(text: string): string | undefined;
  /** The `mid` of the request that `text` settles; undefined if it settles none. Throws if a request failed. */
  settled(text: string): number | undefined;
  /** The action that `text` delivers; undefined if it delivers none. */
  delivered(text: string): Action | undefined;
}

/** What a client that comes back says besides what it always says. */
export type Session = Readonly<Record<string, unknown>>;

export interface Action {
  readonly type: string;
  /** When the load has sent it, on its own clock, in ms. */
  readonly at: number;
  readonly text: string;
}

export const dialects: Record<FramePeer, Dialect> = {
  bare: jsonDialect({ path: '/' }),
  ws: jsonDialect({ path: '/' }),
  socketio: socketIoDialect,
  bullmq: jsonDialect({ path: '/callboard', subprotocol: 'callboard.v1.json' }),
  callboard: jsonDialect({ path: '/callboard', subprotocol: 'callboard.v1.json' }),
};

/** An action of about `bytes` bytes as JSON. */
export function createAction(type: string, bytes = 120, at = performance.now()): Action {
  return { type, at: Math.round(at * 1000) / 1000, text: 'x'.repeat(Math.max(0, bytes - 50)) };
}

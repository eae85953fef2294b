/** The bare peer: what one writes with `ws` alone, and no more than the scenarios need. */

import { type WebSocket, WebSocketServer } from 'ws';
import type { Action } from '../load/dialect.ts';
import { token } from '../token.ts';
import { serve } from './serve.ts';

type Frame =
  | { op: 'connect'; userId: string; token: string }
  | { op: 'call'; mid: number; action: Action }
  | { op: 'broadcast'; mid: number; action: Action }
  | { op: 'send'; mid: number; to: string[]; action: Action }
  | { op: 'subscribe'; mid: number; channels: string[] }
  | { op: 'unsubscribe'; mid: number; channels: string[] }
  | { op: 'publish'; mid: number; channel: string; data: unknown };

serve(({ httpServer }) => {
  const server = new WebSocketServer({ server: httpServer, perMessageDeflate: false });
  const users = new Map<string, Set<WebSocket>>();
  const rooms = new Map<string, Set<WebSocket>>();
  /** What was last published into a channel whose name begins with `state/`. */
  const lasts = new Map<string, string>();

  server.on('connection', (socket) => {
    let userId: string | undefined;
    const joined = new Set<string>();

    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(data.toString());
      if (userId === undefined) {
        if (frame.op !== 'connect' || frame.token !== token) return socket.close(4401);
        userId = frame.userId;
        add(users, userId, socket);
        return socket.send(JSON.stringify({ op: 'connected', userId }));
      }
      switch (frame.op) {
        case 'call':
          return socket.send(JSON.stringify({ op: 'reply', mid: frame.mid, result: frame.action }));
        case 'broadcast':
          deliver([userId], frame.action, socket);
          return socket.send(JSON.stringify({ op: 'reply', mid: frame.mid }));
        case 'send':
          deliver(frame.to, frame.action, socket);
          return socket.send(JSON.stringify({ op: 'reply', mid: frame.mid }));
        case 'subscribe':
          for (const channel of frame.channels) {
            joined.add(channel);
            add(rooms, channel, socket);
          }
          socket.send(JSON.stringify({ op: 'reply', mid: frame.mid }));
          for (const channel of frame.channels) {
            const last = lasts.get(channel);
            if (last !== undefined) socket.send(last);
          }
          return;
        case 'unsubscribe':
          for (const channel of frame.channels) {
            joined.delete(channel);
            remove(rooms, channel, socket);
          }
          return socket.send(JSON.stringify({ op: 'reply', mid: frame.mid }));
        case 'publish':
          publish(frame.channel, frame.data);
          return socket.send(JSON.stringify({ op: 'reply', mid: frame.mid }));
      }
    });

    socket.on('close', () => {
      if (userId === undefined) return;
      remove(users, userId, socket);
      for (const channel of joined) remove(rooms, channel, socket);
    });
    socket.on('error', () => socket.terminate());
  });

  function deliver(to: readonly string[], action: Action, sender: WebSocket): void {
    const text = JSON.stringify({ op: 'message', action });
    for (const userId of to) {
      for (const socket of users.get(userId) ?? []) {
        if (socket !== sender) socket.send(text);
      }
    }
  }

  function publish(channel: string, data: unknown): void {
    const text = JSON.stringify({ op: 'publication', channel, data });
    if (channel.startsWith('state/')) lasts.set(channel, text);
    for (const socket of rooms.get(channel) ?? []) socket.send(text);
  }
});

function add(sets: Map<string, Set<WebSocket>>, name: string, socket: WebSocket): void {
  const sockets = sets.get(name);
  if (sockets) sockets.add(socket);
  else sets.set(name, new Set([socket]));
}

function remove(sets: Map<string, Set<WebSocket>>, name: string, socket: WebSocket): void {
  const sockets = sets.get(name);
  sockets?.delete(socket);
  if (sockets?.size === 0) sets.delete(name);
}

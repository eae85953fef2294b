/** The bare peer: what one writes with `ws` alone, and no more than the scenarios need. */

import { type WebSocket, WebSocketServer } from 'ws';
import type { Action } from '../load/dialect.ts';
import { token } from '../token.ts';
import { serve } from './serve.ts';

type Frame =
  | { op: 'connect'; userId: string; token: string }
  | { op: 'call'; mid: number; action: Action }
  | { op: 'broadcast'; mid: number; action: Action }
  | { op: 'send'; mid: number; to: string[]; action: Action };

serve(({ httpServer }) => {
  const server = new WebSocketServer({ server: httpServer, perMessageDeflate: false });
  const users = new Map<string, Set<WebSocket>>();

  server.on('connection', (socket) => {
    let userId: string | undefined;

    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(data.toString());
      if (userId === undefined) {
        if (frame.op !== 'connect' || frame.token !== token) return socket.close(4401);
        userId = frame.userId;
        const sockets = users.get(userId);
        if (sockets) sockets.add(socket);
        else users.set(userId, new Set([socket]));
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
      }
    });

    socket.on('close', () => {
      if (userId === undefined) return;
      const sockets = users.get(userId);
      sockets?.delete(socket);
      if (sockets?.size === 0) users.delete(userId);
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
});

/** The peer with users and acknowledgements: Socket.IO as its documentation teaches it, a room per user. */

import { Server } from 'socket.io';
import type { Action } from '../load/dialect.ts';
import { token } from '../token.ts';
import { serve } from './serve.ts';

interface FromClient {
  call(action: Action, reply: (result: Action) => void): void;
  broadcast(action: Action, reply: () => void): void;
  send(to: string[], action: Action, reply: () => void): void;
}

interface ToClient {
  message(action: Action): void;
}

interface Data {
  userId: string;
}

serve(({ httpServer }) => {
  const io = new Server<FromClient, ToClient, Record<string, never>, Data>(httpServer, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
  });

  io.use((socket, next) => {
    const { auth } = socket.handshake;
    if (auth.token !== token) return next(new Error('unauthorized'));
    socket.data.userId = auth.userId;
    next();
  });

  io.on('connection', (socket) => {
    const ownRoom = roomOf(socket.data.userId);
    socket.join(ownRoom);
    socket.on('call', (action, reply) => reply(action));
    socket.on('broadcast', (action, reply) => {
      socket.to(ownRoom).emit('message', action);
      reply();
    });
    socket.on('send', (to, action, reply) => {
      socket.to(to.map(roomOf)).emit('message', action);
      reply();
    });
  });
});

function roomOf(userId: string): string {
  return `user:${userId}`;
}

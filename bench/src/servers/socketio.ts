/** The peer with users and acknowledgements: Socket.IO as its documentation teaches it, a room per user. */

import { Server, type Socket } from 'socket.io';
import type { Action } from '../load/dialect.ts';
import { token } from '../token.ts';
import { serve } from './serve.ts';
import { Rosters } from './socketio-rosters.ts';

interface FromClient {
  call(action: Action & { channel?: string }, reply: (result: unknown) => void): void;
  broadcast(action: Action, reply: () => void): void;
  send(to: string[], action: Action, reply: () => void): void;
  subscribe(channels: string[], reply: () => void): void;
  unsubscribe(channels: string[], reply: () => void): void;
  publish(channel: string, data: unknown, reply: () => void): void;
}

interface ToClient {
  message(action: Action): void;
  publication(channel: string, data: unknown): void;
  joined(channel: string, member: { userId: string; clients: readonly string[] }): void;
  left(channel: string, userId: string): void;
}

interface Data {
  userId: string;
}
type Client = Pick<Socket<FromClient, ToClient, Record<string, never>, Data>, 'id' | 'data'>;

serve(({ httpServer, scenario }) => {
  const io = new Server<FromClient, ToClient, Record<string, never>, Data>(httpServer, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    // It costs every event an id and a place in memory, so only where it is what is measured.
    ...(scenario === 'channel-recovery' && {
      connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false },
    }),
  });
  /** What was last published into a channel whose name begins with `state/`. */
  const lasts = new Map<string, unknown>();

  /** Of channels whose name begins with `show/`: those who have subscribed to `presence/<channel>` are told. */
  const rosters = new Rosters();
  const enter = (channel: string, { id, data: { userId } }: Client) => {
    if (rosters.enter(channel, userId, id))
      io.to(channelRoom(`presence/${channel}`)).emit('joined', channel, { userId, clients: [id] });
  };
  const leave = (channel: string, { id, data: { userId } }: Client) => {
    if (rosters.leave(channel, userId, id))
      io.to(channelRoom(`presence/${channel}`)).emit('left', channel, userId);
  };

  io.use((socket, next) => {
    const { auth } = socket.handshake;
    if (auth.token !== token) return next(new Error('unauthorized'));
    socket.data.userId = auth.userId;
    next();
  });

  io.on('connection', (socket) => {
    const ownRoom = roomOf(socket.data.userId);
    socket.join(ownRoom);
    socket.on('call', (action, reply) =>
      reply(action.type === 'PRESENCE_MEMBERS' ? rosters.list(action.channel as string) : action),
    );
    socket.on('disconnecting', () => {
      for (const channel of rosters.channels) leave(channel, socket);
    });
    socket.on('broadcast', (action, reply) => {
      socket.to(ownRoom).emit('message', action);
      reply();
    });
    socket.on('send', (to, action, reply) => {
      socket.to(to.map(roomOf)).emit('message', action);
      reply();
    });
    socket.on('subscribe', (channels, reply) => {
      socket.join(channels.map(channelRoom));
      reply();
      for (const channel of channels) {
        if (lasts.has(channel)) socket.emit('publication', channel, lasts.get(channel));
        if (channel.startsWith('show/')) enter(channel, socket);
      }
    });
    socket.on('unsubscribe', (channels, reply) => {
      for (const channel of channels) {
        socket.leave(channelRoom(channel));
        if (channel.startsWith('show/')) leave(channel, socket);
      }
      reply();
    });
    socket.on('publish', (channel, data, reply) => {
      if (channel.startsWith('state/')) lasts.set(channel, data);
      io.to(channelRoom(channel)).emit('publication', channel, data);
      reply();
    });
  });
});

/** Apart from the rooms of users, and from that which every socket has by its id. */
function channelRoom(channel: string): string {
  return `channel:${channel}`;
}

function roomOf(userId: string): string {
  return `user:${userId}`;
}

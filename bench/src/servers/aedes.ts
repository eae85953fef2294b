/** aedes, in memory, as its README has it; it checks the same token. */

import { type AddressInfo, createServer } from 'node:net';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { token } from '../token.ts';
import { serve } from './serve.ts';

serve(async ({ httpServer }) => {
  const aedes = await Aedes.createBroker({
    authenticate: (_client, _username, password, done) => done(null, String(password) === token),
  });
  const webSockets = new WebSocketServer({ server: httpServer, perMessageDeflate: false });
  webSockets.on('connection', (socket, request) => aedes.handle(createWebSocketStream(socket), request));
  const server = createServer({ noDelay: true }, aedes.handle);
  await new Promise<void>((listening) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, listening);
  });
  return { port: (server.address() as AddressInfo).port };
});

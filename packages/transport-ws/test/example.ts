import { once } from 'node:events';
import { createServer } from '@callboard/core';
import { WebSocket } from 'ws';
import { webSocketTransport } from '../src/index.ts';

const server = createServer({
  port: 0,
  transports: [webSocketTransport()],
  handlers: { SUM: ({ action }) => Number(action.a) + Number(action.b) },
});
await server.start();

// Any WebSocket client that speaks PROTOCOL.md; @callboard/client does it for you.
const socket = new WebSocket(`ws://127.0.0.1:${server.port}/callboard`, 'callboard.v1.json');
await once(socket, 'open');
socket.send(JSON.stringify({ op: 'connect', version: 1, userId: 44 }));
await once(socket, 'message');
socket.send(JSON.stringify({ op: 'call', mid: 1, action: { type: 'SUM', a: 2, b: 40 } }));
const [reply] = await once(socket, 'message');
console.log(String(reply)); // {"op":"reply","mid":1,"result":42}

await server.disconnect();

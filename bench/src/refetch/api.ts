/** An API in a process of its own: one page of about two kilobytes that can be edited, with an ETag, for whoever has a token. */

import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answer } from './control.ts';

const filler = 'A line of a profile, with the posts of whoever it is. '.repeat(36);
const sockets = new Set<Socket>();
let edit = 0;
let requests = 0;
let closedBytes = 0;

const server = createServer((request, response) => {
  requests++;
  const etag = `"${edit}"`;
  const isSame = request.headers['if-none-match'] === etag;
  const body = JSON.stringify({ edit, for: request.headers.authorization, filler });
  response.writeHead(isSame ? 304 : 200, { 'content-type': 'application/json', etag });
  response.end(isSame ? undefined : body);
});
server.keepAliveTimeout = 60_000;
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.once('close', () => {
    sockets.delete(socket);
    closedBytes += socket.bytesWritten;
  });
});
server.listen(0, '127.0.0.1', () => {
  answer((server.address() as AddressInfo).port, (said) => {
    if (said === 'edit') edit++;
    const bytes = [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, closedBytes);
    return { requests, bytes };
  });
});

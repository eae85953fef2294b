import { createServer } from '@callboard/core';
import { httpTransport } from '../src/index.ts';

const server = createServer({
  port: 0,
  transports: [httpTransport()],
  handlers: { SUM: ({ action }) => Number(action.a) + Number(action.b) },
});
await server.start();

// Any HTTP client that speaks PROTOCOL.md; @callboard/client does it for you.
const url = `http://127.0.0.1:${server.port}/callboard`;
const { connection } = await (await fetch(url, { method: 'POST' })).json();
const post = (first: number, ...frames: object[]) =>
  fetch(url, {
    method: 'POST',
    headers: { 'callboard-connection': connection, 'callboard-frame': String(first) },
    body: frames.map((frame) => JSON.stringify(frame)).join('\n'),
  });
const poll = (number: number) =>
  fetch(url, { headers: { 'callboard-connection': connection, 'callboard-poll': String(number) } });
await post(1, { op: 'connect', version: 1, userId: 44 });
await poll(1);
await post(2, { op: 'call', mid: 1, action: { type: 'SUM', a: 2, b: 40 } });
const [reply] = (await (await poll(2)).text()).split('\n');
console.log(reply); // data: {"op":"reply","mid":1,"result":42}

await server.disconnect();

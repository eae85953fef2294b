import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SUBPROTOCOL } from '@callboard/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer, type WebSocket as WsSocket } from 'ws';
import { until } from '../test/support.ts';
import { webSocket } from './web-socket.ts';

/** A server's end of a connection, and what came there. */
interface Peer {
  readonly socket: WsSocket;
  readonly seen: unknown[];
}

let http: HttpServer;
let sockets: WebSocketServer | undefined;
/** What the transport told. */
let seen: unknown[][];
beforeEach(async () => {
  seen = [];
  http = createServer((_, response) => response.end());
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  for (const client of sockets?.clients ?? []) client.terminate();
  sockets = undefined;
  http.closeAllConnections();
  http.close();
});

/** Takes connections, with this subprotocol, or none. */
function serve(protocol: string | false = SUBPROTOCOL): Promise<Peer> {
  const server = new WebSocketServer({ server: http, handleProtocols: () => protocol });
  sockets = server;
  return new Promise((resolve) => {
    server.on('connection', (socket) => {
      const came: unknown[] = [];
      socket.on('message', (data, binary) => came.push(binary ? data : String(data)));
      socket.on('close', (code, reason) => came.push([code, String(reason)]));
      resolve({ socket, seen: came });
    });
  });
}

const url = () => `ws://127.0.0.1:${(http.address() as AddressInfo).port}/callboard`;
const open = (address = url()) => {
  // What comes when its test is over is not for the next one.
  const told = seen;
  return webSocket().open(address, {
    opened: () => void told.push(['opened']),
    received: (text) => void told.push(['received', text]),
    closed: (code, reason) => void told.push(['closed', code, reason]),
  });
};
const told = (count: number) =>
  until(() => seen.length >= count, `${count} events, after ${JSON.stringify(seen)}`);
const isEnd = ([what]: unknown[]) => what === 'closed';
const ended = () => until(() => seen.some(isEnd), 'the end');

async function connection() {
  const serving = serve();
  const end = open();
  const peer = await serving;
  await told(1);
  return { end, peer };
}

describe('a connection', () => {
  test('carries texts both ways, in order, and ends as the client says', async () => {
    const { end, peer } = await connection();
    expect(peer.socket.protocol).toBe(SUBPROTOCOL);
    for (const text of ['one', 'zwei ü😀']) end.send(text);
    for (const text of ['1', '{"op":"ping"}']) peer.socket.send(text);
    await told(3);
    end.close(1000, 'bye');
    await ended();
    expect(seen).toEqual([
      ['opened'],
      ['received', '1'],
      ['received', '{"op":"ping"}'],
      ['closed', 1000, 'bye'],
    ]);
    await until(() => peer.seen.length === 3, 'the goodbye');
    expect(peer.seen).toEqual(['one', 'zwei ü😀', [1000, 'bye']]);
  });

  test('ends as the server says', async () => {
    const { peer } = await connection();
    peer.socket.close(3507, 'KICKED');
    await ended();
    expect(seen.at(-1)).toEqual(['closed', 3507, 'KICKED']);
  });

  test('ends with 1006 where nobody said why', async () => {
    const { peer, end } = await connection();
    peer.socket.terminate();
    await ended();
    end.send('late');
    end.close(1000, '');
    end.drop();
    expect(seen).toEqual([['opened'], ['closed', 1006, '']]);
  });

  test('is dropped without a word', async () => {
    const { peer, end } = await connection();
    end.drop();
    await ended();
    expect(seen.at(-1)).toEqual(['closed', 1006, '']);
    await until(() => peer.seen.length > 0, 'the end at the server');
    expect(peer.seen).toEqual([[1006, '']]);
  });

  test('that carries anything but text is closed', async () => {
    const { peer } = await connection();
    peer.socket.send(Buffer.from('{"op":"ping"}'));
    await ended();
    expect(seen).toEqual([['opened'], ['closed', 3502, 'not text']]);
    expect(peer.seen).toEqual([[3502, 'not text']]);
  });

  test('may be large', async () => {
    const { peer, end } = await connection();
    const text = 'x'.repeat(300_000);
    end.send(text);
    peer.socket.send(text);
    await told(2);
    await until(() => peer.seen.length > 0, 'the text');
    expect([seen[1]?.[1] === text, peer.seen[0] === text]).toEqual([true, true]);
  });
});

describe('a server that does not take it', () => {
  /** Answers each upgrade with a status. */
  const answer = (status: number, headers = '') =>
    http.on('upgrade', (_, socket) => {
      socket.end(`HTTP/1.1 ${status} Status\r\nConnection: close\r\n${headers}Content-Length: 0\r\n\r\n`);
    });

  test.each([301, 400, 401, 403, 404, 405, 426])('for good: HTTP %i', async (status) => {
    answer(status, 'Location: http://127.0.0.1:1/\r\n');
    open();
    await ended();
    expect(seen).toEqual([['closed', 1002, `HTTP ${status}`]]);
  });

  test.each([429, 500, 502, 503])('for now: HTTP %i', async (status) => {
    answer(status);
    open();
    await ended();
    expect(seen).toEqual([['closed', 1006, '']]);
  });

  test.each([false, 'another'] as const)('speaks another protocol: %s', async (protocol) => {
    void serve(protocol);
    open();
    await ended();
    expect(seen).toEqual([['closed', 1002, 'another protocol']]);
  });

  test('is not there', async () => {
    const address = url();
    http.close();
    await once(http, 'close');
    open(address);
    await ended();
    expect(seen).toEqual([['closed', 1006, '']]);
  });
});

describe('before it is open', () => {
  test.each(['close', 'drop'] as const)('%s ends it, and nothing else comes', async (how) => {
    void serve();
    const end = open();
    end.send('early');
    if (how === 'close') end.close(1000, '');
    else end.drop();
    await ended();
    expect(seen).toEqual([['closed', 1006, '']]);
  });

  test('what is no address throws', () => {
    expect(() => open('ws://')).toThrow();
    expect(seen).toEqual([]);
  });
});

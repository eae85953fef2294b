import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { HandlerContext, WsServer } from '@callboard/core';
import { disconnects, SUBPROTOCOL } from '@callboard/protocol';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import { WebSocket, WebSocketServer } from 'ws';
import { LiveClock, maskedFrame, opened, Stage, turn, until } from '../test/support.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

const connectFrame = (userId: string) => JSON.stringify({ op: 'connect', version: 1, userId });

describe('the handshake', () => {
  test('agrees on the subprotocol', async () => {
    const { url } = await stage.serve();
    const webSocket = new WebSocket(url, ['graphql-ws', SUBPROTOCOL]);
    await opened(webSocket);
    expect(webSocket.protocol).toBe(SUBPROTOCOL);
    webSocket.terminate();
  });

  test('takes a client that names none: its frames decide', async () => {
    const { url } = await stage.serve();
    const webSocket = new WebSocket(url);
    await opened(webSocket);
    expect(webSocket.protocol).toBe('');
    webSocket.send(connectFrame('44'));
    const [data] = await once(webSocket, 'message');
    expect(JSON.parse(String(data))).toMatchObject({ op: 'connected', userId: '44' });
    webSocket.terminate();
  });

  test('names none to a client that knows only others, which then gives up', async () => {
    const { url } = await stage.serve();
    const webSocket = new WebSocket(url, ['graphql-ws']);
    await expect(opened(webSocket)).rejects.toThrow('Server sent no subprotocol');
  });

  test('never compresses', async () => {
    const { url } = await stage.serve();
    const webSocket = new WebSocket(url, [SUBPROTOCOL], { perMessageDeflate: true });
    await opened(webSocket);
    expect(webSocket.extensions).toBe('');
    webSocket.terminate();
  });

  test('takes frames that came along with it', async () => {
    const running = await stage.serve();
    const socket = await running.tcp();
    const request = Buffer.from(
      `GET /callboard HTTP/1.1\r\nHost: ${running.origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    socket.write(Buffer.concat([request, maskedFrame(connectFrame('44'))]));
    let came = '';
    socket.on('data', (chunk) => (came += chunk));
    await until(() => came.includes('"op":"connected"'), 'the welcome');
  });

  test.each([
    ['POST', 'POST /callboard HTTP/1.1', '405'],
    ['no key', 'GET /callboard HTTP/1.1', '400'],
  ])('refuses what is no WebSocket handshake: %s', async (_, line, status) => {
    const running = await stage.serve();
    const socket = await running.tcp();
    socket.write(`${line}\r\nHost: ${running.origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    const [data] = await once(socket, 'data');
    expect(String(data)).toMatch(`HTTP/1.1 ${status} `);
    await until(async () => (await running.connections()) === 0, 'the end of the socket');
    expect(running.server.stats().connections.accepted).toBe(0);
  });
});

describe('the end', () => {
  test('a client that closes with 1000 wants no more of its session', async () => {
    const running = await stage.serve();
    const client = await running.connect(44);
    client.wire.close(1000);
    expect(await client.expectClose(1000)).toBeDefined();
    await until(() => running.server.users.size === 0, 'the end of the user');
    expect(running.server.stats().clients).toEqual({ online: 0, resumable: 0, connecting: 0 });
  });

  test.each([
    [undefined, 1005],
    [1001, 1001],
    [4000, 4000],
  ])('a client that closes with %s may come back', async (code, seen) => {
    const running = await stage.serve({ clock: new LiveClock() });
    const client = await running.connect(44);
    if (code === undefined) client.wire.webSocket.close();
    else client.wire.close(code);
    await client.expectClose(seen);
    await until(() => running.server.stats().clients.resumable === 1, 'a client that may come back');
    expect((await client.resume()).resumed).toBe(true);
  });

  test('the server closes with its code and reason, after its last words', async () => {
    const clock = new LiveClock();
    const running = await stage.serve({ clock });
    const idle = clock.pendingTimers;
    const client = await running.connect(44);
    const [only] = running.server.users.get('44')?.clients ?? [];
    only?.disconnect(4567, 'go away');
    const { reason, disconnect } = await client.expectClose(4567);
    expect(reason).toBe('go away');
    expect(disconnect).toMatchObject({ code: 4567, reason: 'go away', reconnect: false });
    await until(() => clock.pendingTimers === idle, 'the end of all timers');
  });

  test('a reason is as long as a close frame takes', async () => {
    const running = await stage.serve();
    const client = await running.connect(44);
    const [only] = running.server.users.get('44')?.clients ?? [];
    expect(() => only?.disconnect(4567, '€'.repeat(42))).toThrow(RangeError);
    only?.disconnect(4567, '€'.repeat(41));
    expect((await client.expectClose(4567)).reason).toBe('€'.repeat(41));
  });

  test('a peer that does not answer the close is terminated', async () => {
    const clock = new LiveClock();
    const running = await stage.serve({ clock });
    const idle = clock.pendingTimers;
    const socket = await running.upgraded();
    socket.write(maskedFrame('no frame'));
    await until(() => running.server.stats().disconnects.MALFORMED_FRAME === 1, 'the close');
    expect(await running.connections()).toBe(1);
    clock.advance(4_999);
    expect(await running.connections()).toBe(1);
    clock.advance(1);
    await running.quiet();
    expect(clock.pendingTimers).toBe(idle);
  });
});

describe('what is wrong on the wire', () => {
  test.each([
    ['a frame that is too large', 1009, () => maskedFrame('x'.repeat(65_537))],
    [
      'a message whose fragments are too large',
      1009,
      () =>
        Buffer.concat([
          maskedFrame('x'.repeat(40_000), { fin: false }),
          maskedFrame('x'.repeat(40_000), { opcode: 0 }),
        ]),
    ],
    ['text that is no UTF-8', 1007, () => maskedFrame(Buffer.from([0xc3, 0x28]))],
    ['a frame without a mask', 1002, () => Buffer.from([0x81, 0x02, 0x68, 0x69])],
    ['a reserved bit', 1002, () => maskedFrame('hi', { rsv: 4 })],
    ['an unknown opcode', 1002, () => maskedFrame('hi', { opcode: 3 })],
    ['a continuation of nothing', 1002, () => maskedFrame('hi', { opcode: 0 })],
    ['a ping that is too large', 1002, () => maskedFrame('x'.repeat(126), { opcode: 9 })],
    ['a ping in pieces', 1002, () => maskedFrame('hi', { opcode: 9, fin: false })],
    ['a close code that is none', 1002, () => maskedFrame(Buffer.from([0x03, 0xed]), { opcode: 8 })],
  ])('%s: closed with %i', async (_, code, bytes) => {
    const running = await stage.serve();
    const peer = await running.peer();
    await peer.connect('44');
    peer.write(bytes());
    await until(() => peer.closedWith === code, `the close with ${code}`);
    peer.socket.end();
    await running.quiet();
    expect(running.errors).toEqual([]);
  });

  test('a binary message: MALFORMED_FRAME', async () => {
    const running = await stage.serve();
    const client = await running.connect(44);
    client.wire.webSocket.send(Buffer.from('{"op":"pong"}'));
    const { code, disconnect } = await client.expectClose('MALFORMED_FRAME');
    expect(code).toBe(disconnects.MALFORMED_FRAME);
    expect(disconnect?.reason).toBe('a binary message');
  });

  test('a message in fragments, with a ping between them, is a message', async () => {
    const running = await stage.serve();
    const peer = await running.peer();
    const text = connectFrame('44');
    peer.write(maskedFrame(text.slice(0, 10), { fin: false }));
    peer.write(maskedFrame('still there?', { opcode: 9 }));
    peer.write(maskedFrame(text.slice(10), { opcode: 0 }));
    await until(() => peer.texts.length === 1, 'the welcome');
    expect(peer.pongs).toEqual(['still there?']);
  });
});

describe('pings of WebSocket’s own', () => {
  test('are answered', async () => {
    const running = await stage.serve();
    const { wire } = await running.connect(44);
    wire.webSocket.ping('are you there?');
    const [payload] = await once(wire.webSocket, 'pong');
    expect(String(payload)).toBe('are you there?');
  });

  test('from one that does not read the answers end its connection', async () => {
    const running = await stage.serve();
    const socket = await running.upgraded();
    socket.pause();
    const pings = Buffer.concat(
      Array.from({ length: 10_000 }, () => maskedFrame('x'.repeat(125), { opcode: 9 })),
    );
    const flood = () => void (socket.writable && socket.write(pings, flood));
    flood();
    await until(async () => (await running.connections()) === 0, 'the end');
  });

  test('never get between the bytes of a frame, nor their answers', async () => {
    const running = await stage.serve({ limits: { maxOutboxBytes: 64 * 1024 * 1024 } });
    const count = 300;
    const clients = await Promise.all(Array.from({ length: 8 }, () => running.connect(44)));
    const pongs = clients.map(() => 0);
    for (const [i, { wire }] of clients.entries()) {
      wire.webSocket.on('pong', (payload) => {
        expect(String(payload)).toBe(`ping ${pongs[i]}`);
        wire.webSocket.ping(`ping ${++(pongs[i] as number)}`);
      });
      wire.webSocket.ping('ping 0');
    }
    for (let n = 0; n < count; n++) {
      await running.server.sendToUser(44, { type: 'N', n, text: '€'.repeat((n * 7_919) % 40_000) });
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => clients.every(({ frames }) => frames.length === count + 1), 'all messages');
    for (const client of clients)
      for (let n = 0; n < count; n++) await client.expectMessage({ type: 'N', n });
    expect(Math.min(...pongs)).toBeGreaterThan(0);
    for (const { wire } of clients) wire.webSocket.removeAllListeners('pong');
  }, 30_000);
});

describe('writing', () => {
  test('what falls due in one turn leaves in one write, to each reader the same bytes', async () => {
    const running = await stage.serve();
    const sockets: Socket[] = [];
    running.server.httpServer.on('connection', (socket) => sockets.push(socket));
    const clients = [await running.connect(44), await running.connect(44)];
    const writes = sockets.map((socket) => jest.spyOn(socket, 'write'));
    for (let n = 0; n < 10; n++) void running.server.sendToUser(44, { type: 'N', n });
    for (const client of clients) for (let n = 0; n < 10; n++) await client.expectMessage({ type: 'N', n });
    expect(writes.map((write) => write.mock.calls.length)).toEqual([1, 1]);
    expect(writes[0]?.mock.calls[0]?.[0]).toBe(writes[1]?.mock.calls[0]?.[0]);
  });

  test('and arrives as one piece', async () => {
    const running = await stage.serve();
    const peer = await running.peer();
    await peer.connect('44');
    for (let n = 0; n < 10; n++) void running.server.sendToUser(44, { type: 'N', n });
    await until(() => peer.texts.length === 11, 'all messages');
    expect(peer.chunks).toBe(2);
  });
});

describe('a peer that is gone leaves nothing behind', () => {
  const endings: Record<string, (socket: Socket) => void> = {
    'resets the connection': (socket) => socket.resetAndDestroy(),
    'half-closes it': (socket) => socket.end(),
    'half-closes it within a frame': (socket) => socket.end(maskedFrame(connectFrame('45')).subarray(0, 9)),
    'goes without a word': (socket) => socket.destroy(),
    'closes it': (socket) => socket.end(maskedFrame(Buffer.from([0x03, 0xe8]), { opcode: 8 })),
  };

  describe.each(Object.keys(endings))('one that %s', (name) => {
    test.each(['before connect', 'online'])('%s', async (state) => {
      const clock = new LiveClock();
      const running = await stage.serve({ clock, limits: { maxConnectionsPerAddress: 1 } });
      const idle = clock.pendingTimers;
      for (let round = 0; round < 3; round++) {
        const socket = await running.upgraded();
        if (state === 'online') {
          socket.write(maskedFrame(connectFrame('44')));
          await until(() => running.server.stats().clients.online === 1, 'the client');
        }
        endings[name]?.(socket);
        await running.quiet();
        clock.advance(60_000);
        expect(running.server.stats().clients).toEqual({ online: 0, resumable: 0, connecting: 0 });
        expect(running.server.users.size).toBe(0);
        expect(clock.pendingTimers).toBe(idle);
      }
      expect(running.errors).toEqual([]);
    });
  });

  test('one that half-closes and does not read is terminated in the end', async () => {
    const clock = new LiveClock();
    const running = await stage.serve({ clock });
    let served: Socket | undefined;
    running.server.httpServer.once('connection', (socket) => {
      served = socket;
    });
    const socket = await running.upgraded();
    socket.write(maskedFrame(connectFrame('44')));
    await until(() => running.server.stats().clients.online === 1, 'the client');
    socket.pause();
    while (served?.writableLength === 0) {
      await running.server.sendToUser(44, { type: 'BIG', text: 'x'.repeat(100_000) });
      await turn();
    }
    socket.end();
    for (let i = 0; i < 50 && (await running.connections()) > 0; i++) {
      clock.advance(1_000);
      await turn();
    }
    expect(running.server.stats().disconnects).toEqual({ STALE: 1 });
    await running.quiet();
  });
});

test('handlers see ws’s own server', async () => {
  const seen: unknown[] = [];
  const running = await stage.serve({
    handler: ({ wsServer }) => {
      expectTypeOf(wsServer).toEqualTypeOf<WebSocketServer | undefined>();
      seen.push(wsServer, wsServer?.clients.size);
    },
  });
  expectTypeOf<WsServer>().toEqualTypeOf<WebSocketServer>();
  expectTypeOf<HandlerContext['wsServer']>().toEqualTypeOf<WebSocketServer | undefined>();
  const client = await running.connect(44);
  seen.length = 0;
  await client.expectReply(client.call({ type: 'WHO' }));
  expect(seen[0]).toBeInstanceOf(WebSocketServer);
  expect(seen[1]).toBe(1);
});

import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, get as getSecure } from 'node:https';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createServer as createCallboard, type Stats, silentLogger } from '@callboard/core';
import { TestClient } from '@callboard/testkit';
import { afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import { selfSigned } from '../test/certificate.ts';
import {
  opened,
  openWire,
  type SocketWire,
  Stage,
  turn,
  UpgradeRefused,
  until,
  upgradeRequest,
} from '../test/support.ts';
import { webSocketTransport } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

const handlers = { ECHO: ({ action }: { action: object }) => action };

async function echoes(client: TestClient<SocketWire>): Promise<void> {
  expect(await client.expectReply(client.call({ type: 'ECHO' }))).toEqual({ type: 'ECHO' });
}

async function fetchText(url: string, init?: RequestInit): Promise<{ status: number; body: string }> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}

/** As `fetch`, with headers that it does not let through. */
function getWith(
  url: string,
  headers: Record<string, string>,
  agent?: Agent,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers, ...(agent && { agent }) }, collect(resolve)).on('error', reject);
  });
}

function collect(resolve: (answer: { status: number; body: string }) => void) {
  return (response: IncomingMessage) => {
    let body = '';
    response.on('data', (chunk) => (body += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
  };
}

describe('a server of its own', () => {
  test('serves /healthz and nothing else; upgrades of other paths are not found', async () => {
    const running = await stage.serve();
    const base = `http://${running.origin}`;
    expect(await fetchText(`${base}/healthz`)).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect((await fetchText(`${base}/`)).status).toBe(404);
    expect((await fetchText(`${base}/callboard`)).status).toBe(404);
    await expect(openWire(`ws://${running.origin}/other`)).rejects.toMatchObject({
      status: 404,
      body: '{"error":{"code":"NOT_FOUND"}}',
    });
    await until(async () => (await running.connections()) <= 1, 'the end of the refused socket');
  });

  test('has its path where it is told to', async () => {
    const running = await stage.serve({ handlers, transports: [webSocketTransport({ path: '/live/ws' })] });
    await expect(running.wire()).rejects.toBeInstanceOf(UpgradeRefused);
    const client = new TestClient(() => openWire(`ws://${running.origin}/live/ws?x=1`), { userId: 44 });
    await client.connect();
    await echoes(client);
  });

  test('starts, stops, and starts again on the same port', async () => {
    const running = await stage.serve({ handlers });
    const { port } = running.server;
    const again = createCallboard({
      port: port as number,
      host: '127.0.0.1',
      transports: [webSocketTransport()],
      handlers,
      logger: silentLogger,
    });
    await running.server.disconnect();
    for (let round = 0; round < 3; round++) {
      await again.start();
      expect(again.port).toBe(port);
      const client = new TestClient(() => openWire(`ws://127.0.0.1:${port}/callboard`), { userId: 44 });
      await client.connect();
      await echoes(client);
      const [closed] = await Promise.all([client.expectClose('SERVER_SHUTDOWN'), again.disconnect()]);
      expect(closed.disconnect).toMatchObject({ reconnect: true });
      expect(again.port).toBeUndefined();
      expect(again.stats().clients).toEqual({ online: 0, resumable: 0, connecting: 0 });
    }
    await again.disconnect();
  });

  test('rejects the start where the port is taken, and starts once it is free', async () => {
    const other = createServer();
    const port = await stage.listen(other);
    const server = createCallboard({
      port,
      host: '127.0.0.1',
      transports: [webSocketTransport()],
      handlers,
      logger: silentLogger,
    });
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(server.stats().status).toBe('stopped');
    await server.disconnect();
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await new Promise((resolve) => other.close(resolve));
    await server.start();
    const client = new TestClient(() => openWire(`ws://127.0.0.1:${port}/callboard`), { userId: 44 });
    await client.connect();
    await echoes(client);
    await server.disconnect();
    expect(server.httpServer.listenerCount('error')).toBe(0);
    expect(server.httpServer.listenerCount('upgrade')).toBe(0);
  });

  test('stops promptly with open keep-alive connections, half requests and foreign WebSockets', async () => {
    const running = await stage.serve();
    const { server } = running;
    const foreign = new WebSocketServer({ server: server.httpServer, path: '/peerjs' });
    const foreigner = new WebSocket(`ws://${running.origin}/peerjs`);
    await opened(foreigner);
    const agent = new Agent({ keepAlive: true });
    expect((await getWith(`http://${running.origin}/healthz`, {}, agent)).status).toBe(200);
    const half = await running.tcp();
    half.write('GET /healthz HTTP/1.1\r\nHost: 127');
    const silent = await running.tcp();
    await running.connect(44);
    await until(async () => (await running.connections()) === 5, 'five connections');
    const ended = [half, silent].map((socket) => once(socket, 'close'));
    await server.disconnect({ graceMs: 60_000 });
    await Promise.all([...ended, once(foreigner, 'close')]);
    agent.destroy();
    foreign.close();
  });
});

describe('GET /stats', () => {
  const statsOf = ({ body }: { body: string }) => {
    const { uptimeMs, memory, ...rest } = JSON.parse(body) as Stats;
    expect(uptimeMs).toBeGreaterThanOrEqual(0);
    expect(memory.rssBytes).toBeGreaterThan(0);
    return rest;
  };

  test('is the same object as server.stats()', async () => {
    const running = await stage.serve({ handlers });
    const client = await running.connect(44);
    await echoes(client);
    await client.expectError(client.call({ type: 'UNKNOWN' }), 'NO_HANDLER');
    const answer = await fetchText(`http://${running.origin}/stats`);
    expect(answer.status).toBe(200);
    expect(statsOf(answer)).toEqual(statsOf({ body: JSON.stringify(running.server.stats()) }));
    expect(statsOf(answer)).toMatchObject({ users: 1, requests: { replied: 1, failed: 1 } });
  });

  test.each([
    ['a forwarding header', { 'x-forwarded-for': '127.0.0.1' }],
    ['the standard’s forwarding header', { forwarded: 'for=127.0.0.1' }],
    ['another forwarding header', { 'x-forwarded-server': 'proxy' }],
    ['a CDN’s header', { 'cf-connecting-ip': '127.0.0.1' }],
    ['a foreign name (DNS rebinding)', { host: 'attacker.example' }],
    ['a foreign name that looks like an address', { host: '127.0.0.1.attacker.example:80' }],
    ['a user before the name', { host: 'localhost@attacker.example' }],
    ['two ports', { host: 'localhost:1:2' }],
    ['a wrong token', { authorization: 'Bearer x' }],
  ])('is not for everybody: %s', async (name, headers) => {
    const running = await stage.serve(name === 'a wrong token' ? { statsToken: 'y' } : {});
    const { status, body } = await getWith(`http://${running.origin}/stats`, headers as never);
    expect(status).toBe(name === 'a wrong token' ? 401 : 403);
    expect(body).toBe('{"error":{"code":"FORBIDDEN"}}');
  });

  test.each(['localhost', 'LOCALHOST:80', '127.0.0.1', '127.8.9.1:4001', '[::1]', '[::1]:4001'])(
    'is for this machine by the name of %s',
    async (host) => {
      const running = await stage.serve();
      expect((await getWith(`http://${running.origin}/stats`, { host })).status).toBe(200);
    },
  );

  test('is for nobody behind a proxy, but with the token', async () => {
    const closed = await stage.serve({ trustProxy: 'loopback', verifyClient: () => true });
    expect((await fetchText(`http://${closed.origin}/stats`)).status).toBe(403);
    const open = await stage.serve({ trustProxy: true, verifyClient: () => true, statsToken: 'secret' });
    const url = `http://${open.origin}/stats`;
    expect((await fetchText(url)).status).toBe(401);
    for (const authorization of ['secret', 'Basic secret', 'Bearer', 'Bearer secret2', 'Bearer secre'])
      expect((await fetchText(url, { headers: { authorization } })).status).toBe(401);
    expect((await fetchText(url, { headers: { authorization: 'Bearer secret' } })).status).toBe(200);
    expect((await fetchText(`${url}?token=secret`)).status).toBe(401);
  });

  test('says that it drains', async () => {
    let release = () => {};
    const running = await stage.serve({
      handlers: { SLOW: () => new Promise<void>((resolve) => (release = resolve)) },
    });
    const client = await running.connect(44);
    const mid = client.call({ type: 'SLOW' });
    await until(() => running.server.stats().requests.running === 1, 'the call');
    const done = running.server.disconnect();
    const answer = await fetchText(`http://${running.origin}/stats`);
    expect(statsOf(answer)).toMatchObject({ status: 'draining', requests: { running: 1 } });
    expect(await fetchText(`http://${running.origin}/healthz`)).toEqual({
      status: 503,
      body: '{"status":"unavailable"}',
    });
    const refused = await running.wire().catch((error) => error);
    expect(refused).toMatchObject({ status: 503, body: '{"error":{"code":"UNAVAILABLE"}}' });
    expect(refused.headers).toMatchObject({ 'retry-after': '5', connection: 'close' });
    release();
    await client.expectReply(mid);
    await client.expectClose('SERVER_SHUTDOWN');
    await done;
  });
});

describe('expressUse', () => {
  test('mounts connect-style middleware and takes the mount path away', async () => {
    const running = await stage.serve({
      expressUse: {
        '/peerjs': (request, response, next) => {
          if (request.url === '/pass') return next();
          response.end(`${request.url} of ${(request as { originalUrl?: string }).originalUrl}`);
        },
      },
    });
    const base = `http://${running.origin}`;
    expect(await fetchText(`${base}/peerjs/id?x=1`)).toEqual({
      status: 200,
      body: '/id?x=1 of /peerjs/id?x=1',
    });
    expect((await fetchText(`${base}/peerjs`)).body).toBe('/ of /peerjs');
    expect((await fetchText(`${base}/peerjs/pass`)).status).toBe(404);
    expect((await fetchText(`${base}/peerjsx`)).status).toBe(404);
  });

  test('mounts a whole Express app, with its routers, parameters and bodies', async () => {
    const app = express();
    const router = express.Router();
    router.get(
      '/:id',
      (request, response) => void response.json({ id: request.params.id, base: request.baseUrl }),
    );
    app.use(express.json());
    app.use('/things', router);
    app.post('/', (request, response) => void response.status(201).json(request.body));
    const running = await stage.serve({ handlers, expressUse: { '/api': app } });
    const base = `http://${running.origin}/api`;
    expect(JSON.parse((await fetchText(`${base}/things/7`)).body)).toEqual({ id: '7', base: '/api/things' });
    const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
    expect(await fetchText(base, init)).toEqual({ status: 201, body: '{"a":1}' });
    expect((await fetchText(`${base}/none`)).status).toBe(404);
    await echoes(await running.connect(44));
  });

  describe.each([
    ['in production', false],
    ['in development', true],
  ])('%s', (_, exposeErrors) => {
    test.each(['throws', 'rejects', 'passes-on'])('what a middleware %s is a 500', async (how) => {
      const fail = () => {
        throw new Error('a secret of the application');
      };
      const running = await stage.serve({
        exposeErrors,
        expressUse: {
          '/throws': fail,
          '/rejects': async () => fail(),
          '/passes-on': (_request, _response, next) => next(new Error('a secret of the application')),
        },
      });
      const { status, body } = await fetchText(`http://${running.origin}/${how}`);
      expect(status).toBe(500);
      expect(body.includes('a secret of the application')).toBe(exposeErrors);
      expect(body.includes('http.test.ts')).toBe(exposeErrors);
      await until(() => running.errors.length > 0, 'the log');
      expect(running.errors).toMatchObject([
        { message: 'an HTTP route failed', fields: { path: `/${how}` } },
      ]);
    });
  });

  test('an error of a mounted Express app does not show its stack in production', async () => {
    const app = express();
    app.get('/', () => {
      throw new Error('a secret of the application');
    });
    const running = await stage.serve({ exposeErrors: false, expressUse: { '/api': app } });
    const { status, body } = await fetchText(`http://${running.origin}/api`);
    expect(status).toBe(500);
    expect(body).not.toMatch(/secret|at /);
    await until(() => running.errors.length === 1, 'the log');
  });

  test('one that fails halfway through its answer ends the connection', async () => {
    const running = await stage.serve({
      expressUse: {
        '/half': (_request, response, next) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('half');
          next(new Error('broken'));
        },
      },
    });
    await expect(fetchText(`http://${running.origin}/half`)).rejects.toThrow();
    await until(() => running.errors.length === 1, 'the log');
  });
});

describe('an HTTP server of the application’s', () => {
  interface Host {
    /** An HTTP server, not listening yet, that answers GET /hello. */
    make(): Promise<{ httpServer: ReturnType<typeof createServer>; listen(): Promise<number> }>;
  }
  const hello: RequestListener = (request, response) =>
    void response.writeHead(request.url === '/hello' ? 200 : 418).end('hello');
  const hosts: Record<string, Host> = {
    'node:http': {
      make: async () => {
        const httpServer = createServer(hello);
        return { httpServer, listen: () => stage.listen(httpServer) };
      },
    },
    'Express 5': {
      make: async () => {
        const app = express();
        app.get('/hello', (_request, response) => void response.send('hello'));
        app.use((_request, response) => void response.sendStatus(418));
        const httpServer = createServer(app);
        return { httpServer, listen: () => stage.listen(httpServer) };
      },
    },
    'Fastify 5': {
      make: async () => {
        const app = fastify();
        app.get('/hello', async () => 'hello');
        app.setNotFoundHandler((_request, reply) => reply.code(418).send());
        const listen = async () => {
          await app.listen({ port: 0, host: '127.0.0.1' });
          stage.after(() => app.close());
          return (app.server.address() as AddressInfo).port;
        };
        return { httpServer: app.server, listen };
      },
    },
  };

  describe.each(Object.keys(hosts))('%s', (name) => {
    test.each(['listens first', 'listens later'])('that %s', async (order) => {
      const { httpServer, listen } = await (hosts[name] as Host).make();
      let port = order === 'listens first' ? await listen() : 0;
      const running = await stage.serve({ httpServer, handlers });
      port ||= await listen();
      expect(running.server.port).toBe(port);
      const base = `http://127.0.0.1:${port}`;
      await echoes(await running.connect(44));
      expect(await fetchText(`${base}/hello`)).toEqual({ status: 200, body: 'hello' });
      expect((await fetchText(`${base}/callboard`)).status).toBe(418);
      expect((await fetchText(`${base}/healthz`)).body).toBe('{"status":"ok"}');
      expect((await fetchText(`${base}/stats`)).status).toBe(200);
      expect((await fetchText(`${base}/stats`, { method: 'POST' })).status).toBe(418);

      await running.server.disconnect();
      expect(httpServer.listening).toBe(true);
      expect(Object.hasOwn(httpServer, 'emit')).toBe(false);
      expect((await fetchText(`${base}/healthz`)).status).toBe(418);
      expect(await fetchText(`${base}/hello`)).toEqual({ status: 200, body: 'hello' });

      await running.server.start();
      await echoes(await running.connect(44));
    });
  });

  test('that Callboard is to make listen is closed by it too', async () => {
    const httpServer = createServer(hello);
    const running = await stage.serve({ httpServer, port: 0, handlers });
    await echoes(await running.connect(44));
    expect((await fetchText(`http://${running.origin}/hello`)).body).toBe('hello');
    await running.server.disconnect();
    expect(httpServer.listening).toBe(false);
  });

  test('that listens already and should listen again stays as it is', async () => {
    const httpServer = createServer(hello);
    const port = await stage.listen(httpServer);
    const server = createCallboard({
      httpServer,
      port: 0,
      transports: [webSocketTransport()],
      logger: silentLogger,
    });
    await expect(server.start()).rejects.toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' });
    expect(httpServer.listening).toBe(true);
    expect((await fetchText(`http://127.0.0.1:${port}/hello`)).body).toBe('hello');
  });

  test('may carry two Callboards, that come and go in any order', async () => {
    const httpServer = createServer(hello);
    const port = await stage.listen(httpServer);
    const one = await stage.serve({ httpServer, handlers });
    const two = await stage.serve({
      httpServer,
      handlers,
      transports: [webSocketTransport({ path: '/two' })],
    });
    const dial = async (path: string) => {
      const client = new TestClient(() => openWire(`ws://127.0.0.1:${port}${path}`), { userId: 44 });
      await client.connect();
      await echoes(client);
      client.cut();
    };
    await dial('/callboard');
    await dial('/two');
    await expect(dial('/three')).rejects.toMatchObject({ status: 404 });
    await one.server.disconnect();
    await dial('/two');
    await expect(dial('/callboard')).rejects.toMatchObject({ status: 404 });
    await one.server.start();
    await dial('/callboard');
    await dial('/two');
    await two.server.disconnect();
    await dial('/callboard');
    await one.server.disconnect();
    expect((await fetchText(`http://127.0.0.1:${port}/hello`)).body).toBe('hello');
    expect(httpServer.listenerCount('upgrade')).toBe(0);
  });

  test.each(['before', 'after'])('may carry another WebSocketServer, made %s', async (order) => {
    const httpServer = createServer(hello);
    const port = await stage.listen(httpServer);
    const foreign = () => {
      const other = new WebSocketServer({ server: httpServer, path: '/peerjs' });
      other.on('connection', (webSocket) => webSocket.send('peer'));
      stage.after(() => {
        for (const client of other.clients) client.terminate();
        other.close();
      });
    };
    if (order === 'before') foreign();
    const running = await stage.serve({ httpServer, handlers });
    if (order === 'after') foreign();
    const peer = async () => {
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/peerjs`);
      const [data] = await once(webSocket, 'message');
      expect(String(data)).toBe('peer');
      return webSocket;
    };
    const first = await peer();
    await echoes(await running.connect(44));
    await expect(openWire(`ws://127.0.0.1:${port}/other`)).rejects.toMatchObject({ status: 400 });
    await running.server.disconnect();
    expect(first.readyState).toBe(WebSocket.OPEN);
    await peer();
    await running.server.start();
    await echoes(await running.connect(44));
    await peer();
  });

  test.each(['http', 'https'])('%s: other protocols that are asked for are left aside', async (scheme) => {
    const app = express();
    app.use(express.json());
    app.post('/things', (request, response) => void response.json(request.body));
    const httpServer = scheme === 'http' ? createServer(app) : createTlsServer(selfSigned(), app);
    const port = await stage.listen(httpServer);
    // A second one: both listen for upgrades.
    await stage.serve({ httpServer, transports: [webSocketTransport({ path: '/two' })] });
    await stage.serve({ httpServer });
    const socket =
      scheme === 'http'
        ? connectTcp(port, '127.0.0.1')
        : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    stage.after(() => socket.destroy());
    let came = '';
    socket.on('data', (chunk) => {
      came += chunk;
    });
    const post = (body: string) =>
      `POST /things HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n` +
      `HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\nX-Umlaut: \xe4\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`;
    for (const body of ['{"a":1}', '{"b":2}', `{"c":"${'x'.repeat(50_000)}"}`]) {
      came = '';
      socket.write(Buffer.from(post(body) + body.slice(0, 3), 'latin1'));
      await turn();
      socket.write(body.slice(3));
      await until(() => came.endsWith(body), 'the answer');
      expect(came).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    }
  });

  test('whose other upgrades are the application’s own affair', async () => {
    const httpServer = createServer(hello);
    const port = await stage.listen(httpServer);
    const sockets: Socket[] = [];
    httpServer.on('upgrade', (_request, socket) => sockets.push(socket as Socket));
    const running = await stage.serve({ httpServer });
    const socket = await running.tcp();
    socket.write(upgradeRequest(`127.0.0.1:${port}`, '/elsewhere'));
    await until(() => sockets.length === 1, 'the upgrade');
    sockets[0]?.end('mine');
    expect(String((await once(socket, 'data'))[0])).toBe('mine');
    await expect(openWire(`${running.url}?q=1`)).resolves.toBeDefined();
    expect(sockets).toHaveLength(1);
  });
});

describe('TLS', () => {
  const pair = selfSigned();

  test('the application’s https server carries it, and connections are secure', async () => {
    const secure: boolean[] = [];
    const httpServer = createTlsServer(pair, (_request, response) => void response.end('hello'));
    const port = await stage.listen(httpServer);
    const running = await stage.serve({
      httpServer,
      handlers,
      requireSecure: true,
      verifyClient: (credentials) => {
        secure.push(credentials.secure);
        return true;
      },
    });
    const open = (headers = {}) =>
      openWire(`wss://localhost:${port}/callboard`, { ca: pair.cert, headers, family: 4 });
    const client = new TestClient(() => open(), { userId: 44 });
    await client.connect();
    await echoes(client);
    expect(secure).toEqual([true]);
    await expect(open({ origin: `https://localhost:${port}` })).resolves.toBeDefined();
    await expect(open({ origin: `http://localhost:${port}` })).rejects.toMatchObject({ status: 403 });
    const answer = await new Promise((resolve, reject) => {
      const options = { ca: pair.cert, family: 4 };
      getSecure(`https://localhost:${port}/hello`, options, collect(resolve)).on('error', reject);
    });
    expect(answer).toEqual({ status: 200, body: 'hello' });
    await running.server.disconnect();
  });

  test('requireSecure refuses what came without', async () => {
    const running = await stage.serve({ requireSecure: true });
    await expect(running.wire()).rejects.toMatchObject({
      status: 403,
      body: '{"error":{"code":"TLS_REQUIRED"}}',
    });
    await expect(running.wire({ headers: { 'x-forwarded-proto': 'https' } })).rejects.toMatchObject({
      status: 403,
    });
    expect(running.server.stats().connections.accepted).toBe(0);
  });

  test('a trusted proxy may say that it had TLS', async () => {
    const running = await stage.serve({
      requireSecure: true,
      trustProxy: 'loopback',
      verifyClient: () => true,
    });
    const wire = (headers: Record<string, string>): Promise<unknown> => running.wire({ headers });
    await expect(wire({ 'x-forwarded-proto': 'https' })).resolves.toBeDefined();
    await expect(wire({ 'x-forwarded-proto': 'https, http' })).resolves.toBeDefined();
    await expect(wire({ 'x-forwarded-proto': 'http' })).rejects.toMatchObject({ status: 403 });
    await expect(wire({})).rejects.toMatchObject({ status: 403 });
  });
});

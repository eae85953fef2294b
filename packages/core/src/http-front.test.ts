import type { IncomingMessage } from 'node:http';
import { collectingLogger } from '@callboard/testkit';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Asked, createServer, type Server, type ServerOptions, type Transport } from './index.ts';

/** Plain requests that are a transport's. */

let server: Server | undefined;
afterEach(() => server?.disconnect());

async function serve(
  listener: (request: IncomingMessage, asked: Asked) => object | undefined,
  options: Partial<ServerOptions> = {},
) {
  const logger = collectingLogger();
  const transport: Transport = {
    name: 'plain',
    start: (host) =>
      host.onRequest('/live', (request, response, asked) =>
        response.end(JSON.stringify(listener(request, asked) ?? {})),
      ),
    stop() {},
  };
  server = createServer({ port: 0, host: '127.0.0.1', transports: [transport], logger, ...options });
  await server.start();
  const base = `http://127.0.0.1:${server.port}`;
  return {
    logs: logger.logs,
    at: async (path: string, init?: RequestInit) => {
      const response = await fetch(base + path, init);
      return { status: response.status, body: await response.text() };
    },
  };
}

describe('plain requests of a transport', () => {
  test('are those of exactly its path, by whatever method', async () => {
    const { at } = await serve(({ method }) => ({ method }), {
      expressUse: { '/live': (_request, response) => response.end('middleware') },
    });
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'])
      expect(await at('/live?x=1', { method })).toEqual({ status: 200, body: JSON.stringify({ method }) });
    expect(await at('/live/below')).toEqual({ status: 200, body: 'middleware' });
    expect((await at('/other')).status).toBe(404);
    expect((await at('/healthz')).status).toBe(200);
  });

  test('come with what the checks say: for what belongs to a connection, and for what is to become one', async () => {
    const { at } = await serve((_, { refusal, admit }) => ({ refusal, admitted: admit() }), {
      origins: ['https://app.example'],
    });
    const asked = async (headers: Record<string, string>) =>
      JSON.parse((await at('/live', { headers })).body);
    const peer = { transport: 'plain', address: '127.0.0.1', secure: false };
    expect(await asked({})).toMatchObject({ admitted: peer });
    expect(await asked({ cookie: 'sid=1' })).toEqual({ admitted: { status: 403, code: 'ORIGIN_REFUSED' } });
    const refused = { status: 403, code: 'ORIGIN_REFUSED' };
    expect(await asked({ origin: 'https://attacker.example' })).toEqual({
      refusal: refused,
      admitted: refused,
    });
    expect(await asked({ 'x-forwarded-for': '127.0.0.1' })).toMatchObject({
      refusal: { status: 403, code: 'LOOPBACK_ONLY' },
    });
  });

  test('become no connection once the server drains, but are still the transport’s', async () => {
    let during: Promise<{ body: string }> | undefined;
    const { at } = await serve((_, { refusal, admit }) => ({ refusal, admitted: admit() }), {
      plugins: [
        {
          name: 'slow',
          setup: ({ onDispose }) =>
            onDispose(async () => {
              during = at('/live');
              await during;
            }),
        },
      ],
    });
    await server?.disconnect();
    expect(JSON.parse((await during)?.body ?? '')).toEqual({
      admitted: { status: 503, code: 'UNAVAILABLE' },
    });
  });

  test('on which it throws end alone, with a line in the log', async () => {
    const { at, logs } = await serve(({ method }) => {
      if (method === 'POST') throw new Error('broken');
      return undefined;
    });
    await expect(at('/live', { method: 'POST' })).rejects.toThrow();
    expect((await at('/live')).status).toBe(200);
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'a request failed', fields: { transport: 'plain' } },
    ]);
  });
});

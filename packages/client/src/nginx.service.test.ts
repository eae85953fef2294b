import type { Server, Transport } from '@callboard/core';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Nginx, nginxPath } from '../test/nginx.ts';
import { heard, Stage, until } from '../test/support.ts';
import { fallback } from './fallback.ts';
import type { Client } from './index.ts';

/** The fallback behind a real proxy. */

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (nginxPath === undefined && !required)
  process.stderr.write('Skipped: no nginx here. Install it, or name it in NGINX.\n');
const behindNginx = nginxPath === undefined && !required ? describe.skip : describe;

behindNginx('behind nginx', () => {
  let stage: Stage;
  let server: Server;
  /** What got to the HTTP transport. */
  let seen: string[];
  beforeEach(async () => {
    if (nginxPath === undefined) throw new Error('no nginx here: install it, or name it in NGINX');
    stage = new Stage();
    seen = [];
    server = await stage.serve({
      transports: [webSocketTransport(), noting(httpTransport(), seen)],
      handlers: { ECHO: ({ action, client }) => [client.transport, action.n] },
    });
  });
  afterEach(() => stage.end());

  async function client(location: string): Promise<Client> {
    const nginx = await Nginx.start(() => `proxy_pass http://127.0.0.1:${server.port}; ${location}`);
    stage.after(() => nginx.stop());
    return stage.client(`ws://127.0.0.1:${nginx.port}`, 44, {
      transport: fallback({ timers: stage.clock }),
      resend: true,
    });
  }

  /** Calls, broadcasts, is cut and comes back; each thing happens once. */
  async function works(tab: Client, transport: string): Promise<void> {
    const other = await stage.online(server, 44);
    const [atTab, atOther] = [heard(tab, 'NOTE'), heard(other, 'NOTE')];
    expect(await tab.sendToServer({ type: 'ECHO', n: 1 })).toEqual([transport, 1]);
    const { id } = tab;
    await tab.broadcast({ type: 'NOTE', n: 1 });
    await other.broadcast({ type: 'NOTE', n: 2 });
    await until(() => atTab.length === 1 && atOther.length === 1, 'the notes');
    tab.drop();
    await stage.lost(tab);
    await other.broadcast({ type: 'NOTE', n: 3 });
    await stage.back(tab);
    await stage.delivered(server, [tab]);
    expect([tab.id, atTab, atOther]).toMatchObject([id, [{ n: 2 }, { n: 3 }], [{ n: 1 }]]);
    const text = 'ä'.repeat(20_000);
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const replies = numbers.map((n) => tab.sendToServer({ type: 'ECHO', n, text }));
    expect(await Promise.all(replies)).toEqual(numbers.map((n) => [transport, n]));
    await stage.finish(tab.close());
    await until(() => server.users.get('44')?.clients.size === 1, 'the end of the session');
  }

  test('that passes upgrades on, it is WebSocket', async () => {
    const tab = await client(
      'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
    );
    await until(() => tab.isConnected(), 'the connection');
    await works(tab, 'websocket');
    expect(seen).toEqual([]);
  });

  test.each([
    ['as it comes, that passes no upgrades on', ''],
    ['that refuses them', 'if ($http_upgrade) { return 403; }'],
    [
      'over HTTP/1.1, with connections that are kept',
      'proxy_http_version 1.1; proxy_set_header Connection "";',
    ],
  ])('%s, it is a stream', async (_, location) => {
    const tab = await client(location);
    await until(() => tab.isConnected(), 'the connection');
    await works(tab, 'http');
    expect(seen).toContain('GET');
    expect(seen).not.toContain('POLL');
  });

  test('that holds streams back, it is polls', async () => {
    const tab = await client('proxy_ignore_headers X-Accel-Buffering;');
    await until(() => seen.includes('GET') && seen.includes('POST'), 'the stream');
    stage.clock.advance(3_000);
    await until(() => tab.isConnected(), 'the connection');
    await works(tab, 'http');
    expect(seen).toContain('POLL');
  });
});

/** Notes what gets to a transport, other than what is no upgrade any more. */
function noting(transport: Transport, seen: string[]): Transport {
  return {
    ...transport,
    start: (host) =>
      transport.start({
        ...host,
        onRequest: (path, listener) =>
          host.onRequest(path, (request, ...rest) => {
            const { method, headers } = request;
            if (headers['callboard-poll'] !== undefined) seen.push('POLL');
            else if (method === 'POST' || headers['callboard-connection'] !== undefined)
              seen.push(`${method}`);
            listener(request, ...rest);
          }),
      }),
  };
}

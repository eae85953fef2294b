import dns from 'node:dns';
import { createServer as createHole, isIP, type Server, Socket } from 'node:net';
import { until } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Dispatcher, Pool } from 'undici';
import { Api, send } from '../test/api.ts';
import { selfSigned } from '../test/certificate.ts';
import { Stage, type StageOptions, type Watched } from '../test/stage.ts';

type Lookup = (name: string, options: { all?: boolean }, answer: (...answers: unknown[]) => void) => void;

/** Where requests go: to what the application has named, and where its resolver says that this is. */
describe('an upstream that is a name', () => {
  let stage: Stage;
  let api: Api;
  /** By name; any other name there is not. */
  const addresses = new Map<string, string>();
  const lookedUp: string[] = [];
  const connected: string[] = [];
  const endings: (() => unknown)[] = [];
  const lookup: Lookup = (name, { all }, answer) => {
    lookedUp.push(name);
    const address = addresses.get(name);
    if (address === undefined) return answer(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
    return all ? answer(null, [{ address, family: 4 }]) : answer(null, address, 4);
  };
  const bodies = ({ pages }: Watched) => pages.map(({ body }) => body);
  const begin = async (options: StageOptions) => {
    stage = await Stage.open({ timeoutMs: 5_000, circuitFailures: 1_000, ...options });
    return stage.tab('bob');
  };
  const start = async (...place: Parameters<typeof Api.start>) => {
    const started = await Api.start(...place);
    endings.push(() => started.kill());
    return started;
  };

  beforeEach(async () => {
    const addressOf = dns.lookup as (...args: unknown[]) => void;
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((name: string, ...rest: [never, never]) =>
        isIP(name) > 0 ? addressOf(name, ...rest) : lookup(name, ...rest)) as never);
    const { connect } = Socket.prototype;
    jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
      const [{ host, port }] = args.flat() as [{ host?: string; port?: number }];
      connected.push(`${host}:${port}`);
      return connect.apply(this, args as never);
    });
    api = await start();
    addresses.set('api.test', '127.0.0.1');
    addresses.set('localhost', '127.0.0.1');
  });
  afterEach(async () => {
    await stage.end();
    for (const ending of endings.splice(0).reverse()) await ending();
    jest.restoreAllMocks();
    for (const each of [lookedUp, connected]) each.length = 0;
    addresses.clear();
    expect(stage.node.errors).toEqual([]);
  });

  /** A server that nobody is to find. */
  const hole = async () => {
    let found = 0;
    const server: Server = createHole((socket) => {
      found++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    endings.push(() => server.close());
    return { port: (server.address() as { port: number }).port, found: () => found };
  };

  test('no other one is looked up or connected to, whatever a client asks for and the API answers', async () => {
    const evil = await hole();
    addresses.set('evil.test', '127.0.0.1');
    const upstream = `http://api.test:${api.port}`;
    const bob = await begin({ upstream, requestHeaders: ['accept', 'x-tenant'] });
    const at = `evil.test:${evil.port}`;
    const locations = [
      ...[
        `http://${at}/users/2`,
        `//${at}/users/2`,
        `/\\${at}/users/2`,
        `\\\\${at}/users/2`,
        `https://${at}/users/2`,
      ],
      ...[
        `http://api.test@${at}/users/2`,
        `http://api.test:${api.port}@${at}/users/2`,
        `http://api.test.${at}/users/2`,
      ],
      ...[
        `http://api.test:${evil.port}/users/2`,
        `https://api.test:${api.port}/users/2`,
        `http://127.0.0.1:${evil.port}/users/2`,
      ],
      ...[
        `http:${at}/users/2`,
        `http:/${at}/users/2`,
        `ftp://${at}/users/2`,
        `${at}/users/2`,
        `http://[::ffff:127.0.0.1]:${evil.port}/users/2`,
      ],
    ];
    let location = '';
    api.answer = (asked, response) => {
      if (asked.path.startsWith('/users/1')) {
        const names = {
          'alt-svc': `h2="${at}"`,
          refresh: `0; url=http://${at}/`,
          'content-location': `http://${at}/`,
        };
        const link = `<http://${at}/>; rel=preload`;
        response.writeEarlyHints({ link });
        send(response, 302, {}, { location, link, ...names });
      } else send(response, 200, 'found');
    };
    const headers = {
      host: at,
      'x-forwarded-host': at,
      forwarded: `host=${at}`,
      accept: `http://${at}/`,
      'x-tenant': at,
    };
    for (const [i, each] of locations.entries()) {
      location = each;
      const { pages } = await bob.watch(`/users/1?${i}`, { token: 't', headers });
      expect([each, pages.map(({ status }) => status)]).toEqual([each, [302]]);
    }
    for (const path of [
      `//${at}/users/2`,
      `http://${at}/users/2`,
      `/users/@${at}`,
      `/users/1?@${at}/`,
      `/users/${at}`,
    ])
      await bob.watch(path, { headers });
    // The same place, in other letters.
    location = `HTTP://API.test:${api.port}/users/2`;
    expect(bodies(await bob.watch('/users/1?same'))).toEqual(['found']);

    expect(api.asked.length).toBeGreaterThan(locations.length);
    expect(new Set(api.asked.map((asked) => asked.headers.host))).toEqual(new Set([`api.test:${api.port}`]));
    expect(new Set(lookedUp)).toEqual(new Set(['api.test']));
    expect(new Set(connected)).toEqual(new Set([`api.test:${api.port}`]));
    expect(evil.found()).toBe(0);
  });

  test('that moves is followed by the next connection, and asked by the same name', async () => {
    const upstream = `http://api.test:${api.port}`;
    const other = await start({ host: '127.0.0.2', port: api.port });
    api.pages.set('/users/1', 'here');
    other.pages.set('/users/1', 'there');
    const bob = await begin({ upstream });
    const watched = await bob.watch('/users/1', { token: 't' });
    addresses.set('api.test', '127.0.0.2');
    // The connection that there is stays what it is.
    await stage.bump('/users/1');
    expect([bodies(watched), other.asked]).toEqual([['here'], []]);
    await api.kill();
    await stage.bump('/users/1');
    await stage.pass(2_000);
    expect(bodies(watched)).toEqual(['here', 'there']);
    expect(other.asked).toMatchObject([{ token: 't', headers: { host: `api.test:${api.port}` } }]);
    expect(new Set(lookedUp)).toEqual(new Set(['api.test']));
  });

  test('and https has to have its certificate: who has not is sent nothing', async () => {
    const certificate = selfSigned();
    const secure = await start({ certificate });
    const impostor = await start({ host: '127.0.0.2', port: secure.port, certificate: selfSigned() });
    const origin = `https://localhost:${secure.port}`;
    secure.pages.set('/users/1', 'sound');
    impostor.pages.set('/users/1', 'forged');
    const own = (
      upstream: string,
      dispatcher: Dispatcher = new Pool(upstream, { connect: { ca: certificate.cert } }),
    ) => {
      endings.push(() => dispatcher.destroy());
      return { upstream, dispatcher };
    };
    const bob = await begin(own(origin));
    const watched = await bob.watch('/users/1', { token: 't' });
    expect(bodies(watched)).toEqual(['sound']);
    addresses.set('localhost', '127.0.0.2');
    await secure.kill();
    await stage.bump('/users/1');
    await stage.pass(20_000);
    expect([watched.states, bodies(watched)]).toEqual([['opening', 'live', 'UNREACHABLE'], ['sound']]);
    // Nor does it fit another name, or an authority that nobody knows.
    await secure.start();
    for (const options of [own(`https://api.test:${secure.port}`), { upstream: origin }]) {
      addresses.set('localhost', '127.0.0.1');
      await stage.end();
      const { states } = await (await begin(options)).watch('/users/1', { token: 't' });
      expect(states).toEqual(['opening', 'live', 'UNREACHABLE']);
    }
    expect([impostor.asked.length, secure.asked.length]).toEqual([0, 1]);
  });

  test('is never connected to where the application’s own lookup refuses its address', async () => {
    const inside = await hole();
    const upstream = `http://api.test:${inside.port}`;
    const wary: Lookup = (name, options, answer) =>
      dns.lookup(name, { ...options, all: true }, (error, found) => {
        const isPublic = found?.every(({ address }) => !address.startsWith('127.')) ?? false;
        answer(error ?? (isPublic ? null : new Error('a private address')), found);
      });
    const dispatcher = new Pool(upstream, { connect: { lookup: wary as never } });
    endings.push(() => dispatcher.destroy());
    const { states } = await (await begin({ upstream, dispatcher })).watch('/users/1', { token: 't' });
    expect(states).toEqual(['opening', 'live', 'UNREACHABLE']);
    expect([new Set(lookedUp), inside.found()]).toEqual([new Set(['api.test']), 0]);
  });

  test('is looked up; one that is an address is not', async () => {
    api.pages.set('/users/1', 1);
    const bob = await begin({ upstream: api.origin });
    expect(bodies(await bob.watch('/users/1'))).toEqual([1]);
    await until(() => api.asked.length === 1, 'the request');
    expect([lookedUp, connected]).toEqual([[], [`127.0.0.1:${api.port}`]]);
  });
});

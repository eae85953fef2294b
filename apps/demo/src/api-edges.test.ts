import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { collectingLogger } from '@callboard/testkit';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Api, notice, tokensOf } from '../test/api.ts';
import { createDemo, type Demo, type DemoOptions } from './demo.ts';

const secret = 'a secret of this test, 32 bytes long or more';
const app = 'https://app.example';
let demo: Demo;
let api: Api;
let port: number;
let logger: ReturnType<typeof collectingLogger>;

async function open(options: Partial<DemoOptions> = {}) {
  logger = collectingLogger();
  demo = await createDemo({ port: 0, secret, logger, passwordWork: 16, origins: [app], ...options });
  port = await demo.start();
  api = new Api(port);
}
afterEach(() => demo?.stop());

const envelope = (code: string) => ({ error: { code, message: expect.any(String) } });

describe('every error has the one envelope', () => {
  test.each<[string, () => Promise<{ status: number; body: unknown }>, number, string]>([
    ['a route that is none', () => api.ask('GET', '/nothing'), 404, 'NOT_FOUND'],
    ['a method that is none', () => api.ask('PUT', '/events'), 404, 'NOT_FOUND'],
    ['what no route understands', () => api.ask('POST', '/sign-in', { body: {} }), 400, 'INVALID'],
    ['an address that is none', () => api.ask('GET', '/events/%'), 400, 'INVALID'],
    [
      'a type that is none',
      () => api.ask('POST', '/sign-in', { body: 'x', headers: { 'content-type': 'x' } }),
      415,
      'UNSUPPORTED_TYPE',
    ],
    [
      'a body that is too large',
      () => api.ask('POST', '/sign-in', { body: 'x'.repeat(5_000) }),
      413,
      'TOO_LARGE',
    ],
    ['who has not signed in', () => api.ask('GET', '/company'), 401, 'NO_PASS'],
  ])('%s', async (_, attempt, status, code) => {
    await open();
    const answer = await attempt();
    expect([answer.status, answer.body]).toEqual([status, envelope(code)]);
  });

  test('a server that fails, which says nothing of why but to its log', async () => {
    await open();
    const { orla } = await tokensOf(demo);
    await demo.database.transaction((tx) => tx.schema.dropTable('subscriptions').execute());
    const { status, body } = await api.ask('GET', '/events', { token: orla });
    expect([status, body]).toEqual([500, envelope('FAILED')]);
    expect(JSON.stringify(body)).not.toMatch(/subscriptions|sql/i);
    expect(logger.logs.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'a route failed', fields: { route: '/api/events' } },
    ]);
  });

  test('what is no HTTP', async () => {
    await open();
    const socket = connect(port, '127.0.0.1').end('NONSENSE\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toEqual(envelope('INVALID'));
  });
});

describe('requests in a second', () => {
  test('are as many as one may; then they are refused, with all headers, and others are not', async () => {
    await open({ requestsPerSecond: 5 });
    const { orla, teodor } = await tokensOf(demo);
    const ask = (token?: string) => api.ask('GET', '/events', { token, headers: { origin: app } });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(orla)));
    const refused = answers.filter(({ status }) => status === 429);
    // A second may have gone by in between.
    expect(refused.length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeLessThanOrEqual(7);
    for (const { body, headers } of refused) {
      expect(body).toEqual(envelope('TOO_OFTEN'));
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(headers.get('access-control-allow-origin')).toBe(app);
    }
    expect((await ask(teodor)).status).toBe(200);
    expect((await ask()).status).toBe(200);
  });

  test('are counted for what is not there as well', async () => {
    await open({ requestsPerSecond: 2 });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => api.ask('GET', `/nothing/${i}`)));
    expect(answers.some(({ status }) => status === 429)).toBe(true);
  });

  test('nobody has more for saying that they are many', async () => {
    await open({ requestsPerSecond: 2 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        api.ask('GET', '/events', { token: `nonsense-${i}`, headers: { 'x-forwarded-for': `10.0.0.${i}` } }),
      ),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
  });
});

describe('another origin', () => {
  const preflight = (origin: string, method = 'PATCH') =>
    fetch(`http://127.0.0.1:${port}/api/events/x`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,if-match',
      },
    });

  test('that is named may ask, and reads what it needs of every answer', async () => {
    await open();
    const { status, headers } = await preflight(app);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(app);
    expect(headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(headers.get('access-control-allow-headers')).toContain('if-match');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    for (const [path, wanted] of [
      ['/events', 200],
      ['/events?limit=x', 400],
      ['/company', 401],
      ['/nothing', 404],
    ] as const) {
      const answer = await api.ask('GET', path, { headers: { origin: app } });
      expect(answer.status).toBe(wanted);
      expect(answer.headers.get('access-control-allow-origin')).toBe(app);
      expect(answer.headers.get('access-control-expose-headers')).toContain('etag');
      expect(answer.headers.get('vary')).toMatch(/origin/i);
    }
  });

  test('that is not may not', async () => {
    await open();
    for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'null'])
      for (const headers of [
        (await preflight(origin)).headers,
        (await api.ask('GET', '/events', { headers: { origin } })).headers,
      ])
        expect(headers.get('access-control-allow-origin')).not.toBe(origin);
  });

  test('is none by default', async () => {
    await open({ origins: [] });
    const { headers } = await api.ask('GET', '/events', { headers: { origin: app } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('in production', () => {
  test('there is no server without a secret of its own', async () => {
    const options = { port: 0, production: true, logger: collectingLogger() };
    await expect(createDemo(options)).rejects.toThrow('needs a secret');
    await expect(createDemo({ ...options, secret: 'short' })).rejects.toThrow('32 bytes');
  });

  test('nobody comes in by the password that is printed, and time cannot be moved', async () => {
    await open({ production: true });
    const login = { email: 'orla@tallow-street.example', password: 'break-a-leg' };
    expect((await api.ask('POST', '/sign-in', { body: login })).status).toBe(401);
    const signedUp = await api.ask<{ token: string }>('POST', '/sign-up', {
      body: { ...login, name: 'Ada' },
    });
    const { token } = signedUp.body;
    expect((await api.later('hour', token)).status).toBe(404);
    expect((await api.ask('GET', '/rules')).body).toMatchObject({ demo: false });
    expect((await api.post(token, notice())).status).toBe(201);
  });
});

describe('the documentation', () => {
  interface OpenApi {
    readonly openapi: string;
    readonly paths: Record<
      string,
      Record<string, { summary?: string; responses: object; security?: unknown }>
    >;
  }
  const page = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/docs${path}`);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };

  test('has each route of the API, and no other', async () => {
    await open();
    const { openapi, paths } = JSON.parse((await page('/json')).body) as OpenApi;
    expect(openapi).toMatch(/^3\.1/);
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual(
      [
        'DELETE /api/events/{id}',
        'DELETE /api/events/{id}/subscription',
        'GET /api/company',
        'GET /api/events',
        'GET /api/events/{id}',
        'GET /api/people/{id}',
        'GET /api/rules',
        'GET /api/shows',
        'GET /api/shows/{id}',
        'PATCH /api/events/{id}',
        'PATCH /api/people/{id}',
        'PATCH /api/shows/{id}',
        'POST /api/clock',
        'POST /api/events',
        'POST /api/renew',
        'POST /api/sign-in',
        'POST /api/sign-up',
        'PUT /api/events/{id}/subscription',
      ].sort(),
    );
    for (const method of Object.values(paths).flatMap((each) => Object.values(each))) {
      expect(method.summary).toEqual(expect.any(String));
      expect(Object.keys(method.responses)).toEqual(expect.arrayContaining(['4XX', '5XX']));
    }
  });

  test('is shown by what comes from here, and may ask nobody else', async () => {
    await open();
    const { status, headers, body } = await page('/');
    expect(status).toBe(200);
    expect(body).toContain('swagger-ui');
    expect(body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|\*/);
    for (const file of [
      '/static/swagger-ui-bundle.js',
      '/static/swagger-ui.css',
      '/static/swagger-initializer.js',
    ])
      expect((await page(file)).status).toBe(200);
    expect((await page('/static/swagger-initializer.js')).body).toContain('validatorUrl: null');
    for (const path of ['/static/../package.json', '/static/..%2fpackage.json', '/static/none'])
      expect((await page(path)).status).toBeGreaterThanOrEqual(400);
  });
});

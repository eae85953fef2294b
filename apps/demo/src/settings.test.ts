import { describe, expect, test } from '@jest/globals';
import { settingsOf } from './settings.ts';

const secret = 'a secret of this test, 32 bytes long or more';

test('without any, it is a demo whose data are kept in a folder of its own', () => {
  expect(settingsOf({})).toEqual({
    port: 4001,
    production: false,
    database: expect.stringMatching(/demo.data$/),
    limits: { eventsEach: 5, subscriptionsEach: 10 },
    requestsPerSecond: 20,
    origins: [],
  });
});

test('all of them', () => {
  const env = {
    PORT: '0',
    CALLBOARD_BROKER: 'mqtt://127.0.0.1:1884',
    REDIS_URL: 'redis://127.0.0.1:6380',
    JWT_SECRET: secret,
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://db/theatre',
    EVENTS_EACH: '1',
    SUBSCRIPTIONS_EACH: '3',
    REQUESTS_PER_SECOND: '5',
    CORS_ORIGINS: 'https://app.example,http://localhost:3000',
  };
  expect(settingsOf(env)).toEqual({
    port: 0,
    broker: 'mqtt://127.0.0.1:1884',
    redis: 'redis://127.0.0.1:6380',
    secret,
    production: true,
    database: 'postgres://db/theatre',
    limits: { eventsEach: 1, subscriptionsEach: 3 },
    requestsPerSecond: 5,
    origins: ['https://app.example', 'http://localhost:3000'],
  });
});

describe('what is refused:', () => {
  test.each([
    ['no secret in production', { NODE_ENV: 'production' }, 'JWT_SECRET'],
    ['an empty secret in production', { NODE_ENV: 'production', JWT_SECRET: '' }, 'JWT_SECRET'],
    ['a short secret', { JWT_SECRET: 'x'.repeat(31) }, 'JWT_SECRET'],
    ['no port', { PORT: '65536' }, 'PORT'],
    ['half a port', { PORT: '4001x' }, 'PORT'],
    ['no events', { EVENTS_EACH: '0' }, 'EVENTS_EACH'],
    ['no number', { SUBSCRIPTIONS_EACH: '-1' }, 'SUBSCRIPTIONS_EACH'],
    ['no requests', { REQUESTS_PER_SECOND: '' }, 'REQUESTS_PER_SECOND'],
    ['every origin', { CORS_ORIGINS: '*' }, 'CORS_ORIGINS'],
    ['what is no broker', { CALLBOARD_BROKER: 'http://127.0.0.1' }, 'CALLBOARD_BROKER'],
    ['what is no Redis', { REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL'],
    ['what is no address', { REDIS_URL: 'redis://127.0.0.1:x' }, 'REDIS_URL'],
    ['a path', { CORS_ORIGINS: 'https://app.example/page' }, 'CORS_ORIGINS'],
  ])('%s', (_, env: Record<string, string>, what) => {
    expect(() => settingsOf(env)).toThrow(what);
  });
});

import { createServer } from '@callboard/core';
import { describe, expect, test } from '@jest/globals';
import { type RedisIngressOptions, redisIngress } from './ingress.ts';

const url = 'redis://127.0.0.1:6379';

describe('options', () => {
  test.each<[string, RedisIngressOptions]>([
    ['url is no redis: or rediss: address', { url: '127.0.0.1:6379' }],
    ['url is no redis: or rediss: address', { url: 'http://user:secret@127.0.0.1' }],
    ['url is no redis: or rediss: address', { url: `${url}/shop` }],
    ['url is no redis: or rediss: address', { url: 'redis://shop:%zz@127.0.0.1' }],
    ['there is no channel to subscribe to', { url, channel: false }],
    ['maxRunning must be a number above 0', { url, limits: { maxRunning: 0 } }],
    ['maxMessageBytes must be a number above 0', { url, limits: { maxMessageBytes: Number.NaN } }],
    ['minMs must be a number above 0', { url, backoff: { minMs: -1 } }],
  ])('%s', (message, options) => {
    expect(() => redisIngress(options)).toThrow(message);
  });

  test('a server that is not started has no connection', () => {
    const server = createServer({ transports: [], plugins: [redisIngress({ url })] });
    expect(server.redisIngress.connected).toBe(false);
    expect(server.stats().plugins.redisIngress).toEqual({
      ...{ connected: 0, connects: 0, done: 0, malformed: 0, failed: 0, dropped: 0, running: 0 },
    });
  });
});

import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@callboard/client';
import { createServer, provide, type Server, tokens } from '@callboard/core';
import { collectingLogger, LiveClock, until } from '@callboard/testkit';
import { httpTransport } from '@callboard/transport-http';
import { webSocketTransport } from '@callboard/transport-ws';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redis, redisIsHere } from '../test/redis.ts';
import { type RedisIngressOptions, redisIngress } from './ingress.ts';

/** Debian's Redis, which is killed and started again. */

jest.setTimeout(30_000);

const required = process.env.CALLBOARD_REQUIRE_SERVICES === '1';
if (!redisIsHere && !required) process.stderr.write('Skipped: no redis-server and redis-cli here.\n');
const withRedis = redisIsHere || required ? describe : describe.skip;

withRedis('a Redis', () => {
  let redis: Redis;
  let clock: LiveClock;
  const endings: (() => unknown)[] = [];

  beforeEach(async () => {
    if (!redisIsHere) throw new Error('no redis-server and redis-cli here: install them');
    clock = new LiveClock();
    redis = await Redis.onFreePort();
    endings.push(() => redis.end());
  });
  afterEach(async () => {
    for (const ending of endings.splice(0).reverse()) await ending();
  });

  async function serve(options: Partial<RedisIngressOptions> = {}) {
    const logger = collectingLogger();
    const server = createServer({
      port: 0,
      transports: [webSocketTransport(), httpTransport()],
      channels: { 'product/+': { canSubscribe: () => true, retain: true } },
      plugins: [redisIngress({ url: redis.url, ...options })],
      logger,
      provide: [provide(tokens.clock, clock)],
    });
    const events: string[] = [];
    server.events$.subscribe(({ type }) => type.startsWith('REDIS') && events.push(type));
    const told: string[] = [];
    for (const id of [1, 2])
      server
        .channel(`product/${id}`)
        .publications$.subscribe(({ channel, data }) => told.push(`${channel}=${data}`));
    await server.start();
    endings.push(() => stop(server));
    return { server, events, told, logs: logger.logs };
  }
  const stop = (server: Server) => clock.until(server.disconnect({ graceMs: 0 }));
  const counts = (server: Server) => server.stats().plugins.redisIngress as Record<string, number>;
  const connected = (server: Server, times = 1) =>
    until(() => {
      clock.advance(50);
      return counts(server).connected === 1 && counts(server).connects === times;
    }, 'Redis');
  /** It is asked for one, and has five seconds; when it has answered, it is left alone for another fifteen. */
  async function signOfLife(): Promise<void> {
    const timers = jest.spyOn(clock, 'setTimeout');
    clock.advance(15_000);
    await until(() => timers.mock.calls.some(([, ms]) => ms === 15_000), 'a sign of life');
    timers.mockRestore();
  }
  const publish = (channel: string, data: unknown) =>
    redis.publish('callboard', { v: 1, publish: channel, data });

  test('brings commands: by redis-cli, and by a line of text over TCP', async () => {
    await redis.start();
    const { server, events, told } = await serve();
    await connected(server);
    expect([publish('product/1', 41), publish('product/2', 7)]).toEqual([1, 1]);
    await until(() => told.length === 2, 'both');
    const socket = connect(redis.port, '127.0.0.1');
    endings.push(() => socket.destroy());
    socket.write(`PUBLISH callboard "{\\"v\\":1,\\"publish\\":\\"product/1\\",\\"data\\":40}"\r\n`);
    await until(() => told.length === 3, 'the third');
    expect([told, events]).toEqual([['product/1=41', 'product/2=7', 'product/1=40'], ['REDIS_CONNECTED']]);
  });

  test('that is not there yet keeps nothing from working, and is found when it comes', async () => {
    const { server, events, told } = await serve();
    await server.publish('product/1', 'without it');
    expect([told, counts(server).connected]).toEqual([['product/1=without it'], 0]);
    await redis.start();
    await connected(server);
    publish('product/1', 'with it');
    await until(() => told.length === 2, 'the publication');
    expect(events).toEqual(['REDIS_CONNECTED']);
  });

  test('that is killed and started again is found again', async () => {
    await redis.start();
    const { server, events, told } = await serve({
      foreign: { 'stock:*': (text) => ({ publish: 'product/2', data: text }) },
    });
    await connected(server);
    await redis.kill();
    await until(() => counts(server).connected === 0, 'the loss');
    await server.publish('product/1', 'meanwhile');
    await redis.start();
    await connected(server, 2);
    publish('product/1', 'after it');
    redis.publish('stock:2', '3');
    await until(() => told.length === 3, 'both');
    expect(told).toEqual(['product/1=meanwhile', 'product/1=after it', 'product/2=3']);
    expect(events).toEqual(['REDIS_CONNECTED', 'REDIS_LOST', 'REDIS_CONNECTED']);
  });

  test('that drops connections is joined less and less often, until one stands', async () => {
    await redis.start();
    const { server, logs } = await serve({ random: () => 0 });
    const drop = async () => {
      redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until(() => counts(server).connected === 0, 'the loss');
    };
    for (let times = 1; times <= 4; times++) {
      await connected(server, times);
      await drop();
    }
    const waits = () =>
      logs.flatMap(({ message, fields }) => (message === 'no Redis' ? [fields.retryInMs] : []));
    expect(waits()).toEqual([125, 250, 500, 1_000]);
    await connected(server, 5);
    await signOfLife();
    await drop();
    expect(waits().slice(4)).toEqual([125]);
  });

  test('that says nothing any more is given up', async () => {
    await redis.start();
    const { server } = await serve();
    await connected(server);
    for (let signs = 0; signs < 3; signs++) await signOfLife();
    expect(counts(server)).toMatchObject({ connected: 1, connects: 1 });
    await redis.kill('SIGSTOP');
    clock.advance(15_000);
    clock.advance(4_999);
    expect(counts(server).connected).toBe(1);
    clock.advance(1);
    expect(counts(server).connected).toBe(0);
    await redis.kill('SIGCONT');
    await connected(server, 2);
  });

  test('is asked with a name and a password, which are in no log', async () => {
    await redis.start(
      ...'--user backend on >s3cret ~* &callboard +subscribe +ping +client +hello'.split(' '),
    );
    const { server, logs } = await serve({ url: redis.url.replace('//', '//backend:s3cret@') });
    await connected(server);
    await redis.kill();
    await until(() => counts(server).connected === 0, 'the loss');
    await redis.start();
    await until(() => {
      clock.advance(1_000);
      return logs.filter(({ message }) => message === 'no Redis').length >= 2;
    }, 'the refusal');
    expect(counts(server).connected).toBe(0);
    expect(JSON.stringify(logs)).not.toContain('s3cret');
  });

  test('is brought what is no command: counted and ignored', async () => {
    await redis.start();
    const { server, told } = await serve({ limits: { maxMessageBytes: 1_000 } });
    await connected(server);
    for (const text of [
      '',
      'null',
      '{"v":1}',
      '\\u0000',
      `{"v":1,"publish":"product/1","data":"${'x'.repeat(1_000)}"}`,
    ])
      redis.publish('callboard', text);
    publish('product/1', 'sound');
    await until(() => told.length === 1, 'the sound one');
    expect(counts(server)).toMatchObject({ done: 1, malformed: 5, connected: 1 });
  });

  test('is left when the server stops, and joined when it starts again', async () => {
    await redis.start();
    const { server } = await serve();
    await connected(server);
    await stop(server);
    await until(() => publish('product/1', 'to nobody') === 0, 'the end of the subscription');
    await server.start();
    await connected(server, 2);
    expect(publish('product/1', 'again')).toBe(1);
    await until(() => counts(server).done === 1, 'the command');
  });

  test('the inventory: a worker says what is in stock, and who looks at that product sees it, over WebSocket and over HTTP', async () => {
    await redis.start();
    const { server } = await serve({
      channel: false,
      foreign: {
        'inventory-updates': (message) => {
          const { productId, newInventory } = JSON.parse(message);
          return { publish: `product/${productId}`, data: { stock: newInventory } };
        },
      },
    });
    await connected(server);
    const view = async (endPoint: string, userId: number, product: number) => {
      const client = createClient({ endPoint, userId });
      endings.push(() => client.close());
      const seen: unknown[] = [];
      const channel = client.channel(`product/${product}`);
      channel.subscribe(({ data }) => seen.push(data));
      await channel.joined();
      return seen;
    };
    const { port } = server;
    const one = await view(`ws://127.0.0.1:${port}`, 1, 1);
    const blocked = await view(`http://127.0.0.1:${port}`, 2, 1);
    const two = await view(`ws://127.0.0.1:${port}`, 3, 2);
    const worker = join(import.meta.dirname, '../test/inventory-worker.mjs');
    await promisify(execFile)(process.execPath, [worker, redis.url, '1=41', '2=7', '1=40', '3=9']);
    await until(() => one.length === 2 && blocked.length === 2 && two.length === 1, 'the counts');
    expect([one, blocked, two]).toEqual([
      [{ stock: 41 }, { stock: 40 }],
      [{ stock: 41 }, { stock: 40 }],
      [{ stock: 7 }],
    ]);
  });
});

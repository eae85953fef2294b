import { definePlugin, ReplyError, type Server } from '@callboard/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { publishPacket, type RawDevice, Stage, subscribePacket, until } from '../test/support.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const said = ({ topic, payload }: { topic: string; payload: string | Buffer }) => [
  topic,
  JSON.parse(String(payload)),
];

let messageId = 0;

/** Calls, and gives what is answered; the acknowledgement comes before or after. */
async function ask(device: RawDevice, asked: unknown): Promise<unknown> {
  const payload = typeof asked === 'string' ? asked : JSON.stringify(asked);
  device.send(publishPacket('$callboard/call', payload, { qos: 1, messageId: ++messageId }));
  const packets = [await device.next(), await device.next()];
  expect(packets.map(({ cmd }) => cmd).sort()).toEqual(['puback', 'publish']);
  const reply = packets.find(({ cmd }) => cmd === 'publish') as { topic: string; payload: Buffer };
  expect(reply).toMatchObject({ topic: '$callboard/reply', qos: 0, retain: false });
  return JSON.parse(String(reply.payload));
}

describe('$callboard/call', () => {
  test('is answered by the server’s handlers, as a tab is, on that connection alone', async () => {
    const server = await stage.serve({
      handlers: {
        ADD: ({ action: { a, b }, user, client }) => ({
          sum: Number(a) + Number(b),
          by: user.id,
          on: client.transport,
        }),
        NOTHING: () => undefined,
        LATER: async () => 'later',
      },
    });
    const [device, other] = [await stage.connected('c'), await stage.connected('d')];
    other.send(subscribePacket(1, ['$callboard/reply', 1]));
    expect(await other.next('suback')).toMatchObject({ granted: [0] });
    expect(await ask(device, { id: 7, action: { type: 'ADD', a: 1, b: 2 } })).toEqual({
      id: 7,
      result: { sum: 3, by: 'c', on: 'mqtt' },
    });
    expect(await ask(device, { id: 'x', action: { type: 'NOTHING' } })).toEqual({ id: 'x' });
    expect(await ask(device, { id: null, action: { type: 'LATER' } })).toEqual({ id: null, result: 'later' });
    await other.quiet();
    expect(server.stats()).toMatchObject({ requests: { replied: 3, failed: 0 } });
    expect(server.users.get('c')?.activeClient?.device).toBe('c');
  });

  test('fails by the same codes', async () => {
    const plugin = definePlugin({
      name: 'guard',
      setup(context) {
        context.check(({ frame }) => {
          if (frame.op === 'call' && frame.action.type === 'GUARDED') throw new ReplyError('FORBIDDEN');
        });
      },
    });
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    const server = await stage.serve({
      plugins: [plugin],
      contract: { actions: { TYPED: z.object({ type: z.literal('TYPED'), n: z.coerce.number() }) } },
      exposeErrors: false,
      handlers: {
        TYPED: ({ action }: { action: { n: number } }) => action.n,
        GUARDED: () => 'never',
        FULL: () => {
          throw new ReplyError('FULL', { message: 'No room.', retryable: true, retryAfterMs: 500 });
        },
        BROKEN: async () => {
          throw new Error('a secret');
        },
        CYCLE: () => cycle,
      } as never,
    });
    const device = await stage.connected('c');
    const codeOf = async (action: object) => {
      const { id, result, error } = (await ask(device, { id: 1, action })) as {
        id: number;
        result?: unknown;
        error?: { code: string };
      };
      expect(id).toBe(1);
      return error?.code ?? result;
    };
    expect(await codeOf({ type: 'TYPED', n: '42' })).toBe(42);
    expect(await codeOf({ type: 'TYPED' })).toBe('INVALID_ACTION');
    expect(await codeOf({ type: 'GUARDED' })).toBe('FORBIDDEN');
    expect(await codeOf({ type: 'NOBODY' })).toBe('NO_HANDLER');
    expect(await codeOf({ type: 'USER_JOINED' })).toBe('RESERVED_TYPE');
    expect(await codeOf({})).toBe('INVALID_REQUEST');
    expect(await codeOf({ type: 'BROKEN' })).toBe('HANDLER_ERROR');
    expect(await codeOf({ type: 'CYCLE' })).toBe('HANDLER_ERROR');
    expect(await ask(device, { id: 1, action: { type: 'FULL' } })).toEqual({
      id: 1,
      error: { code: 'FULL', message: 'No room.', retryable: true, retryAfterMs: 500 },
    });
    expect(await ask(device, { id: 2, action: { type: 'BROKEN' } })).toMatchObject({
      error: { message: 'The handler failed.' },
    });
    expect(server.stats().errors).toMatchObject({ FULL: 1, HANDLER_ERROR: 3, NO_HANDLER: 1 });
  });

  test('is acknowledged when a handler has it; what takes too long is told', async () => {
    let answer = (_: unknown) => {};
    await stage.serve({
      limits: { requestTimeoutMs: 5_000 },
      handlers: {
        SLOW: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    });
    const device = await stage.connected('c');
    device.send(
      publishPacket('$callboard/call', '{"id":1,"action":{"type":"SLOW"}}', { qos: 1, messageId: 3 }),
    );
    expect(await device.next('puback')).toMatchObject({ messageId: 3 });
    await device.quiet();
    stage.clock.advance(5_000);
    expect(said(await device.next('publish'))).toMatchObject([
      '$callboard/reply',
      { id: 1, error: { code: 'HANDLER_TIMEOUT' } },
    ]);
    answer('too late');
    await device.quiet();
  });

  test('beyond so many that are not answered is refused', async () => {
    await stage.serve({ limits: { maxPendingRequests: 1 }, handlers: { SLOW: () => new Promise(() => {}) } });
    const device = await stage.connected('c');
    for (const id of [1, 2])
      device.send(publishPacket('$callboard/call', JSON.stringify({ id, action: { type: 'SLOW' } })));
    expect(said(await device.next('publish'))).toMatchObject([
      '$callboard/reply',
      { id: 2, error: { code: 'TOO_MANY_PENDING', retryable: true } },
    ]);
    await device.quiet();
  });

  test('without an id, or that is no JSON, is not answered', async () => {
    const asked: string[] = [];
    await stage.serve({ handlers: { NOTE: ({ action }) => void asked.push(String(action.text)) } });
    const device = await stage.connected('c');
    device.send(
      publishPacket('$callboard/call', '{"type":"NOTE","text":"plain"}'),
      publishPacket('$callboard/call', '{"action":{"type":"NOTE","text":"wrapped"}}'),
      ...['', '{', 'null', '{"type":"NOTE","__proto__":{}}', Buffer.of(0xff)].map((payload) =>
        publishPacket('$callboard/call', payload),
      ),
    );
    await device.quiet();
    expect(asked).toEqual(['plain', 'wrapped']);
  });

  test('that is running when the server stops is answered before the end', async () => {
    let answer = (_: unknown) => {};
    const server = await stage.serve({
      handlers: {
        SLOW: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    });
    const device = await stage.connected('c');
    device.send(
      publishPacket('$callboard/call', '{"id":1,"action":{"type":"SLOW"}}', { qos: 1, messageId: 3 }),
    );
    await device.next('puback');
    const stopped = server.disconnect();
    device.send(publishPacket('$callboard/call', '{"id":2,"action":{"type":"SLOW"}}'));
    expect(said(await device.next('publish'))).toMatchObject([
      '$callboard/reply',
      { id: 2, error: { code: 'UNAVAILABLE' } },
    ]);
    answer('done');
    expect(said(await device.next('publish'))).toEqual(['$callboard/reply', { id: 1, result: 'done' }]);
    await device.end();
    await stopped;
  });
});

/** Subscribes; gives the QoS that was granted. */
async function subscribed(device: RawDevice, topic: string, qos: 0 | 1 = 0): Promise<unknown> {
  device.send(subscribePacket(1, [topic, qos]));
  return (await device.next('suback')).granted[0];
}

describe('$callboard/inbox', () => {
  const send = (server: Server, to: string, n: number) => server.sendToUser(to, { type: 'PING', n } as never);

  test('is what is sent to the user, and of that what is for this client', async () => {
    const server = await stage.serve({
      handlers: {
        ECHO: async ({ sendToClient, broadcast }) => {
          await sendToClient({ type: 'ME' });
          await broadcast({ type: 'OTHERS' });
        },
      },
    });
    const [one, two] = [
      await stage.connected('one', { username: 'ada' }),
      await stage.connected('two', { username: 'ada' }),
    ];
    for (const device of [one, two]) expect(await subscribed(device, '$callboard/inbox')).toBe(0);
    await send(server, 'ada', 1);
    await send(server, 'bob', 2);
    for (const device of [one, two])
      expect(said(await device.next('publish'))).toEqual([
        '$callboard/inbox',
        { action: { type: 'PING', n: 1 } },
      ]);
    one.send(publishPacket('$callboard/call', '{"type":"ECHO"}'));
    expect(said(await one.next('publish'))).toEqual(['$callboard/inbox', { action: { type: 'ME' } }]);
    expect(said(await two.next('publish'))).toMatchObject([
      '$callboard/inbox',
      { action: { type: 'OTHERS' }, from: { userId: 'ada' } },
    ]);
    one.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['$callboard/inbox'] });
    await one.next('unsuback');
    await send(server, 'ada', 3);
    await two.next('publish');
    await one.quiet();
  });

  test('waits for a device that is away, at least once', async () => {
    const server = await stage.serve();
    const first = await stage.connected('c', { username: 'ada', clean: false });
    expect(await subscribed(first, '$callboard/inbox', 1)).toBe(1);
    first.socket.destroy();
    await until(() => server.stats().clients.resumable === 1, 'its loss');
    await send(server, 'ada', 1);
    const second = await stage.connected('c', { username: 'ada', clean: false });
    const waited = await second.next('publish');
    expect([said(waited), waited.qos]).toEqual([['$callboard/inbox', { action: { type: 'PING', n: 1 } }], 1]);
  });

  test('is read no more when the session has ended, or subscribes again', async () => {
    const server = await stage.serve();
    let readers = 0;
    const messages$ = {
      subscribe() {
        readers++;
        return { unsubscribe: () => void readers-- };
      },
    };
    server.clients$.subscribe((client) => Object.defineProperty(client, 'messages$', { value: messages$ }));
    const device = await stage.connected('c');
    for (const _ of [1, 2]) {
      await subscribed(device, '$callboard/inbox');
      expect(readers).toBe(1);
    }
    device.send({ cmd: 'disconnect' });
    await until(() => server.users.size === 0, 'the end of its session');
    expect(readers).toBe(0);
  });
});

describe('$callboard/events', () => {
  test('are native events that it may see, of one type or all', async () => {
    const server = await stage.serve();
    const [one, all] = [await stage.connected('c'), await stage.connected('d')];
    expect(await subscribed(one, '$callboard/events/USER_STATUS', 1)).toBe(0x80);
    expect(await subscribed(one, '$callboard/events/CLIENT_ONLINE', 1)).toBe(0);
    expect(await subscribed(all, '$callboard/events/+', 1)).toBe(0);
    const second = await stage.connected('c2', { username: 'c' });
    expect(said(await one.next('publish'))).toMatchObject([
      '$callboard/events/CLIENT_ONLINE',
      { type: 'CLIENT_ONLINE', userId: 'c' },
    ]);
    await second.quiet();
    await all.quiet();
    server.disconnect();
    expect(said(await all.next('publish'))).toMatchObject([
      '$callboard/events/SERVER_DRAINING',
      { type: 'SERVER_DRAINING' },
    ]);
  });
});

describe('$callboard/disconnect', () => {
  test('says why, to who has asked for it', async () => {
    const server = await stage.serve();
    const [asks, other] = [await stage.connected('c'), await stage.connected('d')];
    expect(await subscribed(asks, '$callboard/disconnect')).toBe(0);
    for (const { clients } of server.users.values())
      for (const client of clients) client.disconnect(4600, 'sold');
    expect(said(await asks.next('publish'))).toEqual([
      '$callboard/disconnect',
      { code: 4600, reason: 'sold', reconnect: false },
    ]);
    await Promise.all([asks.end(), other.end()]);
    expect(other.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
  });
});

test('there are no other topics that begin with $', async () => {
  const server = await stage.serve();
  const device = await stage.connected('c');
  const filters = [
    '$SYS/#',
    '$callboard/#',
    '$callboard/+',
    '$callboard',
    '$callboard/send',
    '$callboard/events',
  ];
  device.send(subscribePacket(1, ...[...filters, '#', '+/call'].map((filter) => [filter, 0] as [string, 0])));
  expect(await device.next('suback')).toMatchObject({ granted: [...filters.map(() => 0x80), 0, 0] });
  for (const [i, topic] of ['$SYS/x', '$callboard/inbox', '$callboard/reply', '$callboard/x'].entries()) {
    device.send(publishPacket(topic, 'x', { qos: 1, messageId: i + 1 }));
    expect(await device.next('puback')).toMatchObject({ messageId: i + 1 });
  }
  await device.quiet();
  expect(server.stats().publications.published).toBe(0);
});

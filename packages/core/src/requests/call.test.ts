import { ReplyError } from '@callboard/protocol';
import { createHarness, type HarnessOptions } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { filter } from 'rxjs';
import { definePlugin } from '../plugin.ts';

/** A client of a server whose handler for A is this. */
async function caller(handler: (context: never) => unknown, options: HarnessOptions = {}) {
  const harness = await createHarness({ ...options, handlers: { A: handler as () => unknown } });
  return { ...harness, tab: await harness.connect(1) };
}

describe('a handler’s result is the reply', () => {
  test.each<[string, unknown]>([
    ['an object', { a: [1, 'two', null] }],
    ['null', null],
    ['false', false],
    ['an empty text', ''],
    ['a number', 0],
  ])('%s', async (_, value) => {
    const { tab } = await caller(() => value);
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toEqual(value);
  });

  test('a promise’s value', async () => {
    const { tab } = await caller(async () => ({ later: true }));
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toEqual({ later: true });
  });

  test('nothing, where it returns undefined', async () => {
    const { tab } = await caller(() => undefined);
    await tab.expectReply(tab.call({ type: 'A' }));
    expect(tab.frames.at(-1)).toEqual({ op: 'reply', mid: 1 });
  });

  test('of slow ones each when it is there', async () => {
    const answers: ((value: unknown) => void)[] = [];
    const { tab } = await caller(() => new Promise((resolve) => answers.push(resolve)));
    const mids = [tab.call({ type: 'A' }), tab.call({ type: 'A' })];
    answers[1]?.('second');
    expect(await tab.expectReply(mids[1] ?? 0)).toBe('second');
    answers[0]?.('first');
    expect(await tab.expectReply(mids[0] ?? 0)).toBe('first');
  });
});

describe('a handler that fails', () => {
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  const broken: [string, () => unknown][] = [
    ['throws', () => assertNever()],
    ['rejects', async () => assertNever()],
    ['throws what is no error', () => Promise.reject('a text')],
    ['rejects with nothing', () => Promise.reject()],
    ['gives a BigInt', () => 1n],
    ['gives a cycle', async () => cycle],
    ['gives what throws when it is encoded', () => ({ toJSON: assertNever })],
    ['gives a broken promise', () => Object.defineProperty({}, 'then', { get: assertNever })],
  ];

  test.each(broken)('because it %s is HANDLER_ERROR, logged with its cause', async (_, handler) => {
    const { tab, logs } = await caller(handler);
    await tab.expectError(tab.call({ type: 'A' }), 'HANDLER_ERROR');
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'a handler failed', fields: { type: 'A', client: tab.clientId } },
    ]);
    await tab.expectError(tab.call({ type: 'B' }), 'NO_HANDLER');
  });

  test('shows its message, unless errors are not exposed', async () => {
    const open = await caller(() => assertNever());
    expect(await open.tab.expectError(open.tab.call({ type: 'A' }), 'HANDLER_ERROR')).toMatchObject({
      message: 'a secret of ours',
      retryable: false,
    });
    const closed = await caller(() => assertNever(), { exposeErrors: false });
    const frame = await closed.tab.expectError(closed.tab.call({ type: 'A' }), 'HANDLER_ERROR');
    expect(JSON.stringify(frame)).not.toContain('secret');
  });

  test('passes a ReplyError on as it is, also where errors are not exposed', async () => {
    const full = () => {
      throw new ReplyError('FULL', {
        message: 'No room left.',
        retryAfterMs: 500,
        cause: new Error('secret'),
      });
    };
    const { tab, logs } = await caller(full, { exposeErrors: false });
    await tab.expectError(tab.call({ type: 'A' }), 'FULL');
    expect(tab.frames.at(-1)).toEqual({
      op: 'error',
      mid: 1,
      code: 'FULL',
      message: 'No room left.',
      retryable: false,
      retryAfterMs: 500,
    });
    expect(logs.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test.each([
    ['SOLD_OUT', { effect: 'none' }, { effect: 'none' }],
    ['SOLD_OUT', { effect: 'perhaps' }, {}],
    ['BUSY', { retryable: true, effect: 'none' }, {}],
    ['FORBIDDEN', { effect: 'perhaps' }, { effect: 'perhaps' }],
  ] as const)(
    'says of %s with %j whether it had an effect, where the code does not',
    async (code, options, sent) => {
      const { tab } = await caller(() => {
        throw new ReplyError(code, options);
      });
      const frame = await tab.expectError(tab.call({ type: 'A' }), code);
      expect('effect' in frame ? { effect: frame.effect } : {}).toEqual(sent);
    },
  );

  test('with a retryable ReplyError runs again when it is sent again', async () => {
    let ran = 0;
    const { tab } = await caller(() => {
      if (++ran === 1) throw new ReplyError('BUSY', { retryable: true });
      return ran;
    });
    const mid = tab.call({ type: 'A' });
    await tab.expectError(mid, 'BUSY');
    expect(await tab.expectReply(tab.request({ op: 'call', mid, action: { type: 'A' } }))).toBe(2);
  });

  test('by never settling is HANDLER_TIMEOUT after its time', async () => {
    const { tab, clock, server } = await caller(() => new Promise(() => {}), {
      limits: { requestTimeoutMs: 1_000 },
    });
    const mid = tab.call({ type: 'A' });
    await clock.advanceAsync(999);
    await tab.expectNothing();
    expect(server.stats().requests.running).toBe(1);
    await clock.advanceAsync(1);
    expect(await tab.expectError(mid, 'HANDLER_TIMEOUT')).toMatchObject({ retryable: false });
    expect(server.stats().requests.running).toBe(0);
  });
});

describe('who handles what', () => {
  test('handlers by type come before the handler, and what neither takes is NO_HANDLER', async () => {
    const one = await createHarness({ handlers: { A: () => 'by type' }, handler: () => 'the one' });
    const tab = await one.connect(1);
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toBe('by type');
    expect(await tab.expectReply(tab.call({ type: 'B' }))).toBe('the one');
    for (const type of ['toString', '__proto__x', 'constructor'])
      expect(await tab.expectReply(tab.call({ type }))).toBe('the one');

    const none = await caller(() => 1);
    for (const type of ['B', 'toString', 'constructor'])
      await none.tab.expectError(none.tab.call({ type }), 'NO_HANDLER');
  });

  test('it is given the action, who sent it, and the server', async () => {
    let given: Record<string, unknown> = {};
    const { server, connect } = await createHarness({
      verifyClient: () => ({ claims: { role: 'cook' } }),
      handlers: {
        A: ({ action, client, user, users, server, wsServer }) => {
          given = { action, client, user, users, server, wsServer };
        },
      },
    });
    const tab = await connect(1, { device: 'kitchen' });
    await tab.expectReply(tab.call({ type: 'A', n: 1 }));
    expect(given).toMatchObject({ action: { type: 'A', n: 1 }, wsServer: undefined });
    expect(given.server).toBe(server);
    expect(given.users).toBe(server.users);
    expect(given.user).toBe(server.users.get('1'));
    expect(given.client).toMatchObject({
      id: tab.clientId,
      claims: { role: 'cook' },
      device: 'kitchen',
      transport: 'memory',
      online: true,
    });
    expect(server.users.get('1')?.activeClient).toBe(given.client);
  });

  test('it sends to the one client that called, and to the others', async () => {
    const { connect } = await createHarness({
      handlers: {
        A: async ({ sendToClient, broadcast }) => {
          await sendToClient({ type: 'FOR_YOU', n: 1 });
          await broadcast({ type: 'FOR_OTHERS', n: 2 });
        },
      },
    });
    const [tab, other, stranger] = [await connect(1), await connect(1), await connect(2)];
    await tab.expectReply(tab.call({ type: 'A' }));
    expect(await tab.expectMessage({ type: 'FOR_YOU', n: 1 })).not.toHaveProperty('from');
    const from = { userId: '1', clientId: tab.clientId };
    expect(await other.expectMessage({ type: 'FOR_OTHERS', n: 2 })).toMatchObject({ from });
    for (const client of [tab, other, stranger]) await client.expectNothing();
  });

  test('the one handler gets every native event too, and its failures there are only logged', async () => {
    const seen: [string, string | undefined, string | undefined][] = [];
    const { connect, logs } = await createHarness({
      handler: ({ action, client, user }) => {
        seen.push([action.type, user?.id, client?.id]);
        if (action.type === 'USER_JOINED') throw new Error('broken');
        if (action.type === 'CLIENT_ONLINE') return Promise.reject(new Error('broken'));
        return undefined;
      },
    });
    const tab = await connect(1);
    await tab.expectReply(tab.call({ type: 'A' }));
    expect(seen).toEqual([
      ['SERVER_STARTED', undefined, undefined],
      ['USER_JOINED', '1', undefined],
      ['CLIENT_ONLINE', '1', tab.clientId],
      ['STATUS_CHANGE', '1', undefined],
      ['A', '1', tab.clientId],
    ]);
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { event: 'USER_JOINED', cause: new Error('broken') } },
      { fields: { event: 'CLIENT_ONLINE', cause: new Error('broken') } },
    ]);
  });
});

function assertNever(): never {
  throw new Error('a secret of ours');
}

test('a send of the server’s own that fails is the handler’s failure, never a refusal that may be retried', async () => {
  let charged = 0;
  const refuses = definePlugin({ name: 'refuses', setup: ({ outbound }) => outbound(filter(() => false)) });
  const { connect } = await createHarness({
    plugins: [refuses],
    handlers: {
      BUY: async ({ sendToClient }) => {
        charged++;
        await sendToClient({ type: 'TICKET' });
      },
    },
  });
  const tab = await connect(1);
  const mid = tab.call({ type: 'BUY' });
  await tab.expectError(mid, 'HANDLER_ERROR');
  tab.wire.send(JSON.stringify({ op: 'call', mid, action: { type: 'BUY' } }));
  await tab.expectError(mid, 'HANDLER_ERROR');
  expect(charged).toBe(1);
});

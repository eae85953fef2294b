import { type ActionHandler, ReplyError } from '@callboard/core';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Deferred, deferred, failure, heard, Stage, until } from '../test/support.ts';
import type { Client } from './index.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.end();
  stage = new Stage();
});

describe('1. Three tabs of one user', () => {
  test('what the first broadcasts the others get once, and it does not', async () => {
    const server = await stage.serve();
    const [one, two, three] = [
      await stage.online(server, 44),
      await stage.online(server, 44),
      await stage.online(server, 44),
    ];
    const seen = [one, two, three].map((tab) => heard(tab, 'SHORTLIST_UPDATE'));
    await expect(one.broadcast({ type: 'SHORTLIST_UPDATE', state: [7] })).resolves.toBeUndefined();
    await stage.delivered(server, [one, two, three]);
    const update = { type: 'SHORTLIST_UPDATE', state: [7] };
    expect(seen).toEqual([[], [update], [update]]);
  });
});

describe('2. Users 44 and 12, with two tabs each', () => {
  /** Their tabs, somebody who sends, and somebody who has nothing to do with it. */
  async function company(canSend: (request: { to: string }) => boolean = () => true) {
    const server = await stage.serve({ canSend });
    const [sender, bystander] = [await stage.online(server, 7), await stage.online(server, 99)];
    const tabs = [];
    for (const userId of [44, '44', 12, '12']) tabs.push(await stage.online(server, userId));
    const all = [...tabs, sender, bystander];
    const seen = all.map((client) => heard(client, 'CHAT_MESSAGE') as { text: string }[]);
    /** The texts that each got: the tabs of 44, the tabs of 12, the sender, the bystander. */
    const texts = async (gone: readonly Client[] = []) => {
      const there = all.filter((client) => !gone.includes(client));
      await stage.delivered(server, there);
      return seen.map((messages) => messages.map(({ text }) => text));
    };
    return { server, sender, tabs, texts };
  }
  const chat = (text: string) => ({ type: 'CHAT_MESSAGE', text });

  test('one send to both makes four deliveries, and nobody else’s', async () => {
    const { sender, texts } = await company();
    await expect(sender.sendToUser(chat('Hey dudes!'), [44, 12])).resolves.toBeUndefined();
    const hey = ['Hey dudes!'];
    expect(await texts()).toEqual([hey, hey, hey, hey, [], []]);
  });

  test('a single id needs no list', async () => {
    const { sender, texts } = await company();
    await sender.sendToUser(chat('hi'), 44);
    expect(await texts()).toEqual([['hi'], ['hi'], [], [], [], []]);
  });

  test('44 and "44" are the same user: as recipients, as connected clients, and where both are named', async () => {
    const { server, sender, tabs, texts } = await company();
    await sender.sendToUser(chat('as text'), '44');
    await sender.sendToUser(chat('as both'), [44, '44']);
    await tabs[0]?.broadcast(chat('to my other tab'));
    const both = ['as text', 'as both'];
    expect(await texts()).toEqual([both, [...both, 'to my other tab'], [], [], [], []]);
    expect([...server.users.keys()].sort()).toEqual(['12', '44', '7', '99']);
  });

  test('who is unknown, gone or offline does not fail the send; who comes back in time gets it', async () => {
    const { server, sender, tabs, texts } = await company();
    const [, , stays, goes] = tabs as [Client, Client, Client, Client];
    await goes.close();
    stays.drop();
    await until(() => server.users.get('12')?.status.status === 'OFFLINE', 'user 12 to be offline');
    await expect(sender.sendToUser(chat('anybody?'), ['nobody', 12, 44])).resolves.toBeUndefined();
    await expect(sender.sendToUser(chat('nobody?'), 'nobody')).resolves.toBeUndefined();
    await stage.back(stays);
    expect(await texts([goes])).toEqual([['anybody?'], ['anybody?'], ['anybody?'], [], [], []]);
  });

  test('canSend refuses with a code, for all recipients together', async () => {
    const { sender, texts } = await company(({ to }) => to !== '12');
    const refused = await failure(sender.sendToUser(chat('psst'), [44, 12]));
    expect(refused).toMatchObject({ error: { code: 'FORBIDDEN' }, action: chat('psst'), effect: 'none' });
    await sender.sendToUser(chat('you alone'), 44);
    expect(await texts()).toEqual([['you alone'], ['you alone'], [], [], [], []]);
  });
});

describe('3. What the handler does is what the sender learns', () => {
  const broken = () => {
    throw new Error('the prompter is ill');
  };
  const soldOut = () => {
    throw new ReplyError('SOLD_OUT', { message: 'No seat is left.' });
  };
  const handlers = {
    VALUE: () => ({ free: [1, 2, 9] }),
    PROMISE: async () => 'later',
    UNDEFINED: () => undefined,
    NULL: () => null,
    THROWS: broken,
    REJECTS: async () => broken(),
    REFUSES: soldOut,
    REFUSES_LATER: async () => soldOut(),
    NO_JSON: () => 1n,
  };

  test.each([
    ['a value', 'VALUE', { free: [1, 2, 9] }],
    ['a promise', 'PROMISE', 'later'],
    ['undefined', 'UNDEFINED', undefined],
    ['null', 'NULL', null],
  ])('it returns %s: that is the reply', async (_, type, reply) => {
    const client = await stage.online(await stage.serve({ handlers }), 44);
    await expect(client.sendToServer({ type })).resolves.toEqual(reply);
  });

  test.each([
    ['throws', 'THROWS', 'HANDLER_ERROR', 'the prompter is ill'],
    ['rejects', 'REJECTS', 'HANDLER_ERROR', 'the prompter is ill'],
    ['throws a code of its own', 'REFUSES', 'SOLD_OUT', 'No seat is left.'],
    ['rejects with a code of its own', 'REFUSES_LATER', 'SOLD_OUT', 'No seat is left.'],
    ['is not there', 'NOBODY_KNOWS', 'NO_HANDLER', 'No handler answers this action.'],
  ])('it %s: an error with a code', async (_, type, code, message) => {
    const client = await stage.online(await stage.serve({ handlers }), 44);
    const { error, action } = await failure(client.sendToServer({ type, row: 7 }));
    expect([error.code, error.message, action]).toEqual([code, message, { type, row: 7 }]);
    await expect(client.sendToServer({ type: 'PROMISE' })).resolves.toBe('later');
  });

  test('it returns what is no JSON: an error', async () => {
    const client = await stage.online(await stage.serve({ handlers }), 44);
    expect((await failure(client.sendToServer({ type: 'NO_JSON' }))).code).toBe('HANDLER_ERROR');
  });

  test('it throws in production: the sender is not told what', async () => {
    const client = await stage.online(await stage.serve({ handlers, exposeErrors: false }), 44);
    expect((await failure(client.sendToServer({ type: 'THROWS' }))).error.message).toBe(
      'The handler failed.',
    );
    expect((await failure(client.sendToServer({ type: 'REFUSES' }))).error.message).toBe('No seat is left.');
  });

  test('it never settles: a time-out by the server, after 30 s', async () => {
    let began = 0;
    const never = () => {
      began++;
      return new Promise(() => {});
    };
    const client = await stage.online(await stage.serve({ handlers: { NEVER: never } }), 44);
    let failed = false;
    const send = client.sendToServer({ type: 'NEVER' });
    send.catch(() => {
      failed = true;
    });
    await until(() => began === 1, 'the handler');
    stage.clock.advance(29_999);
    await client.sendToUser({ type: 'STILL_THERE' }, 44);
    expect(failed).toBe(false);
    stage.clock.advance(1);
    expect(await failure(send)).toMatchObject({ error: { code: 'HANDLER_TIMEOUT' }, effect: 'perhaps' });
    expect(began).toBe(1);
  });

  test('it ends after that: a retry gets the late answer, and the handler has run once', async () => {
    const work = deferred<string>();
    let began = 0;
    const late = () => {
      began++;
      return work.promise;
    };
    const server = await stage.serve({ handlers: { LATE: late }, limits: { requestTimeoutMs: 1_000 } });
    const client = await stage.online(server, 44);
    const send = client.sendToServer({ type: 'LATE' });
    await until(() => began === 1, 'the handler');
    stage.clock.advance(1_000);
    const { code, retry } = await failure(send);
    expect(code).toBe('HANDLER_TIMEOUT');
    work.resolve('at last');
    await expect(retry()).resolves.toBe('at last');
    expect(began).toBe(1);
  });
});

describe('4. Many calls at once', () => {
  /** The same order each time. */
  function shuffled<T>(items: readonly T[], seed: number): T[] {
    const left = [...items];
    let random = seed;
    return items.map(() => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return left.splice(random % left.length, 1)[0] as T;
    });
  }

  test('1,000 whose replies come out of order each settle with their own', async () => {
    const calls: (Deferred<unknown> & { n: number })[] = [];
    const hold: ActionHandler = ({ action }) => {
      const call = { ...deferred<unknown>(), n: action.n as number };
      calls.push(call);
      return call.promise;
    };
    const client = await stage.online(await stage.serve({ handlers: { HOLD: hold } }), 44);
    const order: number[] = [];
    const replies = Array.from({ length: 1_000 }, (_, n) =>
      client.sendToServer({ type: 'HOLD', n }).finally(() => order.push(n)),
    );
    await until(() => {
      stage.clock.advance(1);
      return calls.length === 1_000;
    }, 'all calls');
    const answered = shuffled(calls, 1);
    for (const { n, resolve } of answered) resolve({ yours: n });
    expect(await Promise.all(replies)).toEqual(replies.map((_, n) => ({ yours: n })));
    expect(order).toEqual(answered.map(({ n }) => n));
    expect(order).not.toEqual(calls.map(({ n }) => n));
  });

  test('3,000 keep to the default limits: none is refused with RATE_LIMITED', async () => {
    const server = await stage.serve({ handlers: { DOUBLE: ({ action }) => Number(action.n) * 2 } });
    const client = await stage.online(server, 44, { maxQueued: 3_000 });
    const outcomes = new Map<number, unknown>();
    for (let n = 0; n < 3_000; n++)
      client.sendToServer({ type: 'DOUBLE', n }).then(
        (reply) => outcomes.set(n, reply),
        ({ code }) => outcomes.set(n, code),
      );
    await until(() => {
      stage.clock.advance(5);
      return outcomes.size === 3_000;
    }, 'all replies');
    expect([...outcomes].filter(([n, reply]) => reply !== n * 2)).toEqual([]);
    expect(server.stats()).toMatchObject({ errors: {}, disconnects: {}, connections: { accepted: 1 } });
  });
});

import { type AnyAction, defineContract, type NativeEvent } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type Client,
  createServer,
  createToken,
  definePlugin,
  type Plugin,
  provide,
  type Server,
  silentLogger,
  type User,
} from './index.ts';

const base = { transports: [], logger: silentLogger };
const contract = defineContract({
  actions: {
    ADD: z.object({ item: z.string(), count: z.number().default(1) }),
    PRICE: { action: v.object({ item: v.string() }), reply: v.object({ cents: v.number() }) },
  },
});

describe('with a contract', () => {
  test('handlers know their action and owe its reply', () => {
    createServer({
      ...base,
      contract,
      handlers: {
        ADD: ({ action, client, user, users }) => {
          expectTypeOf(action.type).toEqualTypeOf<'ADD'>();
          expectTypeOf(action.count).toEqualTypeOf<number>();
          expectTypeOf(client).toEqualTypeOf<Client>();
          expectTypeOf(user).toEqualTypeOf<User>();
          expectTypeOf(users).toEqualTypeOf<ReadonlyMap<string, User>>();
          // @ts-expect-error it has no such field
          action.price;
        },
        PRICE: async ({ action }) => ({ cents: action.item.length }),
      },
    });
    createServer({
      ...base,
      contract,
      // @ts-expect-error this is not what the reply's schema says
      handlers: { PRICE: () => ({ euros: 1 }) },
    });
    createServer({
      ...base,
      contract,
      // @ts-expect-error the contract has no such type
      handlers: { REMOVE: () => 1 },
    });
  });

  test('the one handler and actions$ tell actions apart', () => {
    const server = createServer({
      ...base,
      contract,
      handler: ({ action, client }) => {
        expectTypeOf(client).toEqualTypeOf<Client | undefined>();
        if (action.type === 'ADD' && 'item' in action) expectTypeOf(action).not.toBeAny();
      },
    });
    server.actions$.subscribe(({ action, kind }) => {
      expectTypeOf(kind).toEqualTypeOf<'call' | 'broadcast' | 'send'>();
      if (action.type === 'PRICE') expectTypeOf(action.item).toEqualTypeOf<string>();
      if (action.type === 'ADD') expectTypeOf(action.count).toEqualTypeOf<number>();
    });
  });
});

describe('without a contract', () => {
  test('an action is an object with a type, and unknown fields', () => {
    const server = createServer({
      ...base,
      handlers: {
        ANYTHING: ({ action, sendToClient, broadcast }) => {
          expectTypeOf(action).toEqualTypeOf<AnyAction>();
          expectTypeOf(action.field).toBeUnknown();
          void sendToClient({ type: 'MORE', text: 'with fields of its own' });
          void broadcast({ type: 'MORE', n: 1 });
          // @ts-expect-error an action has a type
          void broadcast({ text: 'none' });
        },
      },
    });
    expectTypeOf(server).toExtend<Server>();
    server.events$.subscribe((event) => expectTypeOf(event).toEqualTypeOf<NativeEvent | AnyAction>());
    interface Chat {
      readonly type: 'CHAT';
      readonly text: string;
    }
    const send = (chat: Chat) => server.sendToUser([44, '12'], chat);
    expectTypeOf(send).returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf(() => server.sendToUser(44, { type: 'CHAT', text: 'hi' })).toBeFunction();
    // @ts-expect-error a user id is a text or a number
    expectTypeOf(() => server.sendToUser({}, { type: 'CHAT' })).toBeFunction();
  });
});

describe('plugins', () => {
  const clock = definePlugin({ name: 'clock', setup: ({ clock: { now } }) => ({ now }) });
  const silent = definePlugin({ name: 'silent', setup: () => {} });
  const byHand = (start: number): Plugin<'counter', { readonly count: number; add(n: number): void }> => ({
    name: 'counter',
    setup: () => ({ count: start, add: () => {} }),
  });

  test('add what their setup returns to the server, by name', () => {
    const server = createServer({ ...base, plugins: [clock, silent, byHand(3)] });
    expectTypeOf(server.clock.now).toEqualTypeOf<() => number>();
    expectTypeOf(server.counter.count).toEqualTypeOf<number>();
    expectTypeOf(server.counter.add).toEqualTypeOf<(n: number) => void>();
    // @ts-expect-error it returns nothing
    server.silent;
    // @ts-expect-error there is no such plugin
    server.nobody;
    expect(server.counter.count).toBe(3);
  });

  test('keep the contract’s types beside them', () => {
    const server = createServer({ ...base, contract, plugins: [clock] });
    server.actions$.subscribe(({ action }) => {
      if (action.type === 'ADD') expectTypeOf(action.item).toEqualTypeOf<string>();
    });
    expectTypeOf(server.clock.now()).toEqualTypeOf<number>();
  });
});

describe('tokens', () => {
  test('know what stands for them', () => {
    const token = createToken<{ readonly size: number }>('example');
    provide(token, { size: 1 });
    // @ts-expect-error that is something else
    provide(token, { length: 1 });
    definePlugin({
      name: 'asks',
      setup: ({ inject }) => expectTypeOf(inject(token)).toEqualTypeOf<{ readonly size: number }>(),
    });
  });
});

test('what only looks at types looks at something', () => {
  expect(createServer({ ...base }).stats().status).toBe('stopped');
});

test('use() gives the server what the plugin adds', () => {
  const counter = definePlugin({ name: 'counter', setup: () => ({ count: (): number => 7 }) });
  const server = createServer({ transports: [] }).use(counter);
  expectTypeOf(server.counter.count).returns.toEqualTypeOf<number>();
  expectTypeOf(server.use(definePlugin({ name: 'plain', setup: () => {} }))).not.toHaveProperty('plain');
  expect(server.counter.count()).toBe(7);
});

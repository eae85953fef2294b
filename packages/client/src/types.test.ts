import {
  type AnyAction,
  type ClientEvent,
  defineContract,
  type NativeEventType,
  type Position,
  type Sender,
  type ServerEvent,
} from '@callboard/protocol';
import { silentLogger } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import * as v from 'valibot';
import { z } from 'zod';
import { ScriptedTransport } from '../test/scripted-transport.ts';
import {
  type Channel,
  type Client,
  type ClientBase,
  type ClientOptions,
  type ClientPlugin,
  type ClientStatus,
  type Contract,
  createClient,
  type Delivery,
  defineClientPlugin,
  type EventDelivery,
  type Gap,
  type HistoryPage,
  type MessageDelivery,
  type Publication,
  type ReplyError,
  SendError,
  type StatusChange,
} from './index.ts';

const contract = defineContract({
  actions: {
    ADD: z.object({ item: z.string(), count: z.number().default(1) }),
    PRICE: { action: v.object({ item: v.string() }), reply: v.object({ cents: v.number() }) },
    RESET: v.object({}),
  },
  channels: {
    'product/+': z.object({ stock: z.number(), at: z.number().default(0) }),
    'camera/#': v.instance(Uint8Array),
  },
});
const base = {
  endPoint: 'ws://server',
  userId: 44,
  timers: new SimulatedClock(),
  logger: silentLogger,
  transport: new ScriptedTransport(),
};

describe('with a contract', () => {
  const client = createClient({ ...base, contract });

  test('a call knows its reply', () => {
    expectTypeOf(() => client.sendToServer({ type: 'PRICE', item: 'x' })).returns.resolves.toEqualTypeOf<{
      cents: number;
    }>();
    expectTypeOf(() => client.sendToServer({ type: 'ADD', item: 'x' })).returns.resolves.toBeUnknown();
    expectTypeOf(() => client.sendToServer({ type: 'RESET' }, { timeoutMs: 1, resend: true })).toBeFunction();
  });

  test('what is sent is as the contract says', () => {
    const sends = [
      () => client.broadcast({ type: 'ADD', item: 'x', count: 2 }),
      () => client.sendToUser({ type: 'ADD', item: 'x' }, [44, '12']),
      () => client.sendToUser({ type: 'RESET' }, 44),
    ];
    for (const send of sends) expectTypeOf(send).returns.resolves.toBeVoid();
    // @ts-expect-error the contract has no such type
    expectTypeOf(() => client.broadcast({ type: 'REMOVE' })).toBeFunction();
    // @ts-expect-error an item is missing
    expectTypeOf(() => client.broadcast({ type: 'ADD' })).toBeFunction();
    // @ts-expect-error the item of a price is a text
    expectTypeOf(() => client.sendToServer({ type: 'PRICE', item: 7 })).toBeFunction();
    // @ts-expect-error a user id is a number or a text
    expectTypeOf(() => client.sendToUser({ type: 'RESET' }, true)).toBeFunction();
    // @ts-expect-error there is no such option
    expectTypeOf(() => client.broadcast({ type: 'RESET' }, { timeout: 1 })).toBeFunction();
  });

  test('a subscriber knows what it gets', () => {
    client.subscribe('ADD', (action, delivery) => {
      expectTypeOf(action.type).toEqualTypeOf<'ADD'>();
      expectTypeOf(action.count).toEqualTypeOf<number>();
      expectTypeOf(delivery).toEqualTypeOf<Delivery>();
      expectTypeOf(delivery.from).toEqualTypeOf<Sender | undefined>();
    });
    client.subscribe('PRICE', (payload) => {
      if ('cents' in payload) expectTypeOf(payload.cents).toEqualTypeOf<number>();
      else expectTypeOf(payload.item).toEqualTypeOf<string>();
    });
    // @ts-expect-error the contract has no such type, and it is no native event
    client.subscribe('REMOVE', () => {});
    // @ts-expect-error it has no such field
    client.subscribe('ADD', ({ price }) => price);
  });

  test('native events are there as well', () => {
    client.subscribe('CLIENT_LOST', (event) => {
      expectTypeOf(event.reason).toEqualTypeOf<string>();
      expectTypeOf(event.type).toEqualTypeOf<'CLIENT_LOST'>();
      expectTypeOf(event.clientId).toEqualTypeOf<string>();
    });
    client.subscribe('STATUS_CHANGE', (change) => expectTypeOf(change).toEqualTypeOf<StatusChange>());
    client.subscribe('CLIENT_ACTIVITY', ({ state }) =>
      expectTypeOf(state).toEqualTypeOf<'active' | 'idle'>(),
    );
    client.subscribe('SERVER_DRAINING', ({ at }) => expectTypeOf(at).toEqualTypeOf<number>());
    // @ts-expect-error nobody lost it
    client.subscribe('CLIENT_ONLINE', ({ reason }) => reason);
  });

  test('a channel knows what is published into it, and what it delivers', () => {
    const channel = client.channel('product/42');
    expectTypeOf(channel).toEqualTypeOf<
      Channel<{ stock: number; at?: number | undefined }, { stock: number; at: number }>
    >();
    channel.subscribe((publication) => {
      expectTypeOf(publication).toEqualTypeOf<Publication<{ stock: number; at: number }>>();
      expectTypeOf(publication.position).toEqualTypeOf<Position>();
    });
    expectTypeOf(() =>
      channel.publish({ stock: 1 }, { version: 2, key: 'k', meta: {} }),
    ).returns.resolves.toEqualTypeOf<{
      readonly outcome: 'published' | 'stale' | 'repeated';
    }>();
    expectTypeOf(() => channel.history({ limit: 3 })).returns.resolves.toEqualTypeOf<
      HistoryPage<{ stock: number; at: number }>
    >();
    expectTypeOf(channel.refusals$).toEqualTypeOf<Observable<ReplyError>>();
    const id: string = 'any';
    expectTypeOf(client.channel(`product/${id}`)).toEqualTypeOf(channel);
    // @ts-expect-error the stock is a number
    expectTypeOf(() => channel.publish({ stock: 'many' })).toBeFunction();
    // @ts-expect-error it has no such field
    channel.subscribe(({ data }) => data.price);
    // @ts-expect-error there is no such option
    expectTypeOf(() => channel.publish({ stock: 1 }, { retain: true })).toBeFunction();
  });

  test('a filter delivers what the patterns say that it lies within', () => {
    client.channel('product/+').publications$.subscribe(({ data }) => {
      expectTypeOf(data).toEqualTypeOf<{ stock: number; at: number }>();
    });
    client
      .channel('camera/+/door')
      .subscribe(({ data }) => expectTypeOf(data).toEqualTypeOf<Uint8Array<ArrayBuffer>>());
    client.channel('#').subscribe(({ data }) => expectTypeOf(data).toBeUnknown());
    expectTypeOf(client.channel('elsewhere')).toEqualTypeOf<Channel>();
    const name: string = 'product/42';
    expectTypeOf(client.channel(name)).toEqualTypeOf<Channel>();
  });

  test('a contract without channels leaves them unchecked', () => {
    const typed = createClient({ ...base, contract: { actions: contract.actions } });
    expectTypeOf(typed.channel('product/42')).toEqualTypeOf<Channel>();
  });

  test('its type alone will do', () => {
    const typed = createClient({ ...base, contract: {} as typeof contract });
    expectTypeOf(typed).toEqualTypeOf(client);
  });
});

describe('without a contract', () => {
  const client = createClient(base);

  test('any action goes, with a type', () => {
    interface Chat {
      readonly type: 'CHAT';
      readonly text: string;
    }
    const send = (chat: Chat) => client.sendToUser(chat, [44, '12']);
    expectTypeOf(send).returns.resolves.toBeVoid();
    expectTypeOf(() => client.broadcast({ type: 'ANY', n: 1 })).returns.resolves.toBeVoid();
    expectTypeOf(() => client.sendToServer({ type: 'ANY' })).returns.resolves.toBeUnknown();
    expectTypeOf(() => client.sendToServer<number>({ type: 'ANY' })).returns.resolves.toBeNumber();
    // @ts-expect-error an action has a type
    expectTypeOf(() => client.broadcast({ text: 'none' })).toBeFunction();
  });

  test('a subscriber gets an action with unknown fields, or what it says it gets', () => {
    client.subscribe('ANY', (action, delivery) => {
      expectTypeOf(action).toEqualTypeOf<AnyAction>();
      expectTypeOf(delivery).toEqualTypeOf<Delivery>();
    });
    client.subscribe<{ type: 'CHAT'; text: string }>('CHAT', ({ text }) => expectTypeOf(text).toBeString());
    client.subscribe('CLIENT_GONE', (event, delivery) => {
      expectTypeOf(event.reason).toBeString();
      expectTypeOf(delivery).toEqualTypeOf<EventDelivery>();
    });
  });

  test('a channel is one of anything', () => {
    expectTypeOf(client.channel('product/42')).toEqualTypeOf<Channel>();
    client.channel('a/#').subscribe(({ data }) => expectTypeOf(data).toBeUnknown());
  });

  test('is what a plugin is given, and what takes any client', () => {
    expectTypeOf(client).toExtend<Client>();
    defineClientPlugin({
      name: 'asks',
      setup: (context) => {
        expectTypeOf(context.client).toEqualTypeOf<Client>();
      },
    });
  });
});

describe('plugins', () => {
  const idle = defineClientPlugin({ name: 'idle', setup: ({ timers: { now } }) => ({ since: () => now() }) });
  const silent = defineClientPlugin({ name: 'silent', setup: () => {} });
  const byHand = (start: number): ClientPlugin<'counter', { readonly count: number }> => ({
    name: 'counter',
    setup: () => ({ count: start }),
  });

  test('add what their setup returns to the client, by name', () => {
    const client = createClient({ ...base, contract, plugins: [idle, silent, byHand(3)] });
    expectTypeOf(client.idle.since).toEqualTypeOf<() => number>();
    expectTypeOf(client.counter.count).toEqualTypeOf<number>();
    // @ts-expect-error it returns nothing
    client.silent;
    // @ts-expect-error there is no such plugin
    client.nobody;
    expectTypeOf(() => client.sendToServer({ type: 'PRICE', item: 'x' })).returns.resolves.toEqualTypeOf<{
      cents: number;
    }>();
    expect(client.counter.count).toBe(3);
  });

  test('add what they return for a channel to each, by name', () => {
    const seats = defineClientPlugin({
      name: 'seats',
      setup: () => ({ rows: 4 }),
      channel: ({ name }, { rows }) => ({ of: (row: number) => `${name} ${row}/${rows}` }),
    });
    const client = createClient({ ...base, contract, plugins: [idle, seats] });
    const channel = client.channel('product/42');
    expectTypeOf(channel.seats.of).toEqualTypeOf<(row: number) => string>();
    channel.subscribe(({ data }) => expectTypeOf(data).toEqualTypeOf<{ stock: number; at: number }>());
    // @ts-expect-error it adds nothing to channels
    channel.idle;
    expectTypeOf(createClient({ ...base, plugins: [seats] }).channel('a').seats).toHaveProperty('of');
    expectTypeOf(createClient({ ...base, plugins: [idle] }).channel('a')).toEqualTypeOf<Channel>();
    expectTypeOf(client).toExtend<Client<typeof contract>>();
    expect(channel.seats.of(1)).toBe('product/42 1/4');
  });

  test('may change nothing of the client', () => {
    const client = createClient({ ...base, plugins: [byHand(3)] });
    expect(() => {
      // @ts-expect-error it is there to be read
      client.counter = { count: 4 };
    }).toThrow(TypeError);
  });
});

describe('nothing public is any', () => {
  type Members<T> = { [K in keyof T]-?: 0 extends 1 & T[K] ? K : never }[keyof T];

  test('of a client', () => {
    expectTypeOf<Members<Client>>().toBeNever();
    expectTypeOf<Members<Client<typeof contract>>>().toBeNever();
    expectTypeOf<Members<ClientOptions>>().toBeNever();
    expectTypeOf<Members<Channel | Publication | HistoryPage>>().toBeNever();
    expectTypeOf<ClientBase['status$']>().toEqualTypeOf<Observable<ClientStatus>>();
    expectTypeOf<ClientBase['messages$']>().toEqualTypeOf<Observable<MessageDelivery>>();
    expectTypeOf<ClientBase['gaps$']>().toEqualTypeOf<Observable<Gap>>();
    expectTypeOf<ReturnType<ClientBase['connect']>>().resolves.toBeVoid();
  });

  test('of where its connection is', () => {
    type Snapshot = ReturnType<ClientBase['actor']['getSnapshot']>;
    expectTypeOf<Snapshot['value']>().toEqualTypeOf<
      'connecting' | 'authenticating' | 'online' | 'reconnecting' | 'closed'
    >();
    expectTypeOf<Members<Snapshot['context']>>().toBeNever();
  });

  test('of an error', () => {
    expectTypeOf<Members<SendError>>().toBeNever();
    expectTypeOf<SendError<number>['retry']>().returns.resolves.toBeNumber();
    expectTypeOf<SendError['effect']>().toEqualTypeOf<'none' | 'perhaps'>();
    expect(SendError.prototype).toBeInstanceOf(Error);
  });

  test('of events: all that the protocol has can be subscribed to', () => {
    expectTypeOf<ServerEvent['type'] | ClientEvent['type']>().toExtend<NativeEventType>();
    expectTypeOf<Client<Contract>['subscribe']>().toBeCallableWith('USER_LEFT', () => {});
  });
});

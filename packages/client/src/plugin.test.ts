import { describe, expect, test } from '@jest/globals';
import { EMPTY, filter, type MonoTypeOperatorFunction, map, mergeMap, of, tap } from 'rxjs';
import { standing } from '../test/requests-stage.ts';
import { resumed, ScriptedClient } from '../test/scripted-client.ts';
import { connected } from '../test/scripted-transport.ts';
import { failure } from '../test/support.ts';
import {
  type ClientPlugin,
  type ClientPluginContext,
  defineClientPlugin,
  type Incoming,
  type Outgoing,
} from './index.ts';

const broken = new Error('broken');
const outgoing = (...operators: MonoTypeOperatorFunction<Outgoing>[]): ClientPlugin => ({
  name: 'outgoing',
  setup: (context) => {
    for (const operator of operators) context.outgoing(operator);
  },
});
const incoming = (...operators: MonoTypeOperatorFunction<Incoming>[]): ClientPlugin => ({
  name: 'incoming',
  setup: (context) => {
    for (const operator of operators) context.incoming(operator);
  },
});
async function stageWith(...plugins: ClientPlugin[]): Promise<ScriptedClient<ClientPlugin[]>> {
  const stage = new ScriptedClient<ClientPlugin[]>({ plugins });
  await stage.online();
  return stage;
}
const types = (stage: ScriptedClient<ClientPlugin[]>) =>
  stage.server.takeActions().map(({ action }) => action.type);

describe('what goes out', () => {
  test('passes all operators, in the order of plugins', async () => {
    const add = (letter: string) =>
      map((sent: Outgoing) =>
        sent.op === 'publish'
          ? sent
          : { ...sent, action: { ...sent.action, letters: `${sent.action.letters ?? ''}${letter}` } },
      );
    const second = { ...outgoing(add('c')), name: 'second' };
    const stage = await stageWith(outgoing(add('a'), add('b')), second);
    void stage.client.sendToUser({ type: 'A' }, 12);
    expect(stage.server.take()).toMatchObject([
      { op: 'send', to: ['12'], action: { type: 'A', letters: 'abc' } },
    ]);
  });

  test('is refused where it is held back, now and when it is retried, until it is let through', async () => {
    let open = false;
    const stage = await stageWith(outgoing(filter(() => open)));
    const error = await failure(stage.client.sendToServer({ type: 'A' }));
    expect(error).toMatchObject({ code: 'REFUSED', effect: 'none', action: { type: 'A' } });
    expect(await standing(error.retry())).toBe('REFUSED, effect none');
    open = true;
    const again = error.retry();
    expect(types(stage)).toEqual(['A']);
    stage.receive({ op: 'reply', mid: 2, result: 'done' });
    expect(await standing(again)).toEqual({ result: 'done' });
  });

  test('that was refused and is retried twice at once is sent once', async () => {
    let open = false;
    const stage = await stageWith(outgoing(filter(() => open)));
    const error = await failure(stage.client.sendToServer({ type: 'A' }));
    open = true;
    const both = [error.retry(), error.retry()];
    expect(types(stage)).toEqual(['A']);
    stage.receive({ op: 'reply', mid: 2, result: 'done' });
    expect(await Promise.all([...both, error.retry()])).toEqual(['done', 'done', 'done']);
    expect(types(stage)).toEqual([]);
  });

  test('is refused where an operator fails on it, and nothing else is', async () => {
    const stage = await stageWith(
      outgoing(
        map((sent: Outgoing) => {
          if (sent.action?.type === 'BAD') throw broken;
          return sent;
        }),
        mergeMap((sent) => (sent.action?.type === 'NONE' ? EMPTY : of(sent))),
      ),
    );
    const sends = ['A', 'BAD', 'B', 'NONE', 'C'].map((type) => stage.client.broadcast({ type }));
    const error = await failure(sends[1] as Promise<void>);
    expect(error).toMatchObject({ code: 'PLUGIN_ERROR', effect: 'none' });
    expect(error.error.cause).toBe(broken);
    expect(await standing(sends[3] as Promise<void>)).toBe('REFUSED, effect none');
    expect(types(stage)).toEqual(['A', 'B', 'C']);
  });

  test('is refused where an operator throws nothing', async () => {
    const stage = await stageWith(
      outgoing(
        tap(() => {
          throw undefined;
        }),
      ),
    );
    expect(await standing(stage.client.broadcast({ type: 'A' }))).toBe('PLUGIN_ERROR, effect none');
  });

  test('may send something else from within, which passes by itself', async () => {
    const inner: unknown[] = [];
    const stage = await stageWith(
      outgoing(
        mergeMap((sent: Outgoing) => {
          if (sent.action?.type === 'OUTER') {
            inner.push(stage.client.broadcast({ type: 'INNER' }), stage.client.broadcast({ type: 'HELD' }));
          }
          return sent.action?.type === 'HELD' ? EMPTY : of(sent);
        }),
      ),
    );
    const outer = stage.client.broadcast({ type: 'OUTER' });
    expect(await standing(outer)).toBe('pending');
    expect(await Promise.all((inner as Promise<void>[]).map(standing))).toEqual([
      'pending',
      'REFUSED, effect none',
    ]);
    expect(types(stage)).toEqual(['INNER', 'OUTER']);
  });

  test('is no business of operators where it is the library’s own', async () => {
    let seen = 0;
    const stage = await stageWith(outgoing(tap(() => seen++)));
    stage.client.subscribe('CLIENT_LOST', () => {});
    void stage.client.refresh('token').catch(() => {});
    expect([stage.server.take().map(({ op }) => op), seen]).toEqual([['subscribe', 'refresh'], 0]);
  });

  test.each([null, undefined, 7, 'A', {}, { type: 7 }, { type: '' }, []])(
    'that is no action is refused before: %j',
    async (action) => {
      let seen = 0;
      const stage = await stageWith(outgoing(tap(() => seen++)));
      const send = stage.client.broadcast(action as never);
      expect([await standing(send), seen]).toEqual(['INVALID_ACTION, effect none', 0]);
    },
  );
});

describe('what comes in', () => {
  const message = (offset: number, type = 'A') => ({ op: 'message', offset, action: { type } }) as const;

  test('passes the operators, and reaches nobody where it is held back', async () => {
    const seen: unknown[] = [];
    const loud = map(
      (delivery: Incoming): Incoming =>
        delivery.kind === 'message' ? { ...delivery, action: { ...delivery.action, loud: true } } : delivery,
    );
    const stage = await stageWith(
      incoming(
        filter(({ action }) => action?.type !== 'B'),
        loud,
      ),
    );
    stage.client.subscribe('A', (action) => seen.push(action));
    stage.client.messages$.subscribe(({ action }) => seen.push(action.type));
    stage.receive(message(1));
    stage.receive(message(2, 'B'));
    expect(seen).toEqual(['A', { type: 'A', loud: true }]);
  });

  test('is lost where an operator fails on it, with a line in the log, and nothing else is', async () => {
    const stage = await stageWith(
      incoming(
        tap(({ action }) => {
          if (action?.type === 'BAD') throw broken;
        }),
      ),
    );
    const seen: unknown[] = [];
    stage.client.messages$.subscribe(({ action }) => seen.push(action.type));
    for (const [i, type] of ['A', 'BAD', 'B'].entries()) stage.receive(message(i + 1, type));
    expect([seen, stage.logs]).toEqual([['A', 'B'], ['error: a plugin failed on what came']]);
  });

  test('are events as well, of the status too', async () => {
    const kinds: string[] = [];
    const stage = await stageWith(
      incoming(
        tap(({ kind }) => kinds.push(kind)),
        filter(({ kind }) => kind !== 'event'),
      ),
    );
    stage.receive({ op: 'event', event: { type: 'STATUS_CHANGE', userId: '44', status: 'AWAY' } });
    expect([kinds, stage.client.getStatus()]).toEqual([['event'], 'ONLINE']);
  });
});

describe('a plugin', () => {
  const counter = defineClientPlugin({
    name: 'counter',
    setup({ client }) {
      let count = 0;
      client.messages$.subscribe(() => count++);
      return { count: () => count };
    },
  });

  test('adds to the client what its setup returns', async () => {
    const stage = new ScriptedClient({
      plugins: [counter, defineClientPlugin({ name: 'plain', setup: () => {} })],
    });
    await stage.online();
    stage.receive({ op: 'message', offset: 1, action: { type: 'A' } });
    expect(stage.client.counter.count()).toBe(1);
    expect(stage.client).not.toHaveProperty('plain');
  });

  test.each(['broadcast', 'userId', 'status$', 'close', 'toString'])(
    'cannot take the place of %s',
    (name) => {
      expect(() => new ScriptedClient({ plugins: [{ name, setup: () => ({}) }] })).toThrow(name);
    },
  );

  test.each([[() => ({})], [() => {}]])('cannot have the name of another one', (setup) => {
    const plugins = [1, 2].map(() => ({ name: 'twice', setup }));
    expect(() => new ScriptedClient({ plugins })).toThrow('twice');
  });

  test('that fails to set up fails the making of the client, and leaves nothing behind', async () => {
    const fails: ClientPlugin = {
      name: 'fails',
      setup: () => {
        throw broken;
      },
    };
    let context: ClientPluginContext | undefined;
    const first: ClientPlugin = {
      name: 'first',
      setup: (given) => {
        context = given;
      },
    };
    expect(() => new ScriptedClient({ plugins: [first, fails] })).toThrow(broken);
    expect(context?.client.getStatus()).toBe('CONNECTING');
    expect(context?.client.actor.getSnapshot().value).toBe('connecting');
  });

  test('is told of the end, the last one first, and one that fails keeps nobody from it', async () => {
    const ends: string[] = [];
    const ending = (name: string, end: () => unknown): ClientPlugin => ({
      name,
      setup: ({ onClose }) =>
        onClose(async () => {
          await end();
          ends.push(name);
        }),
    });
    const stage = await stageWith(
      ending('first', () => stage.client.getStatus()),
      ending('second', () => Promise.reject(broken)),
      ending('third', () => Promise.resolve()),
    );
    await stage.client.close();
    expect([ends, stage.logs]).toEqual([
      ['third', 'first'],
      ['error: a plugin failed while the client closed'],
    ]);
  });

  test('tells whether somebody is there, and each connection begins with that', async () => {
    let tell: ClientPluginContext['activity'] = () => {};
    const stage = new ScriptedClient<ClientPlugin[]>({
      plugins: [
        {
          name: 'idle',
          setup: ({ activity }) => {
            tell = activity;
          },
        },
      ],
    });
    const told = () =>
      stage.server.take().flatMap((frame) => {
        if (frame.op === 'connect') return [`connect ${frame.activity}`];
        return frame.op === 'activity' ? [frame.state] : [];
      });
    await stage.opened();
    stage.receive(connected());
    expect(told()).toEqual(['connect undefined']);
    tell('idle');
    expect(told()).toEqual(['idle']);
    stage.server.cut();
    tell('active');
    void stage.client.connect();
    await stage.opened();
    stage.receive(connected(resumed));
    expect(told()).toEqual(['connect active']);
    stage.server.cut();
    void stage.client.connect();
    await stage.opened();
    tell('idle');
    stage.receive(connected(resumed));
    expect(told()).toEqual(['connect active', 'idle']);
  });
});

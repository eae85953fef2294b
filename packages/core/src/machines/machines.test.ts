import { describe, expect, test } from '@jest/globals';
import { createActor, type EventFromLogic, fromPromise, waitFor } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { clientMachine } from './client-machine.ts';
import { serverMachine } from './server-machine.ts';
import { connectedStatus, neverOnline, userMachine } from './user-machine.ts';

type ClientEvent = EventFromLogic<typeof clientMachine>;
type UserEvent = EventFromLogic<typeof userMachine>;

describe('the client machine', () => {
  const effects: string[] = [];
  const machine = clientMachine.provide({
    actions: {
      wait: () => void effects.push('wait'),
      resumed: () => void effects.push('resumed'),
      end: () => void effects.push('end'),
    },
  });
  const after = (...events: ClientEvent[]) => {
    effects.length = 0;
    const actor = createActor(machine).start();
    for (const event of events) actor.send(event);
    return [actor.getSnapshot().value, effects.join()];
  };
  const lost: ClientEvent = { type: 'LOST', reason: 'cable' };
  const closed: ClientEvent = { type: 'CLOSED', reason: 'bye' };

  test.each<[string, ClientEvent[], unknown[]]>([
    ['begins online', [], ['online', '']],
    ['waits when it is lost', [lost], ['resumable', 'wait']],
    ['comes back', [lost, { type: 'RESUMED' }], ['online', 'wait,resumed']],
    ['is taken over', [{ type: 'RESUMED' }], ['online', 'resumed']],
    ['is gone in the end', [lost, { type: 'DEADLINE' }], ['gone', 'wait,end']],
    ['is closed while online', [closed], ['gone', 'end']],
    ['is closed while it is lost', [lost, closed], ['gone', 'wait,end']],
    ['has no deadline while online', [{ type: 'DEADLINE' }], ['online', '']],
    ['is lost once', [lost, { type: 'LOST', reason: 'again' }], ['resumable', 'wait']],
    ['stays gone', [closed, { type: 'RESUMED' }, lost], ['gone', 'end']],
  ])('%s', (_, events, expected) => {
    expect(after(...events)).toEqual(expected);
  });

  test('gets everywhere, and from everywhere to its end', () => {
    const events: ClientEvent[] = [lost, closed, { type: 'RESUMED' }, { type: 'DEADLINE' }];
    const serializeState = ({ value }: { value: unknown }) => String(value);
    const paths = getShortestPaths(clientMachine, { events, serializeState });
    expect(paths.map(({ state }) => state.value).sort()).toEqual(['gone', 'online', 'resumable']);
    for (const { state } of paths) {
      const ends = getShortestPaths(clientMachine, {
        events,
        serializeState,
        fromState: state,
        toState: ({ status }) => status === 'done',
      });
      expect(ends).not.toHaveLength(0);
    }
    for (const { steps } of getSimplePaths(clientMachine, { events, serializeState })) {
      const [, ...taken] = steps;
      expect(after(...taken.map(({ event }) => event as ClientEvent))[0]).toBe(
        String(steps.at(-1)?.state.value),
      );
    }
  });
});

describe('the user machine', () => {
  const clients = (online: number, all: number): UserEvent => ({
    type: 'CLIENTS_CHANGED',
    online,
    clients: all,
    at: 0,
  });
  const states: [string, UserEvent[]][] = [
    ['offline', []],
    ['online', [clients(1, 1)]],
    ['online', [clients(1, 1), clients(2, 2), clients(1, 2)]],
    ['offline', [clients(1, 1), clients(0, 1)]],
    ['online', [clients(1, 1), clients(0, 1), clients(1, 1)]],
    ['gone', [clients(1, 1), clients(0, 0)]],
    ['gone', [clients(0, 0), clients(1, 1)]],
    ['online', [clients(1, 1), { type: 'ACTIVITY', state: 'idle', clientId: 'c', at: 0 }]],
  ];

  test.each(states)('is %s after %j', (expected, events) => {
    const actor = createActor(userMachine).start();
    for (const event of events) actor.send(event);
    expect(actor.getSnapshot().value).toBe(expected);
  });

  test('announces its status with every change, also the last, and ends once', () => {
    const seen: string[] = [];
    const actor = createActor(
      userMachine.provide({
        actions: { announce: () => void seen.push('announce'), end: () => void seen.push('end') },
      }),
    ).start();
    for (const event of [clients(1, 1), clients(0, 1), clients(0, 0), clients(1, 1)]) actor.send(event);
    expect(seen).toEqual(['announce', 'announce', 'announce', 'end']);
  });

  test('gets everywhere', () => {
    const events = [clients(1, 1), clients(0, 1), clients(0, 0)];
    const paths = getShortestPaths(userMachine, { events, serializeState: ({ value }) => String(value) });
    expect(paths.map(({ state }) => state.value).sort()).toEqual(['gone', 'offline', 'online']);
  });
});

describe('the server machine', () => {
  const broken = new Error('broken');
  const make = (open: () => Promise<void>, drain: () => Promise<void>) => {
    const seen: string[] = [];
    const machine = serverMachine.provide({
      actors: { open: fromPromise(open), drain: fromPromise(drain) },
      actions: { announce: (_, { state }) => void seen.push(state) },
    });
    const actor = createActor(machine).start();
    actor.subscribe(({ value }) => seen.push(String(value)));
    const until = (state: string) => waitFor(actor, ({ value }) => value === state);
    return { seen, actor, until };
  };
  const done = async () => {};
  const fails = async () => {
    throw broken;
  };

  test('starts, runs, drains, stops, and again', async () => {
    const { seen, actor, until } = make(done, done);
    for (let i = 0; i < 2; i++) {
      seen.length = 0;
      actor.send({ type: 'STOP' });
      actor.send({ type: 'START' });
      actor.send({ type: 'START' });
      actor.send({ type: 'STOP' });
      await until('running');
      actor.send({ type: 'START' });
      actor.send({ type: 'STOP' });
      await until('stopped');
      const states = seen.filter((state, place) => state !== seen[place - 1]);
      expect(states).toEqual(expect.arrayContaining(['starting', 'running', 'draining', 'stopped']));
      expect(states.filter((state) => state === state.toUpperCase())).toEqual([
        'STARTED',
        'DRAINING',
        'STOPPED',
      ]);
      expect(actor.getSnapshot().context.error).toBeUndefined();
    }
  });

  test('is stopped, and keeps why, where it cannot open', async () => {
    const { seen, actor, until } = make(fails, done);
    actor.send({ type: 'START' });
    expect((await until('stopped')).context.error).toBe(broken);
    expect(seen).not.toContain('STARTED');
    actor.send({ type: 'START' });
    expect(actor.getSnapshot().context.error).toBeUndefined();
  });

  test('is stopped, and keeps why, where it cannot drain', async () => {
    const { actor, until } = make(done, fails);
    actor.send({ type: 'START' });
    await until('running');
    actor.send({ type: 'STOP' });
    expect((await until('stopped')).context.error).toBe(broken);
  });
});

describe('the status of a user', () => {
  const changed = (online: number, at: number) => ({
    userId: '1',
    online,
    at,
    event: { type: 'CLIENTS_CHANGED' as const, online, clients: 1, at },
  });

  test('is ONLINE while a client has a connection', () => {
    const online = connectedStatus(neverOnline, changed(1, 5));
    expect(online).toEqual({ ...neverOnline, status: 'ONLINE', onlineSinceTs: 5 });
    expect(connectedStatus(online, changed(2, 6))).toBe(online);
    const offline = connectedStatus(online, changed(0, 7));
    expect(offline).toEqual({ ...neverOnline, previousStatus: 'ONLINE', lastOnlineTs: 7 });
    expect(connectedStatus(offline, changed(0, 8))).toBe(offline);
    expect(connectedStatus(offline, changed(1, 9))).toEqual({
      ...neverOnline,
      status: 'ONLINE',
      onlineSinceTs: 9,
      lastOnlineTs: 7,
    });
  });

  test('is left alone by activity', () => {
    const event = { type: 'ACTIVITY' as const, state: 'idle' as const, clientId: 'c', at: 1 };
    expect(connectedStatus(neverOnline, { userId: '1', online: 1, at: 1, event })).toBe(neverOnline);
  });
});

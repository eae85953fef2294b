import { disconnects } from '@callboard/protocol';
import { actorClock } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type ConnectionEvent, connectionMachine } from './machine.ts';

const lost = (code = 1006, afterMs?: number): ConnectionEvent => ({
  type: 'LOST',
  code,
  reason: 'why',
  afterMs,
});
const opened: ConnectionEvent = { type: 'OPENED' };
const welcomed: ConnectionEvent = { type: 'CONNECTED' };
const wake: ConnectionEvent = { type: 'WAKE' };
const connect: ConnectionEvent = { type: 'CONNECT' };
const close: ConnectionEvent = { type: 'CLOSE' };
/** What leads to each state. */
const ways = {
  connecting: [],
  authenticating: [opened],
  online: [opened, welcomed],
  reconnecting: [lost()],
  closed: [close],
};
type State = keyof typeof ways;
const states = Object.keys(ways) as State[];

function start({
  random = (): number => 0.5,
  minMs = 500,
  maxMs = 20_000,
  state = 'connecting' as State,
} = {}) {
  const clock = new SimulatedClock(0);
  const effects: string[] = [];
  const did = (what: string) => () => void effects.push(what);
  const machine = connectionMachine.provide({
    actions: { open: did('open'), drop: did('drop'), probe: did('probe') },
  });
  const actor = createActor(machine, {
    input: { minMs, maxMs, random },
    clock: actorClock(clock) as never,
  }).start();
  const send = (...events: ConnectionEvent[]) => {
    for (const event of events) actor.send(event);
  };
  send(...ways[state]);
  effects.length = 0;
  return {
    clock,
    effects,
    send,
    actor,
    get value() {
      return actor.getSnapshot().value;
    },
    get context() {
      return actor.getSnapshot().context;
    },
  };
}

describe('what leads where', () => {
  test.each<[State, ConnectionEvent, State, string]>([
    ['connecting', opened, 'authenticating', ''],
    ['connecting', welcomed, 'connecting', ''],
    ['connecting', lost(), 'reconnecting', ''],
    ['connecting', lost(3500), 'closed', ''],
    ['connecting', wake, 'connecting', ''],
    ['connecting', connect, 'connecting', ''],
    ['connecting', close, 'closed', ''],
    ['authenticating', opened, 'authenticating', ''],
    ['authenticating', welcomed, 'online', ''],
    ['authenticating', lost(), 'reconnecting', ''],
    ['authenticating', lost(3500), 'closed', ''],
    ['authenticating', wake, 'authenticating', ''],
    ['authenticating', connect, 'authenticating', ''],
    ['authenticating', close, 'closed', ''],
    ['online', opened, 'online', ''],
    ['online', welcomed, 'online', ''],
    ['online', lost(), 'reconnecting', ''],
    ['online', lost(3507), 'closed', ''],
    ['online', wake, 'online', 'probe'],
    ['online', connect, 'online', ''],
    ['online', close, 'closed', ''],
    ['reconnecting', opened, 'reconnecting', ''],
    ['reconnecting', welcomed, 'reconnecting', ''],
    ['reconnecting', lost(), 'reconnecting', ''],
    ['reconnecting', lost(3507), 'reconnecting', ''],
    ['reconnecting', wake, 'connecting', 'open'],
    ['reconnecting', connect, 'connecting', 'open'],
    ['reconnecting', close, 'closed', ''],
    ['closed', opened, 'closed', ''],
    ['closed', welcomed, 'closed', ''],
    ['closed', lost(), 'closed', ''],
    ['closed', wake, 'closed', ''],
    ['closed', connect, 'connecting', 'open'],
    ['closed', close, 'closed', ''],
  ])('%s: %j leads to %s', (from, event, to, effect) => {
    const { send, effects, ...machine } = start({ state: from });
    const { actor } = machine;
    expect(actor.getSnapshot().value).toBe(from);
    send(event);
    expect([actor.getSnapshot().value, effects.join()]).toEqual([to, effect]);
  });

  test('begins by opening a connection', () => {
    const opens: string[] = [];
    const machine = connectionMachine.provide({ actions: { open: () => void opens.push('open') } });
    const input = { minMs: 500, maxMs: 20_000, random: () => 0.5 };
    const actor = createActor(machine, { input, clock: actorClock(new SimulatedClock()) as never });
    expect(opens).toEqual([]);
    actor.start();
    expect([actor.getSnapshot().value, opens]).toEqual(['connecting', ['open']]);
  });

  test('gets everywhere, and from everywhere online and to the end', () => {
    const events = [opened, welcomed, lost(), lost(3500), wake, connect, close];
    const input = { minMs: 1, maxMs: 1, random: () => 0 };
    const serializeState = ({ value }: { value: unknown }) => String(value);
    const paths = getShortestPaths(connectionMachine, { events, input, serializeState });
    expect(paths.map(({ state }) => state.value).sort()).toEqual([...states].sort());
    for (const { state } of paths) {
      for (const goal of ['online', 'closed'] as const) {
        const found = getShortestPaths(connectionMachine, {
          events,
          input,
          serializeState,
          fromState: state,
          toState: ({ value }) => value === goal,
        });
        expect([state.value, goal, found.length]).toEqual([state.value, goal, 1]);
      }
    }
  });

  // PROTOCOL.md, "Close codes".
  const comeBack = [
    1001, 1005, 1006, 1011, 1012, 1013, 2999, 3000, 3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008,
  ];
  const endFor = [1000, 1002, 1007, 1009, 3500, 3501, 3502, 3503, 3504, 3505, 3506, 3507];
  test.each([
    ...[...comeBack, 3499, 4000, 4499].map((code) => [code, 'reconnecting'] as const),
    ...[...endFor, 3999, 4500, 4999].map((code) => [code, 'closed'] as const),
  ])('the end with %i leads to %s', (code, state) => {
    const machine = start({ state: 'online' });
    machine.send(lost(code));
    expect(machine.value).toBe(state);
  });

  test('of the catalogue no code was left out', () => {
    expect(Object.values(disconnects).filter((code) => ![...comeBack, ...endFor].includes(code))).toEqual([]);
  });
});

describe('how a connection ended', () => {
  test('is kept, with its name', () => {
    const machine = start({ state: 'online' });
    expect(machine.context.ending).toBeUndefined();
    machine.send(lost(3507));
    expect(machine.context.ending).toEqual({ code: 3507, reason: 'why', afterMs: undefined, name: 'KICKED' });
  });

  test('is the application’s doing where that closes', () => {
    const machine = start({ state: 'online' });
    machine.send(close);
    expect(machine.context.ending).toMatchObject({ code: 1000, reason: 'closed by the application' });
  });
});

describe('no answer', () => {
  test.each([
    ['opening', 'connecting', 15_000],
    ['authenticating', 'authenticating', 12_000],
  ] as const)('while %s counts as a lost connection', (_, state, ms) => {
    const machine = start({ state });
    machine.clock.advance(ms - 1);
    expect([machine.value, machine.effects]).toEqual([state, []]);
    machine.clock.advance(1);
    expect([machine.value, machine.effects]).toEqual(['reconnecting', ['drop']]);
    expect(machine.context).toMatchObject({
      failures: 1,
      ending: { code: 1006, reason: 'no answer in time' },
    });
  });

  test('has no part in a connection that was welcomed', () => {
    const machine = start({ state: 'online' });
    machine.clock.advance(3_600_000);
    expect([machine.value, machine.effects]).toEqual(['online', []]);
  });
});

describe('the wait before it comes back', () => {
  const waits = (count: number, options: Parameters<typeof start>[0]) => {
    const machine = start(options);
    return Array.from({ length: count }, () => {
      machine.send(lost());
      const { waitMs } = machine.context;
      machine.clock.advance(Math.max(1, waitMs));
      expect(machine.value).toBe('connecting');
      return waitMs;
    });
  };

  test('is random, up to a bound that doubles with each attempt that fails', () => {
    const almost = 1 - Number.EPSILON;
    const bounds = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000];
    expect(waits(8, { random: () => almost }).map(Math.round)).toEqual(bounds);
    expect(waits(8, { random: () => 0.25 })).toEqual(bounds.map((ms) => ms / 4));
    expect(waits(3, { random: () => 0 })).toEqual([0, 0, 0]);
    expect(waits(4, { random: () => 0.5, minMs: 10, maxMs: 30 })).toEqual([5, 10, 15, 15]);
  });

  test('stays a number, however often it fails', () => {
    expect(waits(2_000, {}).at(-1)).toBe(10_000);
  });

  test('is waited out', () => {
    const machine = start({ state: 'reconnecting' });
    machine.clock.advance(249);
    expect([machine.value, machine.effects]).toEqual(['reconnecting', []]);
    machine.clock.advance(1);
    expect([machine.value, machine.effects]).toEqual(['connecting', ['open']]);
  });

  test('is short again after a connection that lasted, and only then', () => {
    const machine = start();
    const connection = (ms: number) => {
      machine.send(opened, welcomed);
      machine.clock.advance(ms);
      machine.send(lost());
      const { waitMs } = machine.context;
      machine.send(connect);
      return waitMs;
    };
    expect([connection(4_999), connection(4_999), connection(4_999)]).toEqual([250, 500, 1_000]);
    expect([connection(5_000), connection(0), connection(60_000)]).toEqual([250, 500, 250]);
  });

  test('is what the server says, and nothing that happens to a page makes it shorter', () => {
    const machine = start({ state: 'online' });
    machine.send(lost(3000, 7_300), wake);
    expect(machine.context.waitMs).toBe(7_300);
    machine.clock.advance(7_299);
    machine.send(wake);
    expect(machine.value).toBe('reconnecting');
    machine.clock.advance(1);
    expect(machine.value).toBe('connecting');
    machine.send(lost(), wake);
    expect(machine.value).toBe('connecting');
  });

  test('is not waited out where the application wants a connection now', () => {
    const machine = start({ state: 'online' });
    machine.send(lost(3000, 7_300), connect);
    expect([machine.value, machine.effects]).toEqual(['connecting', ['open']]);
  });

  test('may be 0, and as long as timers can count', () => {
    const machine = start({ state: 'online' });
    machine.send(lost(3000, 0));
    machine.clock.advance(1);
    expect(machine.value).toBe('connecting');
    machine.send(lost(3000, 1e15));
    machine.clock.advance(2 ** 31 - 2);
    expect(machine.value).toBe('reconnecting');
  });

  test('is over when the client is closed', () => {
    const machine = start({ state: 'reconnecting' });
    machine.send(close);
    expect(machine.clock.pendingTimers).toBe(0);
  });
});

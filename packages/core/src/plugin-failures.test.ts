import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { concatMap, EMPTY, filter, map, mergeMap, of, take } from 'rxjs';
import type { Inbound, InboundOperator, OutboundOperator, Plugin, PluginContext } from './index.ts';

const plugin = (setup: (context: PluginContext) => void): Plugin => ({ name: 'rough', setup });
const typeOf = ({ frame }: Inbound) => ('action' in frame ? frame.action.type : '');
const broken = new Error('broken');
const errorsIn = (logs: readonly { level: string }[]) => logs.filter(({ level }) => level === 'error');

describe('an inbound operator', () => {
  const withOperator = async (operator: InboundOperator, handlers = { A: () => 'a', B: () => 'b' }) => {
    const harness = await createHarness({ plugins: [plugin(({ inbound }) => inbound(operator))], handlers });
    return { ...harness, tab: await harness.connect(1) };
  };

  test('that throws: PLUGIN_ERROR to that frame; every other one goes on', async () => {
    const { tab, connect, logs } = await withOperator(
      map((inbound) => {
        if (typeOf(inbound) === 'B') throw broken;
        return inbound;
      }),
    );
    const other = await connect(1);
    const mids = ['A', 'B', 'A', 'B', 'A'].map((type) => tab.call({ type }));
    for (const mid of mids) {
      if (mid % 2 === 0) await tab.expectError(mid, 'PLUGIN_ERROR');
      else expect(await tab.expectReply(mid)).toBe('a');
    }
    await other.expectReply(other.call({ type: 'A' }));
    expect(errorsIn(logs)).toMatchObject([
      { message: 'an inbound operator failed', fields: { cause: broken } },
      { fields: { cause: broken } },
    ]);
  });

  test.each<[string, InboundOperator]>([
    ['filters', filter((inbound) => typeOf(inbound) !== 'B')],
    ['gives nothing', mergeMap((inbound) => (typeOf(inbound) === 'B' ? EMPTY : of(inbound)))],
    [
      'gives it later',
      concatMap((inbound) => (typeOf(inbound) === 'B' ? Promise.resolve(inbound) : of(inbound))),
    ],
  ])('that %s: REFUSED, and it is not run', async (_, operator) => {
    let ran = 0;
    const handlers = { A: () => 'a', B: () => `${++ran}` };
    const { tab, clock } = await withOperator(operator, handlers);
    await tab.expectError(tab.call({ type: 'B' }), 'REFUSED');
    await clock.settle();
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toBe('a');
    await tab.expectNothing();
    expect(ran).toBe(0);
  });

  test('that gives a frame twice: it runs once', async () => {
    let ran = 0;
    const { tab } = await withOperator(
      mergeMap((inbound) => of(inbound, inbound)),
      {
        A: () => `${++ran}`,
        B: () => '',
      },
    );
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toBe('1');
    await tab.expectNothing();
    expect(ran).toBe(1);
  });

  test('that completes begins anew', async () => {
    const { tab } = await withOperator(take(1));
    for (let i = 0; i < 3; i++) await tab.expectReply(tab.call({ type: 'A' }));
  });

  test('that makes another object of it', async () => {
    const { tab } = await withOperator(
      map(({ client, frame }) => ({ client, frame: { ...frame, action: { type: 'B' } } as never })),
    );
    expect(await tab.expectReply(tab.call({ type: 'A' }))).toBe('b');
  });

  test('in which a client ends: nobody else is touched', async () => {
    const { tab, connect } = await withOperator(
      filter((inbound) => {
        if (typeOf(inbound) !== 'B') return true;
        inbound.client.disconnect();
        return false;
      }),
    );
    const other = await connect(1);
    tab.call({ type: 'B' });
    await tab.expectClose('KICKED');
    await other.expectReply(other.call({ type: 'A' }));
  });
});

describe('an outbound operator', () => {
  const withOperator = async (operator: OutboundOperator) => {
    const harness = await createHarness({ plugins: [plugin(({ outbound }) => outbound(operator))] });
    return { ...harness, tab: await harness.connect(1), other: await harness.connect(1) };
  };

  test('that throws: PLUGIN_ERROR to that send alone', async () => {
    const { tab, other, server, logs } = await withOperator(
      map((outgoing) => {
        if (outgoing.kind === 'message' && outgoing.action.type === 'B') throw broken;
        return outgoing;
      }),
    );
    await tab.expectError(tab.broadcast({ type: 'B' }), 'PLUGIN_ERROR');
    await expect(server.sendToUser(1, { type: 'B' })).rejects.toMatchObject({ code: 'PLUGIN_ERROR' });
    await tab.expectReply(tab.broadcast({ type: 'A' }));
    await other.expectMessage({ type: 'A' });
    await other.expectNothing();
    expect(errorsIn(logs)).toHaveLength(2);
  });

  test('that filters: REFUSED', async () => {
    const { tab, other } = await withOperator(
      filter((outgoing) => outgoing.kind !== 'message' || outgoing.action.type !== 'B'),
    );
    await tab.expectError(tab.broadcast({ type: 'B' }), 'REFUSED');
    await tab.expectReply(tab.broadcast({ type: 'A' }));
    await other.expectMessage({ type: 'A' });
    await other.expectNothing();
  });

  test('that sends itself from within does not mix the two up', async () => {
    const sends: Promise<void>[] = [];
    let send: () => Promise<void> = async () => {};
    const { tab, server } = await withOperator(
      map((outgoing) => {
        if (outgoing.kind === 'message' && outgoing.action.type === 'A') sends.push(send());
        return outgoing;
      }),
    );
    send = () => server.sendToUser(1, { type: 'B' });
    await server.sendToUser(1, { type: 'A' });
    await Promise.all(sends);
    await tab.expectMessage({ type: 'B' });
    await tab.expectMessage({ type: 'A' });
    await tab.expectNothing();
  });
});

describe('a check', () => {
  test('that does not answer: CHECK_TIMEOUT, and what waited behind it goes on', async () => {
    const { connect, clock } = await createHarness({
      plugins: [
        plugin(({ check }) =>
          check(({ frame }) =>
            'action' in frame && frame.action.type === 'SLOW' ? new Promise(() => {}) : undefined,
          ),
        ),
      ],
      handlers: { A: () => 'a' },
    });
    const [tab, other] = [await connect(1), await connect(1)];
    const [slow, behind] = [tab.call({ type: 'SLOW' }), tab.call({ type: 'A' })];
    await other.expectReply(other.call({ type: 'A' }));
    await tab.expectNothing();
    await clock.advanceAsync(30_000);
    expect(await tab.expectError(slow, 'CHECK_TIMEOUT')).toMatchObject({ retryable: true });
    expect(await tab.expectReply(behind)).toBe('a');
  });
});

describe('what else a plugin gives', () => {
  test('a reducer that throws has no say; the others do', async () => {
    const { server, connect, logs } = await createHarness({
      plugins: [
        plugin(({ status }) => {
          status(() => {
            throw broken;
          });
          status((now) => (now.status === 'ONLINE' ? { ...now, status: 'AWAY' } : now));
        }),
      ],
    });
    const tab = await connect(1);
    expect(server.users.get('1')?.status.status).toBe('AWAY');
    expect(errorsIn(logs)[0]).toMatchObject({
      message: 'a status reducer failed',
      fields: { cause: broken },
    });
    tab.close();
    expect(server.users.size).toBe(0);
  });

  test('a metric that throws leaves the other stats as they are', async () => {
    const { server, logs } = await createHarness({
      plugins: [
        plugin(({ metric }) => {
          metric('bad', () => {
            throw broken;
          });
          metric('good', () => 1);
        }),
      ],
    });
    expect(server.stats().plugins).toEqual({ rough: { good: 1 } });
    expect(errorsIn(logs)).toMatchObject([{ fields: { plugin: 'rough', cause: broken } }]);
  });

  test('a disposer that throws does not keep the others, or the server, from stopping', async () => {
    let stopped = 0;
    const { server, until, logs } = await createHarness({
      plugins: [
        plugin(({ onDispose }) => {
          onDispose(() => void stopped++);
          onDispose(() => {
            throw broken;
          });
          onDispose(() => Promise.reject(broken));
        }),
      ],
    });
    await until(server.disconnect());
    expect([stopped, server.actor.getSnapshot().value]).toEqual([1, 'stopped']);
    expect(errorsIn(logs)).toHaveLength(2);
    // Once more, as often as the server runs and stops.
    await server.start();
    await until(server.disconnect());
    expect(stopped).toBe(2);
  });
});

test('a request that is let go in the turn of another one is refused, and that other one is dispatched', async () => {
  const held: Inbound[] = [];
  const release = mergeMap((inbound: Inbound) => {
    if (typeOf(inbound) !== 'HELD') return of(...held, inbound);
    held.push(inbound);
    return EMPTY;
  });
  const called: string[] = [];
  const note = (type: string) => () => void called.push(type);
  const { connect } = await createHarness({
    plugins: [plugin(({ inbound }) => inbound(release))],
    handlers: { HELD: note('HELD'), A: note('A') },
  });
  const tab = await connect(1);
  await tab.expectError(tab.call({ type: 'HELD' }), 'REFUSED');
  await tab.expectReply(tab.call({ type: 'A' }));
  expect(called).toEqual(['A']);
});

import { createHarness } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { deferred } from '../test/deferred.ts';
import { withLog } from '../test/logs.ts';
import type { StreamLog } from './streams/log.ts';
import { AppendRefused } from './streams/log.ts';
import { provide, tokens } from './tokens.ts';

/** A harness over a log of which some methods are replaced. */
function over(change: (log: StreamLog) => Partial<StreamLog>) {
  const { memory, options } = withLog('at once');
  const base: StreamLog = {
    open: (...args) => memory.open(...args),
    release: (...args) => memory.release(...args),
    append: (...args) => memory.append(...args),
    read: (...args) => memory.read(...args),
    position: (...args) => memory.position(...args),
  };
  const log = { ...base, ...change(base) };
  return createHarness({ ...options, provide: [provide(tokens.streamLog, log)], canSend: () => true });
}
const broken = new Error('disk full');

describe('an inbox that does not open', () => {
  test.each<[string, () => never | Promise<never>]>([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
  ])('because the log %s: the client is told to come back, and can', async (_, failing) => {
    let fails = true;
    const { server, client, logs } = await over((log) => ({
      open: (...args) => (fails ? failing() : log.open(...args)),
    }));
    const tab = client(1);
    await tab.dial();
    expect((await tab.expectClose('INTERNAL')).disconnect?.reconnect).toBe(true);
    expect(server.users.size).toBe(0);
    expect(logs.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { cause: broken } }]);
    fails = false;
    await tab.connect();
    await server.sendToUser(1, { type: 'A' });
    await tab.expectMessage({ type: 'A' });
  });

  test('before the client has gone: nothing is left', async () => {
    const gate = deferred();
    const { server, clock, client, errors } = await over((log) => ({
      open: async (...args) => {
        await gate.promise;
        return log.open(...args);
      },
    }));
    const [one, two] = [client(1), client(1)];
    await one.dial();
    await two.dial();
    one.cut();
    two.cut();
    gate.resolve();
    await clock.settle();
    expect([server.users.size, server.stats().clients.connecting, errors]).toEqual([0, 0, []]);
  });

  test('in time: VERIFY_TIMEOUT', async () => {
    const { server, clock, client } = await over(() => ({ open: () => new Promise(() => {}) }));
    const tab = client(1);
    await tab.dial();
    await clock.advanceAsync(10_000);
    await tab.expectClose('VERIFY_TIMEOUT');
    expect(server.stats().clients).toEqual({ online: 0, resumable: 0, connecting: 0 });
  });
});

test('an inbox that is still being released is opened anew once that is done', async () => {
  const { log, options } = withLog('later');
  const { server, clock, connect, client } = await createHarness(options);
  const tab = await connect(1);
  const hold = 'hold' in log ? log.hold() : () => {};
  tab.close();
  const next = client(1);
  await next.dial();
  await clock.settle();
  expect(next.frames).toEqual([]);
  hold();
  await next.expectConnected();
  await server.sendToUser(1, { type: 'A' });
  await next.expectMessage({ type: 'A' });
});

describe('an append that fails', () => {
  test.each<[string, () => never | Promise<never>, string, boolean]>([
    ['certainly', () => refuse(), 'APPEND_FAILED', true],
    ['certainly, later', async () => refuse(), 'APPEND_FAILED', true],
    ['perhaps', () => fail(), 'OUTCOME_UNKNOWN', false],
    ['perhaps, later', async () => fail(), 'OUTCOME_UNKNOWN', false],
  ])('%s: the sender is told which', async (_, append, code, retryable) => {
    const { server, connect, logs } = await over(() => ({ append }));
    const tab = await connect(1);
    expect(await tab.expectError(tab.broadcast({ type: 'A' }), code)).toMatchObject({ retryable });
    expect(await tab.expectError(tab.send({ type: 'A' }, [1, 2]), code)).toMatchObject({ retryable });
    expect(logs.filter(({ level }) => level === 'error')).toHaveLength(2);
    await expect(server.sendToUser(1, { type: 'A' })).rejects.toMatchObject({ code });
  });

  test('for one of several recipients: the outcome is unknown, and it is not sent again', async () => {
    let calls = 0;
    const { connect } = await over((log) => ({
      append: (stream, draft) => (++calls === 2 ? refuse() : log.append(stream, draft)),
    }));
    const [tab, two] = [await connect(1), await connect(2)];
    const mid = tab.send({ type: 'A' }, [2, 3]);
    await tab.expectError(mid, 'OUTCOME_UNKNOWN');
    await tab.expectError(
      tab.request({ op: 'send', mid, action: { type: 'A' }, to: ['2', '3'] }),
      'OUTCOME_UNKNOWN',
    );
    await two.expectMessage({ type: 'A' });
    await two.expectNothing();
  });

  test('by not answering: OUTCOME_UNKNOWN in time', async () => {
    const { connect, clock } = await over(() => ({ append: () => new Promise(() => {}) }));
    const tab = await connect(1);
    const mid = tab.broadcast({ type: 'A' });
    await clock.advanceAsync(30_000);
    await tab.expectError(mid, 'OUTCOME_UNKNOWN');
  });
});

test('a recovery that fails tells the client to come back', async () => {
  let fails = true;
  const { server, connect, clock } = await over((log) => ({
    read: async (...args) => (fails ? fail() : log.read(...args)),
  }));
  const tab = await connect(1);
  tab.cut();
  await server.sendToUser(1, { type: 'A' });
  await tab.dial({ resume: tab.resumption });
  await tab.expectClose('INTERNAL');
  fails = false;
  await clock.advanceAsync(59_000);
  expect((await tab.resume()).resumed).toBe(true);
  await tab.expectMessage({ type: 'A' });
  await tab.expectNothing();
});

function fail(): never {
  throw broken;
}
function refuse(): never {
  throw new AppendRefused('full');
}

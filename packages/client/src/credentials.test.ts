import { describe, expect, test } from '@jest/globals';
import { standing } from '../test/requests-stage.ts';
import { ScriptedClient } from '../test/scripted-client.ts';
import { deferred } from '../test/support.ts';

/** A client whose function gives `token-1`, `token-2` …; `lifeMs` from now the first one expires. */
async function stageWith(
  lifeMs: number,
  token?: (n: number) => string | undefined | Promise<string | undefined>,
) {
  let given = 0;
  const give = token ?? ((n: number) => `token-${n}`);
  const stage = new ScriptedClient({ token: () => give(++given) });
  await stage.online({ expiresAtMs: stage.clock.now() + lifeMs, pingIntervalMs: 1e9 });
  return { stage, given: () => given };
}
const refreshes = (stage: ScriptedClient) => stage.server.take().filter(({ op }) => op === 'refresh');
const longLived = { pingIntervalMs: 1e9 };

describe('a token', () => {
  test('of a function is asked for before each connection', async () => {
    let given = 0;
    const stage = new ScriptedClient({ token: async () => `token-${++given}` });
    await stage.opened();
    stage.server.cut();
    stage.clock.advance(500);
    await stage.opened();
    const tokens = stage.transport.connections.map(({ frames }) => frames[0]);
    expect(tokens).toMatchObject([{ token: 'token-1' }, { token: 'token-2' }]);
  });

  test('may be none', async () => {
    const stage = new ScriptedClient({ token: () => undefined });
    await stage.opened();
    expect(stage.server.frames[0]).not.toHaveProperty('token');
  });

  test('that cannot be had is a failed attempt', async () => {
    let given = 0;
    const stage = new ScriptedClient({
      token: () => {
        if (++given < 3) throw new Error('no token');
        return 'token';
      },
    });
    await stage.clock.settle();
    expect([stage.state, stage.transport.connections, stage.logs]).toEqual([
      'reconnecting',
      [],
      ['warn: no connection could be opened'],
    ]);
    await stage.clock.advanceAsync(750);
    await stage.online();
    expect(given).toBe(3);
  });

  test('that takes too long is a failed attempt, and is not used when it comes', async () => {
    const { promise, resolve } = deferred<string>();
    const stage = new ScriptedClient({ token: () => promise });
    await stage.clock.advanceAsync(15_000);
    expect(stage.state).toBe('reconnecting');
    resolve('late');
    await stage.clock.settle();
    expect(stage.transport.connections).toEqual([]);
  });
});

describe('where the application can make tokens', () => {
  test('the server is given a new one before the last one expires', async () => {
    const { stage } = await stageWith(600_000);
    await stage.clock.advanceAsync(539_999);
    expect(refreshes(stage)).toEqual([]);
    await stage.clock.advanceAsync(1);
    expect(refreshes(stage)).toMatchObject([{ op: 'refresh', mid: 2, token: 'token-2' }]);
    stage.receive({ op: 'reply', mid: 2, result: { expiresAtMs: stage.clock.now() + 20_000 } });
    await stage.clock.advanceAsync(15_999);
    expect(refreshes(stage)).toEqual([]);
    await stage.clock.advanceAsync(1);
    expect(refreshes(stage)).toMatchObject([{ mid: 3, token: 'token-3' }]);
    stage.receive({ op: 'reply', mid: 3, result: {} });
    await stage.clock.advanceAsync(3_600_000);
    expect(refreshes(stage)).toEqual([]);
  });

  test.each([-3_600_000, 0, 5_000])(
    'clocks that differ, by which %i ms are left, do not make it ask on and on',
    async (ms) => {
      const { stage, given } = await stageWith(ms);
      await stage.clock.advanceAsync(3_600_000);
      expect([refreshes(stage), given(), stage.state]).toEqual([[], 1, 'online']);
    },
  );

  test('one that expires later than timers count is renewed then', async () => {
    const { stage } = await stageWith(2 ** 33);
    await stage.clock.advanceAsync(60_000);
    expect(refreshes(stage)).toEqual([]);
  });

  test.each<[string, (n: number) => string | undefined | Promise<string | undefined>, string[]]>([
    ['has none any more', (n) => (n === 1 ? 'token-1' : undefined), []],
    [
      'fails',
      (n) => (n === 1 ? 'token-1' : Promise.reject(new Error('no'))),
      ['warn: the token could not be refreshed'],
    ],
  ])('and it %s, nothing is sent and nothing breaks', async (_, token, logs) => {
    const { stage } = await stageWith(60_000, token);
    await stage.clock.advanceAsync(60_000);
    expect([refreshes(stage), stage.logs, stage.state]).toEqual([[], logs, 'online']);
  });

  test('and the server refuses the new one, that is logged without the token', async () => {
    const { stage } = await stageWith(60_000);
    await stage.clock.advanceAsync(50_000);
    stage.receive({ op: 'error', mid: 2, code: 'UNAUTHORIZED', message: 'no', retryable: false });
    await stage.clock.settle();
    expect(stage.logs).toEqual(['warn: the token could not be refreshed']);
    expect(JSON.stringify(stage.logger.logs)).not.toContain('token-2');
  });

  test('nothing is renewed without a connection', async () => {
    const { stage, given } = await stageWith(60_000);
    stage.server.cut(3507);
    await stage.clock.advanceAsync(120_000);
    expect(given()).toBe(1);
    expect(stage.clock.pendingTimers).toBe(0);
  });
});

test('a token that comes when the connection is gone does not hurry the next one', async () => {
  const late = deferred<string>();
  const { stage } = await stageWith(60_000, (n) => (n === 2 ? late.promise : `token-${n}`));
  await stage.clock.advanceAsync(48_000);
  stage.receive({ op: 'disconnect', code: 3000, reason: 'SERVER_SHUTDOWN', reconnect: true, afterMs: 9_000 });
  stage.server.cut();
  late.resolve('token-2');
  await stage.clock.advanceAsync(8_999);
  expect(stage.state).toBe('reconnecting');
  await stage.clock.advanceAsync(1);
  expect(stage.state).toBe('connecting');
});

describe('refresh', () => {
  test('gives the server a token, and uses it from then on', async () => {
    const stage = new ScriptedClient({ token: 'old' });
    await stage.online(longLived);
    const done = stage.client.refresh('new');
    expect(refreshes(stage)).toMatchObject([{ token: 'new' }]);
    stage.receive({ op: 'reply', mid: 2, result: { expiresAtMs: 0 } });
    expect(await standing(done)).toEqual({ result: undefined });
    await stage.back();
    expect(stage.server.frames[0]).toMatchObject({ token: 'new' });
  });

  test('that the server refuses leaves the old one', async () => {
    const stage = new ScriptedClient({ token: 'old' });
    await stage.online(longLived);
    const done = stage.client.refresh('new');
    stage.receive({ op: 'error', mid: 2, code: 'UNAUTHORIZED', message: 'no', retryable: false });
    expect(await standing(done)).toBe('UNAUTHORIZED, effect none');
    await stage.back();
    expect(stage.server.frames[0]).toMatchObject({ token: 'old' });
  });

  test('connects with the new one where the old one was refused for good', async () => {
    const stage = new ScriptedClient({ token: 'old' });
    await stage.online(longLived);
    stage.receive({ op: 'disconnect', code: 3500, reason: 'UNAUTHORIZED', reconnect: false });
    stage.server.cut();
    expect(stage.state).toBe('closed');
    const done = stage.client.refresh('new');
    await stage.online(longLived);
    expect([stage.state, await standing(done)]).toEqual(['online', { result: undefined }]);
    expect(stage.server.frames[0]).toMatchObject({ op: 'connect', token: 'new' });
  });

  test('brings back a client whose text has expired, which does not try again with the same', async () => {
    const stage = new ScriptedClient({ token: 'old' });
    await stage.online(longLived);
    const expire = () => {
      stage.receive({ op: 'disconnect', code: 3003, reason: 'TOKEN_EXPIRED', reconnect: true });
      stage.server.cut();
    };
    expire();
    expect([stage.state, stage.client.getStatus()]).toEqual(['closed', 'OFFLINE']);
    const done = stage.client.refresh('new');
    await stage.online(longLived);
    expect([stage.state, await standing(done)]).toEqual(['online', { result: undefined }]);
    const { stage: another } = await stageWith(1e12);
    another.receive({ op: 'disconnect', code: 3003, reason: 'TOKEN_EXPIRED', reconnect: true });
    another.server.cut();
    expect(another.state).toBe('reconnecting');
  });

  test('takes the place of a renewal that was to come', async () => {
    const { stage } = await stageWith(60_000);
    const done = stage.client.refresh('by hand');
    stage.receive({ op: 'reply', mid: 2, result: { expiresAtMs: stage.clock.now() + 600_000 } });
    await done;
    refreshes(stage);
    await stage.clock.advanceAsync(539_999);
    expect(refreshes(stage)).toEqual([]);
    await stage.clock.advanceAsync(1);
    expect(refreshes(stage)).toHaveLength(1);
  });

  test('does not replace a function', async () => {
    const { stage } = await stageWith(1e12);
    const done = stage.client.refresh('by hand');
    stage.receive({ op: 'reply', mid: 2, result: {} });
    await done;
    await stage.back();
    expect(stage.server.frames[0]).toMatchObject({ token: 'token-2' });
  });

  test('that is answered when the connection is lost leaves no timer', async () => {
    const { stage } = await stageWith(1e12);
    const done = stage.client.refresh('by hand');
    stage.receive({ op: 'reply', mid: 2, result: { expiresAtMs: stage.clock.now() + 3_600_000 } });
    void stage.client.close();
    await done;
    expect(stage.clock.pendingTimers).toBe(0);
  });
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import { RequestsStage, SESSION_MS, standing } from '../test/requests-stage.ts';
import { failure } from '../test/support.ts';
import type { SendError } from './send-error.ts';

let stage: RequestsStage;
beforeEach(() => {
  stage = new RequestsStage();
  stage.begin();
});

/** How the outcome of request 1 is left open. */
const openings: Record<string, () => Promise<SendError>> = {
  TIMEOUT: () => {
    const call = stage.call(1, { timeoutMs: 1_000 });
    stage.clock.advance(1_000);
    return failure(call);
  },
  CONNECTION_LOST: () => {
    const call = stage.call(1);
    stage.requests.interrupt();
    stage.begin();
    return failure(call);
  },
  HANDLER_TIMEOUT: () => {
    const call = stage.call(1);
    stage.error(1, 'HANDLER_TIMEOUT');
    return failure(call);
  },
};

describe.each(Object.entries(openings))('after %s', (code, open) => {
  let error: SendError;
  beforeEach(async () => {
    error = await open();
    stage.take();
  });

  test('the outcome is open', () => {
    expect(error).toMatchObject({ code, effect: 'perhaps' });
  });

  test('a retry asks under the same mid, with the same text', async () => {
    const again = error.retry();
    expect(stage.take()).toEqual([{ op: 'call', mid: 1, action: { type: 'A', n: 1 } }]);
    stage.reply(1, 'done');
    expect(await standing(again)).toEqual({ result: 'done' });
    expect(stage.replied).toEqual([[{ type: 'A', n: 1 }, 'done']]);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('two retries at once ask once, and both are told', async () => {
    const both = [error.retry(), error.retry()];
    expect(stage.takeMids()).toEqual([1]);
    stage.reply(1, 'done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
  });

  test('a retry may be retried', async () => {
    const second = error.retry();
    stage.error(1, 'HANDLER_TIMEOUT');
    const third = (await failure(second)).retry();
    expect(stage.takeMids()).toEqual([1, 1]);
    stage.reply(1, 'done');
    expect(await standing(third)).toEqual({ result: 'done' });
    expect(await standing(error.retry())).toEqual({ result: 'done' });
    expect(stage.take()).toEqual([]);
  });

  test('a retry goes on from what became of the one before', async () => {
    await failure(openAgain());
    const again = error.retry();
    expect(stage.takeMids()).toEqual([1, 1]);
    stage.reply(1, 'done');
    expect(await standing(again)).toEqual({ result: 'done' });
  });

  const openAgain = () => {
    const second = error.retry();
    stage.error(1, 'HANDLER_TIMEOUT');
    return second;
  };

  test('an answer that comes late is not waited for, until somebody asks', async () => {
    stage.reply(1, 'late');
    expect(stage.replied).toEqual([]);
    const again = error.retry();
    expect(stage.takeMids()).toEqual([1]);
    stage.reply(1, 'late');
    expect(await standing(again)).toEqual({ result: 'late' });
  });

  test('its mid is not settled for as long as the server may know, and a retry keeps it open', async () => {
    const other = stage.call(2);
    stage.reply(2);
    await other;
    expect(stage.requests.settled).toBe(0);
    stage.clock.advance(SESSION_MS - 1);
    expect(stage.requests.settled).toBe(0);
    const again = error.retry();
    stage.clock.advance(1);
    expect(stage.requests.settled).toBe(0);
    stage.reply(1);
    await again;
    expect(stage.requests.settled).toBe(2);
  });

  test('when the server may have forgotten, a retry sends nothing', async () => {
    stage.clock.advance(SESSION_MS);
    expect(stage.requests.settled).toBe(1);
    const unknown = await failure(error.retry());
    expect(unknown).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      effect: 'perhaps',
      action: { type: 'A', n: 1 },
    });
    expect(await failure(unknown.retry())).toBe(unknown);
    expect(stage.take()).toEqual([]);
  });

  test('in another session a retry sends nothing', async () => {
    stage.requests.interrupt();
    stage.begin({}, 2);
    expect(await standing(error.retry())).toBe('OUTCOME_UNKNOWN, effect perhaps');
    expect(stage.take()).toEqual([]);
    expect(stage.requests.settled).toBe(1);
  });

  test('a retry without a connection waits for one', async () => {
    stage.requests.interrupt();
    const again = error.retry();
    expect(await standing(again)).toBe('pending');
    stage.begin();
    expect(stage.takeMids()).toEqual([1]);
    stage.requests.interrupt();
    expect(await standing(again)).toBe('CONNECTION_LOST, effect perhaps');
  });

  test('a retry that waits for another session’s connection is told that nobody knows', async () => {
    stage.requests.interrupt();
    const again = error.retry();
    stage.begin({}, 2);
    expect(await standing(again)).toBe('OUTCOME_UNKNOWN, effect perhaps');
    expect(stage.take()).toEqual([]);
  });

  test('a retry that runs out of time leaves the outcome open', async () => {
    stage.requests.interrupt();
    const again = error.retry();
    stage.clock.advance(35_000);
    const timeout = await failure(again);
    expect(timeout).toMatchObject({ code: 'TIMEOUT', effect: 'perhaps' });
    stage.begin();
    expect(stage.take()).toEqual([]);
    void timeout.retry();
    expect(stage.takeMids()).toEqual([1]);
  });

  test('a retry while the client is closed leaves the outcome open', async () => {
    stage.requests.close();
    const closed = await failure(error.retry());
    expect(closed).toMatchObject({ code: 'NOT_CONNECTED', effect: 'perhaps' });
    stage.requests.reopen();
    stage.begin();
    const again = closed.retry();
    expect(stage.takeMids()).toEqual([1]);
    stage.reply(1, 'done');
    expect(await standing(again)).toEqual({ result: 'done' });
  });

  test('a retry after the end sends nothing', async () => {
    stage.requests.end();
    const ended = await failure(error.retry());
    expect(ended.effect).toBe('perhaps');
    expect([stage.take(), stage.clock.pendingTimers]).toEqual([[], 0]);
  });
});

describe('after an answer', () => {
  test.each([
    ['RATE_LIMITED', true],
    ['TOO_MANY_PENDING', true],
    ['APPEND_FAILED', true],
    ['HANDLER_ERROR', false],
    ['FORBIDDEN', false],
    ['SOLD_OUT', false],
  ])('%s: a retry is a new attempt, under a new mid', async (code, retryable) => {
    const call = stage.call(1);
    stage.error(1, code, retryable);
    const error = await failure(call);
    expect(stage.requests.settled).toBe(1);
    const both = [error.retry(), error.retry()];
    expect(stage.take()).toMatchObject([{ mid: 1 }, { mid: 2, settled: 1, action: { n: 1 } }]);
    stage.reply(2, 'done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
  });

  test('OUTCOME_UNKNOWN: a retry sends nothing', async () => {
    const call = stage.call(1);
    stage.error(1, 'OUTCOME_UNKNOWN');
    const error = await failure(call);
    stage.take();
    expect(await failure(error.retry())).toBe(error);
    expect(stage.take()).toEqual([]);
  });
});

describe('without an effect', () => {
  test('a send that found no connection goes out under a mid of its own', async () => {
    stage.requests.interrupt();
    const call = stage.call(1, { timeoutMs: 1_000 });
    stage.clock.advance(1_000);
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'NOT_CONNECTED', effect: 'none' });
    stage.begin({}, 2);
    void error.retry();
    expect(stage.take()).toMatchObject([{ mid: 2, settled: 1 }]);
  });

  test('a send of a closed client goes out when it is open again', async () => {
    stage.requests.close();
    const error = await failure(stage.call(1));
    expect(error).toMatchObject({ code: 'NOT_CONNECTED', effect: 'none' });
    expect(await standing(error.retry())).toBe('NOT_CONNECTED, effect none');
    stage.requests.reopen();
    const both = [error.retry(), error.retry()];
    stage.begin();
    expect(stage.takeMids()).toEqual([1]);
    stage.reply(1, 'done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
  });
});

describe('settled', () => {
  test('is told with requests, and is below their mids', () => {
    for (let n = 0; n < 3; n++) stage.call(n);
    stage.reply(2);
    stage.call(3);
    stage.reply(1);
    stage.call(4);
    stage.reply(3);
    stage.call(5);
    expect(stage.take().map(({ mid, settled }) => [mid, settled])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [4, undefined],
      [5, 2],
      [6, 3],
    ]);
  });

  test('does not pass what is queued', () => {
    stage.requests.interrupt();
    stage.call(1);
    expect(stage.requests.settled).toBe(0);
    stage.call(2);
    stage.begin();
    stage.reply(2);
    expect(stage.requests.settled).toBe(0);
    stage.reply(1);
    expect(stage.requests.settled).toBe(2);
  });
});

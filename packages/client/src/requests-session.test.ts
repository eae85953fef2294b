import { beforeEach, describe, expect, test } from '@jest/globals';
import { RequestsStage, standing } from '../test/requests-stage.ts';
import { failure } from '../test/support.ts';

let stage: RequestsStage;
beforeEach(() => {
  stage = new RequestsStage();
  stage.begin();
});
const unknown = 'OUTCOME_UNKNOWN, effect perhaps';
const lost = 'CONNECTION_LOST, effect perhaps';

describe('a connection that is lost', () => {
  test('rejects what was written, and keeps what was not', async () => {
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1 });
    const [written, queued] = [stage.call(1), stage.call(2)];
    stage.requests.interrupt();
    expect([await standing(written), await standing(queued)]).toEqual([lost, 'pending']);
    stage.take();
    stage.begin();
    expect(stage.takeMids()).toEqual([2]);
  });

  test('by what is written on it takes nothing more', async () => {
    stage.requests.interrupt();
    const calls = [1, 2].map((n) => stage.call(n));
    stage.onWrite = () => stage.requests.interrupt();
    stage.begin();
    expect(stage.takeMids()).toEqual([1]);
    expect(await Promise.all(calls.map(standing))).toEqual([lost, 'pending']);
  });

  test('ends the pacing', () => {
    stage.requests.interrupt();
    stage.begin({ maxFramesPerSecond: 1 });
    stage.call(1, { resend: true });
    stage.call(2, { resend: true });
    expect([stage.takeMids(), stage.clock.pendingTimers]).toEqual([[1], 3]);
    stage.requests.interrupt();
    expect(stage.clock.pendingTimers).toBe(2);
    stage.clock.advance(30_000);
    expect(stage.take()).toEqual([]);
  });
});

describe('with resend', () => {
  test('what was written goes first when the session goes on, as it was, in the order of mids', async () => {
    const first = stage.call(1, { resend: true });
    const other = stage.call(2);
    const third = stage.call(3, { resend: true });
    const frames = stage.take();
    stage.requests.interrupt();
    const fourth = stage.call(4);
    expect(await standing(other)).toBe(lost);
    stage.begin();
    expect(stage.take()).toEqual([frames[0], frames[2], expect.objectContaining({ mid: 4 })]);
    for (const mid of [1, 3, 4]) stage.reply(mid, mid);
    expect(await Promise.all([first, third, fourth])).toEqual([1, 3, 4]);
  });

  test('what is retried goes in its place', async () => {
    const first = stage.call(1, { timeoutMs: 1_000 });
    stage.call(2, { resend: true });
    stage.clock.advance(1_000);
    stage.requests.interrupt();
    stage.call(3);
    void (await failure(first)).retry();
    stage.take();
    stage.begin();
    expect(stage.takeMids()).toEqual([1, 2, 3]);
  });

  test('its time counts on without a connection', async () => {
    const call = stage.call(1, { resend: true, timeoutMs: 1_000 });
    stage.requests.interrupt();
    stage.clock.advance(999);
    expect(await standing(call)).toBe('pending');
    stage.clock.advance(1);
    expect(await standing(call)).toBe('TIMEOUT, effect perhaps');
    stage.take();
    stage.begin();
    expect(stage.take()).toEqual([]);
  });

  test('what waits to be sent again takes no more than the server bears', () => {
    for (let n = 0; n < 3; n++) stage.call(n, { resend: true });
    stage.take();
    for (let round = 0; round < 3; round++) {
      stage.requests.interrupt();
      stage.begin({ maxPendingRequests: 2 });
      expect(stage.takeMids()).toEqual([1, 2]);
    }
    stage.reply(1);
    expect(stage.takeMids()).toEqual([3]);
  });

  test('an answer may come before it was asked for again', async () => {
    const calls = [1, 2].map((n) => stage.call(n, { resend: true }));
    stage.take();
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1 });
    stage.reply(2, 'by itself');
    stage.reply(1, 'asked');
    expect(await Promise.all(calls)).toEqual(['asked', 'by itself']);
    expect(stage.takeMids()).toEqual([1]);
  });
});

describe('another session', () => {
  test('leaves nobody to say what became of what was written, and takes what was not', async () => {
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1 });
    const [written, queued] = [stage.call(1, { resend: true }), stage.call(2)];
    expect(stage.takeMids()).toEqual([1]);
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1 }, 2);
    expect([await standing(written), await standing(queued)]).toEqual([unknown, 'pending']);
    expect(stage.take()).toEqual([{ op: 'call', mid: 2, action: { type: 'A', n: 2 } }]);
    expect(await standing((await failure(written)).retry())).toBe(unknown);
  });

  test('knows nothing of what was written before and waits to be sent again', async () => {
    const calls = [1, 2].map((n) => stage.call(n, { resend: true }));
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1 });
    stage.requests.interrupt();
    stage.take();
    stage.begin({}, 2);
    expect(await Promise.all(calls.map(standing))).toEqual([unknown, unknown]);
    expect(stage.take()).toEqual([]);
    expect(stage.requests.settled).toBe(2);
  });

  test('counts mids on', () => {
    stage.call(1);
    stage.requests.interrupt();
    stage.begin({}, 2);
    stage.call(2);
    expect(stage.takeMids()).toEqual([1, 2]);
    expect(stage.requests.lastWritten).toBe(2);
  });
});

describe('a client that no connection is there for, or to come', () => {
  test('rejects all that is open, and what is sent from then on', async () => {
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 2 });
    const calls = [
      stage.call(1),
      stage.call(2, { resend: true }),
      stage.call(3),
      stage.call(4, { resend: true }),
    ];
    stage.requests.close();
    const none = 'NOT_CONNECTED, effect none';
    expect(await Promise.all(calls.map(standing))).toEqual([lost, lost, none, none]);
    expect(await standing(stage.call(5))).toBe(none);
    expect(stage.takeMids()).toEqual([1, 2]);
  });

  test('says that the outcome of what waited to be sent again is open', async () => {
    const call = stage.call(1, { resend: true });
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1, maxFramesPerSecond: 0.5 });
    stage.requests.interrupt();
    stage.requests.close();
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', effect: 'perhaps' });
    stage.take();
    stage.requests.reopen();
    stage.begin();
    const again = error.retry();
    expect(stage.takeMids()).toEqual([1]);
    stage.reply(1, 'done');
    expect(await again).toBe('done');
  });

  test('takes sends again once it tries', async () => {
    stage.requests.close();
    stage.requests.reopen();
    const call = stage.call(1);
    expect(await standing(call)).toBe('pending');
    stage.begin();
    expect(stage.takeMids()).toEqual([1]);
  });
});

describe('the end', () => {
  test('leaves nothing pending, no timer, and nothing to ask for', async () => {
    const held = stage.call(0, { timeoutMs: 1_000 });
    stage.clock.advance(1_000);
    stage.requests.interrupt();
    stage.begin({ maxPendingRequests: 1, maxFramesPerSecond: 1 });
    const calls = [held, stage.call(1), stage.call(2, { resend: true })];
    stage.requests.end();
    expect(stage.clock.pendingTimers).toBe(0);
    const errors = await Promise.all(calls.map(failure));
    expect(errors.map(({ code }) => code)).toEqual(['TIMEOUT', 'CONNECTION_LOST', 'NOT_CONNECTED']);
    stage.take();
    const retries = await Promise.all(errors.map((error) => standing(error.retry())));
    expect(retries).toEqual([unknown, unknown, 'NOT_CONNECTED, effect none']);
    expect([stage.take(), stage.clock.pendingTimers]).toEqual([[], 0]);
  });

  test('settles all', () => {
    stage.call(1);
    stage.requests.end();
    expect(stage.requests.settled).toBe(1);
  });
});

test('an outcome is asked for no longer than the server says that it remembers', async () => {
  stage.requests.interrupt();
  stage.begin({ requestTimeoutMs: 2_000, resumeWindowMs: 3_000 });
  const calls = [1, 2].map((n) => stage.call(n, { timeoutMs: 1_000 }));
  stage.clock.advance(1_000);
  const [first, second] = await Promise.all(calls.map(failure));
  stage.take();
  stage.clock.advance(4_999);
  void first?.retry();
  expect(stage.takeMids()).toEqual([1]);
  stage.clock.advance(1);
  expect(await standing(second?.retry() ?? Promise.resolve())).toBe(unknown);
  expect(stage.take()).toEqual([]);
});

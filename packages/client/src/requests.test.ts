import type { AnyAction } from '@callboard/protocol';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { RequestsStage, standing } from '../test/requests-stage.ts';
import { failure } from '../test/support.ts';

let stage: RequestsStage;
beforeEach(() => {
  stage = new RequestsStage();
});

describe('a request', () => {
  test('is written with its mid, and settled by the answer', async () => {
    stage.begin();
    const [call, send] = [stage.call(1), stage.add({ op: 'send', to: ['12'], action: { type: 'B' } })];
    expect(stage.take()).toEqual([
      { op: 'call', mid: 1, action: { type: 'A', n: 1 } },
      { op: 'send', mid: 2, to: ['12'], action: { type: 'B' } },
    ]);
    stage.reply(2);
    stage.reply(1, { free: [7] });
    expect(await standing(call)).toEqual({ result: { free: [7] } });
    expect(await standing(send)).toEqual({ result: undefined });
    expect(stage.replied).toEqual([[{ type: 'A', n: 1 }, { free: [7] }]]);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('waits for a connection, in the order in which it came', () => {
    for (let n = 0; n < 3; n++) stage.call(n);
    expect([stage.take(), stage.requests.lastWritten]).toEqual([[], 0]);
    stage.begin();
    expect([stage.takeMids(), stage.requests.lastWritten]).toEqual([[1, 2, 3], 3]);
  });

  test('is rejected with what the server says', async () => {
    stage.begin();
    const call = stage.call();
    const retryAfterMs = 240;
    stage.requests.answered({
      op: 'error',
      mid: 1,
      code: 'RATE_LIMITED',
      message: 'wait',
      retryable: true,
      retryAfterMs,
    });
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'RATE_LIMITED', effect: 'none', action: { type: 'A', n: 0 } });
    expect(error.error).toMatchObject({ message: 'wait', retryable: true, retryAfterMs: 240 });
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test.each([
    ['FORBIDDEN', false, 'none'],
    ['HANDLER_ERROR', false, 'perhaps'],
    ['OUTCOME_UNKNOWN', false, 'perhaps'],
    ['SOLD_OUT', false, 'perhaps'],
    ['SOLD_OUT', true, 'none'],
  ])('may have had an effect, or not: %s, retryable %s: %s', async (code, retryable, effect) => {
    stage.begin();
    const call = stage.call();
    stage.error(1, code, retryable);
    expect(await standing(call)).toBe(`${code}, effect ${effect}`);
  });

  test('had the effect that the server says, where it says so', async () => {
    stage.begin();
    const call = stage.call();
    stage.requests.answered({
      ...{ op: 'error', mid: 1, code: 'SOLD_OUT', message: 'sold out', retryable: false, effect: 'none' },
    } as const);
    expect(await standing(call)).toBe('SOLD_OUT, effect none');
  });

  test('is answered once, and nobody minds answers to what nobody asked', async () => {
    stage.begin();
    const call = stage.call();
    stage.reply(7, 'what?');
    stage.reply(1, 'first');
    stage.reply(1, 'second');
    stage.error(1, 'HANDLER_ERROR');
    expect(await standing(call)).toEqual({ result: 'first' });
    expect(stage.replied).toHaveLength(1);
  });

  test('without an action shows its op instead', async () => {
    stage.begin();
    const refresh = stage.add({ op: 'refresh', token: 'secret' });
    stage.error(1, 'UNAUTHORIZED');
    const error = await failure(refresh);
    expect(error.action).toEqual({ type: 'refresh' });
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});

describe('what cannot be put into JSON', () => {
  const cycle: Record<string, unknown> = { type: 'A' };
  cycle.self = cycle;
  const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown;
  const thrower = {
    toJSON() {
      throw new Error('no');
    },
  };

  test.each<[string, unknown, string]>([
    ['a cycle', cycle, 'JSON'],
    ['a BigInt', { type: 'A', n: 1n }, 'JSON'],
    ['a toJSON that throws', { type: 'A', thrower }, 'JSON'],
    ['more depth than a server reads', { type: 'A', deep: deep(63) }, 'nested'],
    ['a key that no server takes', JSON.parse('{"type":"A","__proto__":{"admin":true}}'), 'prototype'],
  ])('is refused, with nothing written and no connection lost: %s', async (_, action, why) => {
    stage.begin();
    const error = await failure(stage.add({ op: 'call', action: action as AnyAction }));
    expect(error).toMatchObject({ code: 'INVALID_ACTION', effect: 'none', error: { retryable: false } });
    expect(error.message).toContain(why);
    const next = stage.call();
    expect(stage.takeMids()).toEqual([2]);
    expect(stage.requests.settled).toBe(1);
    stage.reply(2);
    expect(await standing(next)).toEqual({ result: undefined });
  });

  test('is looked at without a connection too', async () => {
    expect((await failure(stage.add({ op: 'call', action: cycle as never }))).code).toBe('INVALID_ACTION');
    expect(stage.clock.pendingTimers).toBe(0);
  });

  test('depth that a server reads is sent', () => {
    stage.begin();
    stage.call(deep(62));
    expect(stage.take()).toHaveLength(1);
  });

  test('one that sends another one meanwhile keeps a mid of its own', async () => {
    stage.begin();
    let inner: Promise<unknown> = Promise.resolve();
    const sender = {
      toJSON() {
        inner = stage.call('inner');
        return 'outer';
      },
    };
    const outer = stage.call(sender);
    const frames = stage.take();
    expect(frames.map(({ mid, settled }) => [mid, settled])).toEqual([
      [2, undefined],
      [1, undefined],
    ]);
    for (const { mid } of frames) stage.reply(mid, mid);
    expect([await standing(outer), await standing(inner)]).toEqual([{ result: 1 }, { result: 2 }]);
  });
});

describe('the queue', () => {
  beforeEach(() => {
    stage = new RequestsStage({ maxQueued: 2 });
  });

  test('is bounded while there is no connection', async () => {
    const [first, second, third] = [stage.call(1), stage.call(2), stage.call(3)];
    expect(await standing(third)).toBe('QUEUE_FULL, effect none');
    expect([await standing(first), await standing(second)]).toEqual(['pending', 'pending']);
    stage.begin();
    expect(stage.take().map((frame) => 'action' in frame && frame.action.n)).toEqual([1, 2]);
  });

  test('is bounded while there is one, by what is not written yet', async () => {
    stage.begin({ maxPendingRequests: 1 });
    const calls = [1, 2, 3, 4].map((n) => stage.call(n));
    expect(stage.takeMids()).toEqual([1]);
    const standings = await Promise.all(calls.map(standing));
    expect(standings).toEqual(['pending', 'pending', 'pending', 'QUEUE_FULL, effect none']);
  });

  test('has room for what this library asks itself', async () => {
    stage.call(1);
    stage.call(2);
    const subscribe = stage.add({ op: 'subscribe', events: ['STATUS_CHANGE'] });
    expect(await standing(subscribe)).toBe('pending');
  });

  test('has room again for a send that was refused', async () => {
    stage.call(1);
    stage.call(2);
    const error = await failure(stage.call(3));
    expect(await standing(error.retry())).toBe('QUEUE_FULL, effect none');
    stage.begin();
    const again = error.retry();
    expect(stage.takeMids()).toEqual([1, 2, 3]);
    stage.reply(3, 'late');
    expect(await standing(again)).toEqual({ result: 'late' });
  });
});

describe('what the server bears', () => {
  test('so many requests at a time', () => {
    stage.begin({ maxPendingRequests: 2 });
    for (let n = 0; n < 5; n++) stage.call(n);
    expect(stage.takeMids()).toEqual([1, 2]);
    stage.reply(2);
    expect(stage.takeMids()).toEqual([3]);
    stage.error(1, 'FORBIDDEN');
    stage.reply(9);
    expect(stage.takeMids()).toEqual([4]);
  });

  test('what was given up on makes room for the next', () => {
    stage.begin({ maxPendingRequests: 1 });
    stage.call(1, { timeoutMs: 1_000 });
    stage.call(2);
    stage.clock.advance(1_000);
    expect(stage.takeMids()).toEqual([1, 2]);
  });

  test('so many frames a second', () => {
    stage.begin({ maxFramesPerSecond: 10 });
    for (let n = 0; n < 30; n++) stage.call(n);
    expect(stage.take()).toHaveLength(18);
    stage.clock.advance(999);
    expect(stage.take()).toHaveLength(8);
    stage.clock.advance(1_000);
    expect(stage.takeMids()).toEqual([27, 28, 29, 30]);
    expect(stage.clock.pendingTimers).toBe(30);
  });

  test('so many bytes a second, counted as they are written', () => {
    stage.begin({ maxBytesPerSecond: 1_000 });
    const text = '😀'.repeat(100);
    for (let n = 0; n < 6; n++) stage.call(text);
    expect(stage.take()).toHaveLength(4);
    stage.clock.advance(10_000);
    expect(stage.take()).toHaveLength(2);
  });

  test('what it is sent besides is charged too', () => {
    stage.begin({ maxFramesPerSecond: 10 });
    for (let n = 0; n < 18; n++) stage.requests.spend('{"op":"pong"}');
    stage.call();
    expect(stage.take()).toEqual([]);
    stage.clock.advance(112);
    expect(stage.take()).toHaveLength(1);
  });

  test('frames of a size, looked at before they are written', async () => {
    const small = stage.call('x'.repeat(10));
    const large = stage.call('😀'.repeat(50));
    stage.begin({ maxFrameBytes: 200 });
    expect(stage.takeMids()).toEqual([1]);
    expect(await standing(small)).toBe('pending');
    const error = await failure(large);
    expect(error).toMatchObject({ code: 'FRAME_TOO_LARGE', effect: 'none', error: { retryable: false } });
    expect(error.message).toMatch(/^FRAME_TOO_LARGE: It has \d{3} bytes, and the server takes 200\.$/);
    expect(await standing(error.retry())).toBe('FRAME_TOO_LARGE, effect none');
    expect(stage.take()).toEqual([]);
  });

  test('of a frame of the largest size nothing is held back', () => {
    stage.begin();
    stage.call('');
    const [{ mid: _, ...frame } = { mid: 0 }] = stage.take();
    const room = 65_536 - JSON.stringify({ ...frame, mid: 1 }).length;
    stage.reply(1);
    stage.call('x'.repeat(room - '"settled":1,'.length));
    stage.call('x'.repeat(room - '"settled":1,'.length + 1));
    expect(stage.takeMids()).toEqual([2]);
  });
});

describe('time', () => {
  test('is short for what waits for a connection, which then had no effect', async () => {
    const call = stage.call(1, { timeoutMs: 1_000 });
    stage.clock.advance(999);
    expect(await standing(call)).toBe('pending');
    stage.clock.advance(1);
    expect(await standing(call)).toBe('NOT_CONNECTED, effect none');
    stage.begin();
    expect(stage.take()).toEqual([]);
  });

  test('is short for an answer, and then nobody knows', async () => {
    const call = stage.call(1, { timeoutMs: 1_000 });
    stage.clock.advance(600);
    stage.begin();
    stage.clock.advance(399);
    expect(await standing(call)).toBe('pending');
    stage.clock.advance(1);
    expect(await standing(call)).toBe('TIMEOUT, effect perhaps');
  });

  test.each([Number.POSITIVE_INFINITY, 2 ** 31])('of %d ms is as much as timers count', async (timeoutMs) => {
    const call = stage.call(1, { timeoutMs });
    stage.clock.advance(2 ** 31 - 2);
    expect(await standing(call)).toBe('pending');
    stage.clock.advance(1);
    expect(await standing(call)).toBe('NOT_CONNECTED, effect none');
  });
});

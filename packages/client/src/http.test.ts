import { beforeEach, describe, expect, test } from '@jest/globals';
import { HttpStage, welcome } from '../test/http-stage.ts';
import type { Asked } from '../test/scripted-fetch.ts';

/** How the transport opens a connection, and what it makes of what comes down. */

let stage: HttpStage;
beforeEach(() => {
  stage = new HttpStage();
});

describe('it opens', () => {
  test('by a POST, and is open when a stream has begun', async () => {
    const opening = stage.begin();
    expect(opening).toMatchObject({
      url: 'http://127.0.0.1:1/callboard?x=1',
      method: 'POST',
      body: undefined,
      headers: {},
      init: { cache: 'no-store', credentials: 'include', redirect: 'error' },
    });
    opening.answer(201, welcome);
    const get = await stage.next();
    expect(get).toMatchObject({ method: 'GET', headers: { 'callboard-connection': 'the-secret' } });
    const stream = get.stream();
    await stage.settle();
    expect(stage.told).toEqual([]);
    stream.write(':\n\n');
    await stage.settle();
    expect(stage.told).toEqual(['opened']);
  });

  test.each([
    [403, { error: { code: 'ORIGIN_REFUSED' } }, [1002, 'ORIGIN_REFUSED']],
    [404, '<html>', [1002, 'HTTP 404']],
    [400, { error: 'no' }, [1002, 'HTTP 400']],
    [429, { error: { code: 'TOO_MANY_CONNECTIONS' } }, [1006, '']],
    [503, { error: { code: 'UNAVAILABLE' } }, [1006, '']],
    [502, '<html>', [1006, '']],
    [200, '<html>', [1006, '']],
    [201, '<html>', [1006, '']],
    [201, { ...welcome, protocol: 'another' }, [1002, 'another protocol']],
  ])('unless it is answered with %i %j', async (status, body, ending) => {
    stage.begin().answer(status, body);
    await stage.settle();
    expect(stage.told).toEqual([ending]);
    expect(stage.network.asked.length).toBe(1);
  });

  test('unless the network fails', async () => {
    stage.begin().fail();
    await stage.settle();
    expect(stage.told).toEqual([[1006, '']]);
  });

  test.each(['close', 'drop'] as const)('unless it is stage.told to end before: %s', async (how) => {
    const opening = stage.begin();
    if (how === 'close') stage.connection.close(1000, '');
    else stage.connection.drop();
    expect(stage.told).toEqual([]);
    await stage.settle();
    expect([stage.told, opening.aborted]).toEqual([[[1006, '']], true]);
    expect(stage.network.asked.length).toBe(1);
  });
});

describe('a stream', () => {
  test('brings frames, however it is cut into pieces', async () => {
    const stream = await stage.streaming();
    const bytes = new TextEncoder().encode('data: {"text":"ä€😀"}\n\n:\n\ndata: 2\n\ndata: 3\n\n');
    for (const byte of bytes) {
      stream.write(new Uint8Array([byte]));
      await stage.clock.settle();
    }
    expect(stage.told).toEqual(['{"text":"ä€😀"}', '2', '3']);
  });

  test('brings the server’s close, and nothing after it', async () => {
    const stream = await stage.streaming();
    stream.write('data: 1\n\nevent: close\ndata: {"code":3507,"reason":"KICKED"}\n\ndata: 2\n\n');
    await stage.settle();
    expect([stage.told, stage.network.last.aborted]).toEqual([['1', [3507, 'KICKED']], true]);
  });

  test.each(['end', 'fail'] as const)('that breaks is a lost link: %s', async (how) => {
    const stream = await stage.streaming();
    stream.write('data: 1\n\ndata: {"half":');
    await stage.settle();
    stream[how]();
    await stage.settle();
    expect(stage.told).toEqual(['1', [1006, '']]);
  });

  test('of something else is a lost link', async () => {
    const stream = await stage.streaming();
    stream.write('event: close\ndata: {\n\n');
    await stage.settle();
    expect(stage.told).toEqual([[1006, '']]);
  });

  test('that does not begin in time gives way to polls, and is tried again after five minutes', async () => {
    stage.begin().answer(201, welcome);
    const get = await stage.next();
    get.stream();
    await stage.clock.advanceAsync(2_999);
    expect([get.aborted, stage.told]).toEqual([false, []]);
    await stage.clock.advanceAsync(1);
    await stage.settle();
    expect([get.aborted, stage.told, stage.network.last.headers['callboard-poll']]).toEqual([
      true,
      ['opened'],
      '1',
    ]);
    stage.connection.drop();
    stage.again().answer(201, welcome);
    expect((await stage.next()).headers['callboard-poll']).toBe('1');
    stage.connection.drop();
    stage.clock.advance(300_000);
    stage.again().answer(201, welcome);
    expect((await stage.next()).headers['callboard-poll']).toBeUndefined();
  });

  test('that cannot be had gives way to polls', async () => {
    stage.begin().answer(201, welcome);
    (await stage.next()).answer(502, 'no');
    expect((await stage.next()).headers['callboard-poll']).toBe('1');
  });
});

describe('a poll', () => {
  test('brings frames, and the next confirms it', async () => {
    (await stage.polling()).answer(200, 'data: 1\n\ndata: 2\n\n:1\n\n');
    const second = await stage.next();
    expect([stage.told, second.headers['callboard-poll']]).toEqual([['1', '2'], '2']);
    second.answer(200, ':2\n\n');
    const third = await stage.next();
    third.answer(200, 'event: close\ndata: {"code":3000,"reason":"SERVER_SHUTDOWN"}\n\n:3\n\n');
    await stage.settle();
    expect(stage.told).toEqual(['1', '2', [3000, 'SERVER_SHUTDOWN']]);
    expect(stage.network.asked.length).toBe(4);
  });

  test.each<[string, (poll: Asked) => void]>([
    ['fails', (poll) => poll.fail()],
    ['is answered with 502', (poll) => poll.answer(502, 'data: 1\n\n:1\n\n')],
    ['is cut off', (poll) => poll.answer(200, 'data: 1\n\n')],
    ['is cut off before its number', (poll) => poll.answer(200, 'data: 1\n\n:')],
    ['is another’s answer', (poll) => poll.answer(200, 'data: 1\n\n:2\n\n')],
    ['is a page', (poll) => poll.answer(200, '<html>')],
  ])('that %s is repeated, and counts for nothing', async (_, mishap) => {
    mishap(await stage.polling());
    await stage.settle();
    stage.clock.advance(250);
    const again = await stage.next();
    expect(again.headers['callboard-poll']).toBe('1');
    again.answer(200, 'data: 1\n\n:1\n\n');
    await stage.next();
    expect(stage.told).toEqual(['1']);
  });

  test('that fails five times is a lost link', async () => {
    let poll = await stage.polling();
    for (const waitMs of [250, 500, 1_000, 2_000, 4_000]) {
      poll.fail();
      await stage.settle();
      stage.clock.advance(waitMs - 1);
      await stage.settle();
      expect([stage.told, stage.network.last]).toEqual([[], poll]);
      stage.clock.advance(1);
      poll = await stage.next();
    }
    poll.fail();
    await stage.settle();
    expect([stage.told, stage.clock.pendingTimers]).toEqual([[[1006, '']], 0]);
  });

  test('that the server knows nothing of is a lost link', async () => {
    (await stage.polling()).answer(404, { error: { code: 'UNKNOWN_CONNECTION' } });
    await stage.settle();
    expect(stage.told).toEqual([[1006, '']]);
  });
});

import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type Asked, ScriptedFetch } from '../test/scripted-fetch.ts';
import { type HttpOptions, http } from './http.ts';
import type { ClientConnection, ClientTransport } from './transport.ts';

/** What the transport asks for, and what it makes of the answers. */

let clock: SimulatedClock;
let network: ScriptedFetch;
let transport: ClientTransport;
let connection: ClientConnection;
/** What it told. */
let told: unknown[];
beforeEach(() => {
  clock = new SimulatedClock();
  network = new ScriptedFetch();
  told = [];
});

const welcome = { protocol: 'callboard.v1.json', connection: 'the-secret', maxBodyBytes: 100 };

/** Begins to open a connection, as far as the first request. */
function begin(options: HttpOptions = {}): Asked {
  transport = http({ timers: clock, fetch: network.fetch, ...options });
  return again();
}

function again(): Asked {
  connection = transport.open('ws://127.0.0.1:1/callboard?x=1', {
    opened: () => void told.push('opened'),
    received: (text) => void told.push(text),
    closed: (code, reason) => void told.push([code, reason]),
  });
  return network.last;
}

/** The request that comes of what happened. */
async function next(): Promise<Asked> {
  const before = network.asked.length;
  for (let i = 0; i < 20 && network.asked.length === before; i++) await clock.settle();
  expect(network.asked.length).toBe(before + 1);
  return network.last;
}

const settle = async () => {
  for (let i = 0; i < 5; i++) await clock.settle();
};

/** A connection with a stream. */
async function streaming() {
  begin().answer(201, welcome);
  const stream = (await next()).stream();
  stream.write(':\n\n');
  await settle();
  expect(told).toEqual(['opened']);
  told = [];
  return stream;
}

/** A connection that polls, and its first poll. */
async function polling(): Promise<Asked> {
  begin({ mode: 'poll' }).answer(201, welcome);
  const poll = await next();
  expect([told, poll.headers['callboard-poll']]).toEqual([['opened'], '1']);
  told = [];
  return poll;
}

describe('it opens', () => {
  test('by a POST, and is open when a stream has begun', async () => {
    const opening = begin();
    expect(opening).toMatchObject({
      url: 'http://127.0.0.1:1/callboard?x=1',
      method: 'POST',
      body: undefined,
      headers: {},
      init: { cache: 'no-store', credentials: 'include', redirect: 'error' },
    });
    opening.answer(201, welcome);
    const get = await next();
    expect(get).toMatchObject({ method: 'GET', headers: { 'callboard-connection': 'the-secret' } });
    const stream = get.stream();
    await settle();
    expect(told).toEqual([]);
    stream.write(':\n\n');
    await settle();
    expect(told).toEqual(['opened']);
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
    begin().answer(status, body);
    await settle();
    expect(told).toEqual([ending]);
    expect(network.asked.length).toBe(1);
  });

  test('unless the network fails', async () => {
    begin().fail();
    await settle();
    expect(told).toEqual([[1006, '']]);
  });

  test.each(['close', 'drop'] as const)('unless it is told to end before: %s', async (how) => {
    const opening = begin();
    if (how === 'close') connection.close(1000, '');
    else connection.drop();
    expect(told).toEqual([]);
    await settle();
    expect([told, opening.aborted]).toEqual([[[1006, '']], true]);
    expect(network.asked.length).toBe(1);
  });
});

describe('a stream', () => {
  test('brings frames, however it is cut into pieces', async () => {
    const stream = await streaming();
    const bytes = new TextEncoder().encode('data: {"text":"ä€😀"}\n\n:\n\ndata: 2\n\ndata: 3\n\n');
    for (const byte of bytes) {
      stream.write(new Uint8Array([byte]));
      await clock.settle();
    }
    expect(told).toEqual(['{"text":"ä€😀"}', '2', '3']);
  });

  test('brings the server’s close, and nothing after it', async () => {
    const stream = await streaming();
    stream.write('data: 1\n\nevent: close\ndata: {"code":3507,"reason":"KICKED"}\n\ndata: 2\n\n');
    await settle();
    expect([told, network.last.aborted]).toEqual([['1', [3507, 'KICKED']], true]);
  });

  test.each(['end', 'fail'] as const)('that breaks is a lost link: %s', async (how) => {
    const stream = await streaming();
    stream.write('data: 1\n\ndata: {"half":');
    await settle();
    stream[how]();
    await settle();
    expect(told).toEqual(['1', [1006, '']]);
  });

  test('of something else is a lost link', async () => {
    const stream = await streaming();
    stream.write('event: close\ndata: {\n\n');
    await settle();
    expect(told).toEqual([[1006, '']]);
  });

  test('that does not begin in time gives way to polls, and is tried again after five minutes', async () => {
    begin().answer(201, welcome);
    const get = await next();
    get.stream();
    await clock.advanceAsync(2_999);
    expect([get.aborted, told]).toEqual([false, []]);
    await clock.advanceAsync(1);
    await settle();
    expect([get.aborted, told, network.last.headers['callboard-poll']]).toEqual([true, ['opened'], '1']);
    connection.drop();
    again().answer(201, welcome);
    expect((await next()).headers['callboard-poll']).toBe('1');
    connection.drop();
    clock.advance(300_000);
    again().answer(201, welcome);
    expect((await next()).headers['callboard-poll']).toBeUndefined();
  });

  test('that cannot be had gives way to polls', async () => {
    begin().answer(201, welcome);
    (await next()).answer(502, 'no');
    expect((await next()).headers['callboard-poll']).toBe('1');
  });
});

describe('a poll', () => {
  test('brings frames, and the next confirms it', async () => {
    (await polling()).answer(200, 'data: 1\n\ndata: 2\n\n:1\n\n');
    const second = await next();
    expect([told, second.headers['callboard-poll']]).toEqual([['1', '2'], '2']);
    second.answer(200, ':2\n\n');
    const third = await next();
    third.answer(200, 'event: close\ndata: {"code":3000,"reason":"SERVER_SHUTDOWN"}\n\n:3\n\n');
    await settle();
    expect(told).toEqual(['1', '2', [3000, 'SERVER_SHUTDOWN']]);
    expect(network.asked.length).toBe(4);
  });

  test.each<[string, (poll: Asked) => void]>([
    ['fails', (poll) => poll.fail()],
    ['is answered with 502', (poll) => poll.answer(502, 'data: 1\n\n:1\n\n')],
    ['is cut off', (poll) => poll.answer(200, 'data: 1\n\n')],
    ['is cut off before its number', (poll) => poll.answer(200, 'data: 1\n\n:')],
    ['is another’s answer', (poll) => poll.answer(200, 'data: 1\n\n:2\n\n')],
    ['is a page', (poll) => poll.answer(200, '<html>')],
  ])('that %s is repeated, and counts for nothing', async (_, mishap) => {
    mishap(await polling());
    await settle();
    clock.advance(250);
    const again = await next();
    expect(again.headers['callboard-poll']).toBe('1');
    again.answer(200, 'data: 1\n\n:1\n\n');
    await next();
    expect(told).toEqual(['1']);
  });

  test('that fails five times is a lost link', async () => {
    let poll = await polling();
    for (const waitMs of [250, 500, 1_000, 2_000, 4_000]) {
      poll.fail();
      await settle();
      clock.advance(waitMs - 1);
      await settle();
      expect([told, network.last]).toEqual([[], poll]);
      clock.advance(1);
      poll = await next();
    }
    poll.fail();
    await settle();
    expect([told, clock.pendingTimers]).toEqual([[[1006, '']], 0]);
  });

  test('that the server knows nothing of is a lost link', async () => {
    (await polling()).answer(404, { error: { code: 'UNKNOWN_CONNECTION' } });
    await settle();
    expect(told).toEqual([[1006, '']]);
  });
});

describe('what goes up', () => {
  test('goes together in a turn, one POST after the other', async () => {
    await streaming();
    connection.send('1');
    connection.send('2');
    const first = await next();
    expect(first).toMatchObject({
      method: 'POST',
      body: '1\n2',
      headers: { 'callboard-connection': 'the-secret', 'callboard-frame': '1' },
    });
    for (const text of ['3', '4']) connection.send(text);
    await settle();
    expect(network.last).toBe(first);
    first.answer(204);
    const second = await next();
    expect([second.body, second.headers['callboard-frame']]).toEqual(['3\n4', '3']);
  });

  test('is cut into bodies that the server takes', async () => {
    await streaming();
    // 33 characters, 99 bytes and 1 for the end of the line.
    const texts = ['€'.repeat(33), '1', 'x'.repeat(500), '2', '3'];
    for (const text of texts) connection.send(text);
    for (const [body, frame] of [
      [texts[0], '1'],
      ['1', '2'],
      [texts[2], '3'],
      ['2\n3', '4'],
    ]) {
      const post = await next();
      expect([post.body, post.headers['callboard-frame']]).toEqual([body, frame]);
      post.answer(204);
    }
  });

  test.each<[string, (post: Asked) => void]>([
    ['fails', (post) => post.fail()],
    ['is answered with 503', (post) => post.answer(503)],
    ['is answered with 429', (post) => post.answer(429)],
  ])('is repeated where it %s, with what came since', async (_, mishap) => {
    await streaming();
    connection.send('1');
    mishap(await next());
    await settle();
    connection.send('2');
    clock.advance(250);
    const again = await next();
    expect([again.body, again.headers['callboard-frame']]).toEqual(['1\n2', '1']);
    again.answer(204);
    await settle();
    connection.send('3');
    expect((await next()).headers['callboard-frame']).toBe('3');
    expect(told).toEqual([]);
  });

  test.each([200, 302, 400, 404, 409])('and is answered with %i: the link is lost', async (status) => {
    await streaming();
    connection.send('1');
    (await next()).answer(status, 'no');
    await settle();
    clock.advance(999);
    await settle();
    expect(told).toEqual([]);
    clock.advance(1);
    await settle();
    expect(told).toEqual([[1006, '']]);
  });

  test('and finds the connection closed: the stream says why', async () => {
    const stream = await streaming();
    connection.send('1');
    (await next()).answer(404, 'no');
    await settle();
    stream.write('event: close\ndata: {"code":3506,"reason":"REPLACED"}\n\n');
    await settle();
    expect([told, clock.pendingTimers]).toEqual([[[3506, 'REPLACED']], 0]);
  });

  test('and is too large: that is final', async () => {
    await streaming();
    connection.send('1');
    (await next()).answer(413, 'no');
    await settle();
    expect(told).toEqual([[1009, '']]);
  });

  test('stays here before it is open, and once it is closed', async () => {
    begin();
    connection.send('early');
    network.last.answer(201, welcome);
    (await next()).stream().write(':\n\n');
    await settle();
    connection.drop();
    connection.send('late');
    await settle();
    expect(network.asked.length).toBe(2);
  });
});

describe('a goodbye', () => {
  test('takes along what waits, past a POST that hangs', async () => {
    const stream = await streaming();
    connection.send('1');
    const hangs = await next();
    connection.send('2');
    connection.close(1000, 'bye, ä');
    const goodbye = network.last;
    expect(hangs.aborted).toBe(true);
    expect(goodbye).toMatchObject({
      body: '1\n2',
      headers: { 'callboard-frame': '1', 'callboard-close': '1000 bye%2C%20%C3%A4' },
      init: { keepalive: true },
    });
    stream.end();
    connection.close(1000, 'again');
    connection.send('late');
    await settle();
    expect(told).toEqual([]);
    goodbye.answer(204);
    await settle();
    expect([told, network.asked.length]).toEqual([[[1000, 'bye, ä']], 4]);
  });

  test('comes last, after as many bodies as it takes', async () => {
    await streaming();
    for (const text of ['x'.repeat(90), 'y'.repeat(90)]) connection.send(text);
    connection.close(4000, '');
    const bodies: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const post = i === 0 ? network.last : await next();
      bodies.push([post.body?.[0], post.headers['callboard-close']]);
      post.answer(204);
    }
    await settle();
    expect(bodies).toEqual([
      ['x', undefined],
      ['y', '4000'],
    ]);
    expect(told).toEqual([[4000, '']]);
  });

  test('that is not heard is a lost link', async () => {
    await streaming();
    connection.close(1000, '');
    network.last.fail();
    await settle();
    expect(told).toEqual([[1006, '']]);
  });

  test('in the middle of polls ends them', async () => {
    const poll = await polling();
    connection.close(1000, '');
    const goodbye = network.last;
    poll.answer(200, 'data: late\n\n:1\n\n');
    await settle();
    goodbye.answer(204);
    await settle();
    expect([told, network.asked.length]).toEqual([[[1000, '']], 3]);
  });
});

test('a link that is dropped leaves no request and no timer behind', async () => {
  const poll = await polling();
  connection.send('1');
  const post = await next();
  connection.drop();
  expect(told).toEqual([]);
  await settle();
  connection.drop();
  connection.close(1000, '');
  await settle();
  expect([told, poll.aborted, post.aborted]).toEqual([[[1006, '']], true, true]);
  expect([network.asked.length, clock.pendingTimers]).toEqual([3, 0]);
});

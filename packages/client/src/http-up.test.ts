import { beforeEach, describe, expect, test } from '@jest/globals';
import { HttpStage, welcome } from '../test/http-stage.ts';
import type { Asked } from '../test/scripted-fetch.ts';

/** What the transport sends up, and how it says goodbye. */

let stage: HttpStage;
beforeEach(() => {
  stage = new HttpStage();
});

describe('what goes up', () => {
  test('goes together in a turn, one POST after the other', async () => {
    await stage.streaming();
    stage.connection.send('1');
    stage.connection.send('2');
    const first = await stage.next();
    expect(first).toMatchObject({
      method: 'POST',
      body: '1\n2',
      headers: { 'callboard-connection': 'the-secret', 'callboard-frame': '1' },
    });
    for (const text of ['3', '4']) stage.connection.send(text);
    await stage.settle();
    expect(stage.network.last).toBe(first);
    first.answer(204);
    const second = await stage.next();
    expect([second.body, second.headers['callboard-frame']]).toEqual(['3\n4', '3']);
  });

  test('is cut into bodies that the server takes', async () => {
    await stage.streaming();
    // 33 characters, 99 bytes and 1 for the end of the line.
    const texts = ['€'.repeat(33), '1', 'x'.repeat(500), '2', '3'];
    for (const text of texts) stage.connection.send(text);
    for (const [body, frame] of [
      [texts[0], '1'],
      ['1', '2'],
      [texts[2], '3'],
      ['2\n3', '4'],
    ]) {
      const post = await stage.next();
      expect([post.body, post.headers['callboard-frame']]).toEqual([body, frame]);
      post.answer(204);
    }
  });

  test.each<[string, (post: Asked) => void]>([
    ['fails', (post) => post.fail()],
    ['is answered with 503', (post) => post.answer(503)],
    ['is answered with 429', (post) => post.answer(429)],
  ])('is repeated where it %s, with what came since', async (_, mishap) => {
    await stage.streaming();
    stage.connection.send('1');
    mishap(await stage.next());
    await stage.settle();
    stage.connection.send('2');
    stage.clock.advance(250);
    const again = await stage.next();
    expect([again.body, again.headers['callboard-frame']]).toEqual(['1\n2', '1']);
    again.answer(204);
    await stage.settle();
    stage.connection.send('3');
    expect((await stage.next()).headers['callboard-frame']).toBe('3');
    expect(stage.told).toEqual([]);
  });

  test.each([200, 302, 400, 404, 409])('and is answered with %i: the link is lost', async (status) => {
    await stage.streaming();
    stage.connection.send('1');
    (await stage.next()).answer(status, 'no');
    await stage.settle();
    stage.clock.advance(999);
    await stage.settle();
    expect(stage.told).toEqual([]);
    stage.clock.advance(1);
    await stage.settle();
    expect(stage.told).toEqual([[1006, '']]);
  });

  test('and finds the connection closed: the stream says why', async () => {
    const stream = await stage.streaming();
    stage.connection.send('1');
    (await stage.next()).answer(404, 'no');
    await stage.settle();
    stream.write('event: close\ndata: {"code":3506,"reason":"REPLACED"}\n\n');
    await stage.settle();
    expect([stage.told, stage.clock.pendingTimers]).toEqual([[[3506, 'REPLACED']], 0]);
  });

  test('and is too large: that is final', async () => {
    await stage.streaming();
    stage.connection.send('1');
    (await stage.next()).answer(413, 'no');
    await stage.settle();
    expect(stage.told).toEqual([[1009, '']]);
  });

  test('stays here before it is open, and once it is closed', async () => {
    stage.begin();
    stage.connection.send('early');
    stage.network.last.answer(201, welcome);
    (await stage.next()).stream().write(':\n\n');
    await stage.settle();
    stage.connection.drop();
    stage.connection.send('late');
    await stage.settle();
    expect(stage.network.asked.length).toBe(2);
  });
});

describe('a goodbye', () => {
  test('takes along what waits, past a POST that hangs', async () => {
    const stream = await stage.streaming();
    stage.connection.send('1');
    const hangs = await stage.next();
    stage.connection.send('2');
    stage.connection.close(1000, 'bye, ä');
    const goodbye = stage.network.last;
    expect(hangs.aborted).toBe(true);
    expect(goodbye).toMatchObject({
      body: '1\n2',
      headers: { 'callboard-frame': '1', 'callboard-close': '1000 bye%2C%20%C3%A4' },
      init: { keepalive: true },
    });
    stream.end();
    stage.connection.close(1000, 'again');
    stage.connection.send('late');
    await stage.settle();
    expect(stage.told).toEqual([]);
    goodbye.answer(204);
    await stage.settle();
    expect([stage.told, stage.network.asked.length]).toEqual([[[1000, 'bye, ä']], 4]);
  });

  test('comes last, after as many bodies as it takes', async () => {
    await stage.streaming();
    for (const text of ['x'.repeat(90), 'y'.repeat(90)]) stage.connection.send(text);
    stage.connection.close(4000, '');
    const bodies: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const post = i === 0 ? stage.network.last : await stage.next();
      bodies.push([post.body?.[0], post.headers['callboard-close']]);
      post.answer(204);
    }
    await stage.settle();
    expect(bodies).toEqual([
      ['x', undefined],
      ['y', '4000'],
    ]);
    expect(stage.told).toEqual([[4000, '']]);
  });

  test('that is not heard is a lost link', async () => {
    await stage.streaming();
    stage.connection.close(1000, '');
    stage.network.last.fail();
    await stage.settle();
    expect(stage.told).toEqual([[1006, '']]);
  });

  test('in the middle of polls ends them', async () => {
    const poll = await stage.polling();
    stage.connection.close(1000, '');
    const goodbye = stage.network.last;
    poll.answer(200, 'data: late\n\n:1\n\n');
    await stage.settle();
    goodbye.answer(204);
    await stage.settle();
    expect([stage.told, stage.network.asked.length]).toEqual([[[1000, '']], 3]);
  });
});

test('a link that is dropped leaves no request and no timer behind', async () => {
  const poll = await stage.polling();
  stage.connection.send('1');
  const post = await stage.next();
  stage.connection.drop();
  expect(stage.told).toEqual([]);
  await stage.settle();
  stage.connection.drop();
  stage.connection.close(1000, '');
  await stage.settle();
  expect([stage.told, poll.aborted, post.aborted]).toEqual([[[1006, '']], true, true]);
  expect([stage.network.asked.length, stage.clock.pendingTimers]).toEqual([3, 0]);
});

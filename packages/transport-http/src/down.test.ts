import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { closed, connect, datas, noteIn, pending, polling, send, streaming, verdict } from '../test/peer.ts';
import { type Running, Stage, turn, until } from '../test/support.ts';

let stage: Stage;
let running: Running;
beforeEach(async () => {
  stage = new Stage();
  running = await stage.serve();
});
afterEach(() => stage.end());

describe('a stream', () => {
  test('begins at once, is not held back, and has a comment every 15 s', async () => {
    const id = await running.open();
    const { response, text } = await streaming(running, id);
    await until(() => text() === ':\n\n', 'the greeting');
    expect([response.statusCode, response.headers]).toMatchObject([
      200,
      {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      },
    ]);
    await running.post(id, 1, connect);
    await until(() => text().includes('connected'), 'the welcome');
    const before = text();
    running.clock.advance(14_999);
    for (let i = 0; i < 5; i++) await turn();
    expect(text()).toBe(before);
    running.clock.advance(1);
    await until(() => text() === `${before}:\n\n`, 'the comment');
  });

  test('gets what waited for it', async () => {
    const id = await running.open();
    await running.post(id, 1, connect);
    await until(() => running.server.stats().clients.online === 1, 'the client');
    const { text } = await streaming(running, id);
    await until(() => text().includes('connected'), 'the welcome');
  });

  test('that breaks ends the connection half a second later', async () => {
    const id = await running.open();
    const { response, text } = await streaming(running, id);
    await running.post(id, 1, connect);
    await until(() => text().includes('connected'), 'the welcome');
    response.destroy();
    const brokeAt = running.clock.now();
    await until(() => {
      running.clock.advance(1);
      return running.server.stats().clients.online === 0;
    }, 'the loss');
    expect(running.clock.now() - brokeAt).toBeGreaterThanOrEqual(500);
    expect(verdict(await running.poll(id, 1))).toBe('404 UNKNOWN_CONNECTION');
    expect(running.server.stats().clients.resumable).toBe(1);
  });

  test('that breaks just before the goodbye: the goodbye counts', async () => {
    const id = await running.open();
    const { response, text } = await streaming(running, id);
    await running.post(id, 1, connect);
    await until(() => text().includes('connected'), 'the welcome');
    response.destroy();
    await closed(response);
    expect(verdict(await running.post(id, 2, '', { 'callboard-close': '1000' }))).toBe(204);
    expect(running.server.stats().clients).toMatchObject({ online: 0, resumable: 0 });
  });

  test('that brought nothing yet gives way to another, or to polls', async () => {
    const id = await running.open();
    const first = await streaming(running, id);
    const second = await streaming(running, id);
    await closed(first.response);
    await until(() => second.text() === ':\n\n', 'the greeting');
    const poll = running.poll(id, 1);
    await closed(second.response);
    await running.post(id, 1, connect);
    expect(datas((await poll).body)).toMatchObject([{ op: 'connected' }]);
    const refused = await running.ask({ headers: { 'callboard-connection': id } });
    expect(verdict(refused)).toBe('409 OUT_OF_SEQUENCE');
  });

  test.each([{}, { 'callboard-poll': '1' }])(
    'that brought frames is not to be had twice: %j',
    async (headers) => {
      const id = await running.open();
      const { response, text } = await streaming(running, id);
      await running.post(id, 1, connect);
      await until(() => text().includes('connected'), 'the welcome');
      const refused = await running.ask({ headers: { ...headers, 'callboard-connection': id } });
      expect(verdict(refused)).toBe('409 STREAM_LOST');
      await closed(response);
      expect(running.server.stats().clients).toMatchObject({ online: 0, resumable: 1 });
    },
  );

  test('nobody reads ends its connection, and no other', async () => {
    const frozen = await running.connect(12);
    const well = await running.connect(12);
    const filler = 'x'.repeat(60_000);
    frozen.wire.freeze();
    for (let n = 1; running.server.stats().clients.online === 2; n++) {
      await running.server.sendToUser(12, { type: 'NOTE', n, filler });
      await well.expectMessage({ type: 'NOTE', n });
    }
    expect(running.server.stats().disconnects).toEqual({ SLOW_READER: 1 });
    running.clock.advance(5_000);
    await until(async () => (await running.sockets()) <= 4, 'the end of its sockets');
    expect(running.errors).toEqual([]);
  });
});

describe('a poll', () => {
  test('waits for frames, and brings all of a turn', async () => {
    const id = await polling(running);
    const { answer: poll } = await pending(running, id, 2);
    await Promise.all([send(running, 1), send(running, 2)]);
    const answer = await poll;
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream' });
    expect([datas(answer.body).map(noteIn), answer.body.endsWith('\n\n:2\n\n')]).toEqual([[1, 2], true]);
  });

  test('is answered after 20 s without any', async () => {
    const id = await polling(running);
    const { answer: poll } = await pending(running, id, 2);
    running.clock.advance(20_000);
    expect((await poll).body).toBe(':2\n\n');
  });

  test('that is repeated brings the same, and what came since; the next brings only what is new', async () => {
    const id = await polling(running);
    await send(running, 1);
    const notes = async (poll: number) => datas((await running.poll(id, poll)).body).map(noteIn);
    expect(await notes(2)).toEqual([1]);
    expect(await notes(2)).toEqual([1]);
    await send(running, 2);
    expect(await notes(2)).toEqual([1, 2]);
    await send(running, 3);
    expect(await notes(3)).toEqual([3]);
    for (const poll of [1, 2, 5]) expect(verdict(await running.poll(id, poll))).toBe('409 OUT_OF_SEQUENCE');
    await send(running, 4);
    expect(await notes(4)).toEqual([4]);
  });

  test('is superseded by its repetition', async () => {
    const id = await polling(running);
    const { answer: first } = await pending(running, id, 2);
    const { answer: second } = await pending(running, id, 2);
    expect(verdict(await first)).toBe('409 SUPERSEDED');
    await send(running, 1);
    expect(datas((await second).body).map(noteIn)).toEqual([1]);
  });

  test('that breaks off loses nothing', async () => {
    const id = await polling(running);
    const broken = request(running.url, { headers: { 'callboard-connection': id, 'callboard-poll': 2 } });
    broken.on('error', () => {});
    await running.reached(() => broken.end());
    broken.destroy();
    await send(running, 1);
    expect(datas((await running.poll(id, 2)).body).map(noteIn)).toEqual([1]);
  });

  test('brings the end, and after it there is nothing', async () => {
    const id = await polling(running);
    await running.post(id, 2, 'no frame');
    const { body } = await running.poll(id, 2);
    expect(body).toMatch(
      /^data: {"op":"disconnect","code":3502.*\n\nevent: close\ndata: {"code":3502,.*\n\n:2\n\n$/,
    );
    expect(verdict(await running.poll(id, 3))).toBe('404 UNKNOWN_CONNECTION');
    expect(running.links).toBe(0);
  });

  test('that does not come for 15 s ends the connection', async () => {
    const id = await polling(running);
    await until(() => {
      running.clock.advance(1_000);
      return running.server.stats().clients.online === 0;
    }, 'the loss');
    expect(verdict(await running.poll(id, 2))).toBe('404 UNKNOWN_CONNECTION');
    expect(running.server.stats().clients.resumable).toBe(1);
  });

  test('is not needed while one is open', async () => {
    const id = await polling(running);
    const { answer: poll } = await pending(running, id, 2);
    running.clock.advance(19_000);
    await send(running, 1);
    expect(datas((await poll).body).map(noteIn)).toEqual([1]);
  });

  test('nobody sends ends its connection, and no other', async () => {
    await polling(running);
    const well = await running.connect(44, { mode: 'poll' });
    const filler = 'x'.repeat(60_000);
    for (let n = 1; running.server.stats().clients.online === 2; n++) {
      expect(n).toBeLessThan(20);
      await running.server.sendToUser(44, { type: 'NOTE', n, filler });
      await well.expectMessage({ type: 'NOTE', n });
    }
    expect(running.server.stats().disconnects).toEqual({ SLOW_READER: 1 });
    running.clock.advance(5_000);
    expect(running.links).toBe(1);
  });
});

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { closed, datas, note, pending, polling, streaming, verdict } from '../test/peer.ts';
import { type Running, Stage, until } from '../test/support.ts';

let stage: Stage;
let running: Running;
/** What the handler was given. */
let calls: unknown[];
beforeEach(async () => {
  stage = new Stage();
  calls = [];
  running = await stage.serve({
    handlers: {
      NOTE: ({ action }) => {
        calls.push(action.n);
      },
    },
  });
});
afterEach(() => stage.end());

describe('a POST', () => {
  test('is taken once, however often and in whatever pieces it is repeated', async () => {
    const id = await polling(running);
    const post = async (first: number, ...notes: number[]) =>
      verdict(await running.post(id, first, notes.map(note).join('\n')));
    expect(await post(2, 1, 2)).toBe(204);
    expect(await post(2, 1, 2)).toBe(204);
    expect(await post(2, 1, 2, 3)).toBe(204);
    expect(await post(3, 2, 3, 4, 5)).toBe(204);
    expect(await post(6, 5)).toBe(204);
    expect(await post(8, 7)).toBe('409 OUT_OF_SEQUENCE');
    expect(await post(7, 6)).toBe(204);
    expect(calls).toEqual([1, 2, 3, 4, 5, 6]);
    // The session would not run a request twice either: nothing was even received twice.
    expect(running.server.stats().frames.received).toBe(7);
  });

  test('may have empty lines, which do not count', async () => {
    const id = await polling(running);
    expect(verdict(await running.post(id, 2, `\n${note(1)}\n\n${note(2)}\n`))).toBe(204);
    expect(verdict(await running.post(id, 4, ''))).toBe(204);
    expect(verdict(await running.post(id, 4, note(3)))).toBe(204);
    expect(calls).toEqual([1, 2, 3]);
  });

  test('that breaks off is not taken at all', async () => {
    const id = await polling(running);
    const headers = { 'callboard-connection': id, 'callboard-frame': 2, 'content-length': 1_000 };
    const broken = request(running.url, { method: 'POST', headers });
    broken.on('error', () => {});
    const there = await running.reached(() => broken.write(`${note(1)}\n${note(2)}\n`));
    broken.destroy();
    await closed(there);
    expect(calls).toEqual([]);
    expect(verdict(await running.post(id, 2, note(1)))).toBe(204);
    expect(calls).toEqual([1]);
  });

  test('that hangs is superseded by the next, and of it nothing is taken', async () => {
    const id = await polling(running);
    const headers = { 'callboard-connection': id, 'callboard-frame': 2, 'content-length': 1_000 };
    const hanging = request(running.url, { method: 'POST', headers });
    hanging.on('error', () => {});
    const answered = once(hanging, 'response');
    await running.reached(() => hanging.write(`${note(7)}\n`));
    expect(verdict(await running.post(id, 2, note(1)))).toBe(204);
    const [response] = (await answered) as [IncomingMessage];
    expect([response.statusCode, calls]).toEqual([409, [1]]);
    await until(() => hanging.destroyed, 'the end of its socket');
  });

  test.each([true, false])('is read up to its limit; its length is known before: %s', async (known) => {
    const id = await polling(running);
    const headers = {
      'callboard-connection': id,
      'callboard-frame': 2,
      ...(known ? { 'content-length': 10_000_000 } : { 'transfer-encoding': 'chunked' }),
    };
    const large = request(running.url, { method: 'POST', headers });
    large.on('error', () => {});
    const chunk = 'x'.repeat(60_000);
    let sent = 0;
    const more = setInterval(() => {
      if (sent++ < 50) large.write(chunk);
    }, 1);
    const [response] = (await once(large, 'response')) as [IncomingMessage];
    clearInterval(more);
    large.destroy();
    expect([response.statusCode, running.server.stats().clients.online]).toEqual([413, 1]);
    expect(verdict(await running.post(id, 2, note(1)))).toBe(204);
  });

  test.each([
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe]), '400 MALFORMED_BODY', 3502],
    ['no JSON', '{"op":', 204, 3502],
    ['no frame', '[]', 204, 3502],
    ['a frame that is too large', `{"op":"pong","x":"${'x'.repeat(70_000)}"}`, 204, 3503],
  ])('with %s ends this connection as it would elsewhere', async (_, body, status, code) => {
    const bystander = await running.connect(12);
    const id = await polling(running);
    expect(verdict(await running.post(id, 2, body))).toBe(status);
    const { body: end } = await running.poll(id, 2);
    expect(datas(end).map((each) => each.code)).toEqual([code, code]);
    expect(await bystander.expectReply(bystander.call({ type: 'NOTE', n: 1 }))).toBeUndefined();
    expect(running.links).toBe(1);
  });

  test('says goodbye after its frames', async () => {
    const id = await polling(running);
    const { answer: poll } = await pending(running, id, 2);
    expect(verdict(await running.post(id, 2, note(1), { 'callboard-close': '1000 bye%20%C3%A4' }))).toBe(204);
    expect([(await poll).status, calls]).toEqual([200, [1]]);
    expect(running.server.stats().clients).toMatchObject({ online: 0, resumable: 0 });
    expect(verdict(await running.post(id, 3, note(2)))).toBe('404 UNKNOWN_CONNECTION');
  });

  test('charges frames as WebSocket does', async () => {
    const id = await polling(running);
    const many = Array.from({ length: 2_100 }, () => '{"op":"pong"}').join('\n');
    await running.post(id, 2, many);
    const { body } = await running.poll(id, 2);
    expect(datas(body).at(-1)).toEqual({ code: 3007, reason: 'RATE_LIMITED' });
  });
});

test('a connection that says nothing is not kept', async () => {
  const id = await running.open();
  const { text } = await streaming(running, id);
  running.clock.advance(10_000);
  await until(() => text().includes('event: close'), 'the end');
  expect(datas(text()).at(-1)).toEqual({ code: 3004, reason: 'HANDSHAKE_TIMEOUT' });
  const silent = await running.open();
  running.clock.advance(10_000);
  running.clock.advance(5_000);
  expect([verdict(await running.poll(silent, 1)), running.links]).toEqual(['404 UNKNOWN_CONNECTION', 0]);
});

test('a server that stops leaves nothing behind', async () => {
  const [one, two] = [await running.connect(44), await running.connect(12, { mode: 'poll' })];
  const hanging = request(running.url, {
    method: 'POST',
    headers: { 'callboard-connection': two.wire.id, 'callboard-frame': 2, 'content-length': 9 },
  });
  hanging.on('error', () => {});
  await running.reached(() => hanging.write('x'));
  const done = running.server.disconnect({ graceMs: 1 });
  running.clock.advance(1);
  await Promise.all([one.expectClose(3000), two.expectClose(3000)]);
  await done;
  expect([running.clock.pendingTimers, running.errors]).toEqual([0, []]);
});

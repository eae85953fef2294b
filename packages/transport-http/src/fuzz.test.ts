import type { TestClient } from '@callboard/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Running, Stage, until } from '../test/support.ts';
import type { Answer, HttpWire } from '../test/wire.ts';
import { refusals } from './answer.ts';

/*
 * Whatever is asked is answered with a status and a code that PROTOCOL.md lists, is taken once and in order or not at all,
 * disturbs nobody else and leaves nothing behind.
 */

const seed = 20260103;
const CONNECTED = '{"op":"connect","version":1,"userId":44}';

let stage: Stage;
let running: Running;
let bystander: TestClient<HttpWire>;
/** What the handler was given, by user. */
let calls: Map<string, number[]>;
let timers: number;
beforeEach(async () => {
  stage = new Stage();
  calls = new Map();
  running = await stage.serve({
    handlers: {
      NOTE: ({ action, user }) => {
        const { n } = action as unknown as { n: number };
        calls.set(user.id, [...(calls.get(user.id) ?? []), n]);
        return n;
      },
    },
  });
  bystander = await running.connect('bystander', { mode: 'stream' });
  timers = running.clock.pendingTimers;
});
afterEach(() => stage.end());

let noted = 0;
async function bystanderIsWell(): Promise<void> {
  const n = ++noted;
  expect(await bystander.expectReply(bystander.call({ type: 'NOTE', n }))).toBe(n);
}

/** All others are gone once everything has had its time. */
async function nothingIsLeft(): Promise<void> {
  await until(async () => {
    running.clock.advance(1_000);
    await bystanderIsWell();
    return running.server.stats().users === 1 && running.links === 1;
  }, 'the end of all others');
  await until(() => running.clock.pendingTimers <= timers, 'the end of their timers');
  expect(running.errors).toEqual([]);
}

const codes = Object.entries(refusals).map(([code, status]) => `${status} ${code}`);
const expected = new Set(['200', '201', '204', ...codes, '403 ORIGIN_REFUSED']);

function isListed({ status, code }: Answer): boolean {
  return expected.has(code === undefined ? String(status) : `${status} ${code}`);
}

const text = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', ' ', '-', '%', '%41', '1000', ',', '.') });
const header = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1, max: 6 }).map(String) },
  { weight: 1, arbitrary: text },
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(CONNECTED, `${CONNECTED}\n${CONNECTED}`, '{"op":"pong"}', '[]', '\n\n', ''),
  fc.string({ maxLength: 100 }),
);
/** 0 and 1 are connections that are there, 2 is none. */
const whose = fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined });
const question = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'POST', 'OPTIONS', 'PUT'),
  whose,
  frame: fc.option(header, { nil: undefined }),
  poll: fc.option(header, { nil: undefined }),
  close: fc.option(fc.oneof(text, fc.constantFrom('1000', '1000 bye', '4000')), { nil: undefined }),
  origin: fc.option(fc.constantFrom('null', 'https://attacker.example', ''), { nil: undefined, freq: 8 }),
  body,
  beside: fc.boolean(),
});

test('whatever is asked', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(question, { minLength: 1, maxLength: 12 }), async (questions) => {
      const ids = [await running.open(), await running.open(), 'nobody'];
      await running.post(ids[0] as string, 1, CONNECTED);
      const open: Promise<unknown>[] = [];
      for (const { method, whose, frame, poll, close, origin, body, beside } of questions) {
        const headers = {
          ...(whose !== undefined && { 'callboard-connection': ids[whose] }),
          ...(frame !== undefined && { 'callboard-frame': frame.trim() }),
          ...(poll !== undefined && { 'callboard-poll': poll.trim() }),
          ...(close !== undefined && { 'callboard-close': close.trim() }),
          ...(origin !== undefined && { origin }),
        };
        const sends = method === 'POST' || method === 'PUT' ? body : '';
        const answer = running.ask({ method, headers, body: sends }).then(
          (given) =>
            expect([isListed(given), given.status, given.body]).toEqual([true, given.status, given.body]),
          // Its socket was closed, as it was open when its connection ended.
          (error: NodeJS.ErrnoException) =>
            expect(['ECONNRESET', 'aborted']).toContain(error.code ?? error.message),
        );
        open.push(answer);
        // A poll, or a stream, that waits is not waited for.
        if (!beside && method !== 'GET') await answer;
      }
      await bystanderIsWell();
      await nothingIsLeft();
      await Promise.all(open);
    }),
    { seed, numRuns: 80 },
  );
}, 60_000);

/** A client of its own: frames go up in bodies that overlap as those of repeated POSTs do, and some are lost. */
test('frames are taken once and in order, whatever is repeated', async () => {
  const step = fc.record({ back: fc.nat(4), count: fc.nat(5), beside: fc.boolean() });
  let users = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
      const userId = `user-${users++}`;
      const id = await running.open();
      await running.post(id, 1, JSON.stringify({ op: 'connect', version: 1, userId }));
      await until(() => running.server.users.has(userId), 'the user');
      const frame = (number: number) =>
        JSON.stringify({ op: 'call', mid: number, action: { type: 'NOTE', n: number } });
      const before = running.server.stats().frames.received - 1;
      // The server's frame 1 is `connect`; the number of a frame is that of its note.
      let sent = 1;
      for (const { back, count, beside } of steps) {
        const first = Math.max(2, sent + 1 - back);
        const frames = Array.from({ length: back + count }, (_, i) => frame(first + i)).join('\n');
        const answers = [
          running.post(id, first, frames),
          ...(beside ? [running.post(id, first, frames)] : []),
        ];
        for (const { status } of await Promise.all(answers)) expect([204, 409]).toContain(status);
        const taken = calls.get(userId)?.at(-1) ?? 1;
        expect(taken).toBe(Math.max(sent, first + back + count - 1));
        sent = taken;
      }
      expect(running.server.stats().frames.received - before).toBe(sent);
      expect(calls.get(userId) ?? []).toEqual(Array.from({ length: sent - 1 }, (_, i) => i + 2));
      expect((await running.post(id, sent + 1, '', { 'callboard-close': '1000' })).status).toBe(204);
    }),
    { seed, numRuns: 100 },
  );
  await nothingIsLeft();
}, 60_000);

/** Frames come down by polls, of which some are repeated and some break off. */
test('frames come once and in order, whatever is repeated', async () => {
  const step = fc.record({ count: fc.nat(3), repeats: fc.nat(2), breaks: fc.boolean() });
  let users = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const userId = `reader-${users++}`;
      const id = await running.open();
      await running.post(id, 1, JSON.stringify({ op: 'connect', version: 1, userId }));
      await running.poll(id, 1);
      let poll = 1;
      let sent = 0;
      const got: number[] = [];
      for (const { count, repeats, breaks } of steps) {
        for (let i = 0; i < count; i++) await running.server.sendToUser(userId, { type: 'NOTE', n: ++sent });
        if (count === 0) continue;
        poll++;
        for (let i = 0; i < repeats; i++) await running.poll(id, poll);
        if (breaks) {
          const controller = new AbortController();
          const headers = { 'callboard-connection': id, 'callboard-poll': String(poll) };
          const broken = fetch(running.url, { headers, signal: controller.signal });
          controller.abort();
          await broken.catch(() => {});
        }
        const { status, body } = await running.poll(id, poll);
        expect([status, body.endsWith(`\n\n:${poll}\n\n`)]).toEqual([200, true]);
        for (const [, data] of body.matchAll(/^data: (.*)$/gm)) got.push(JSON.parse(data as string).action.n);
      }
      expect(got).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
      await running.post(id, 2, '', { 'callboard-close': '1000' });
    }),
    { seed, numRuns: 60 },
  );
  await nothingIsLeft();
}, 60_000);

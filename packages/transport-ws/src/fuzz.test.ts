import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AnyAction } from '@callboard/core';
import { disconnects, jsonCodec, nativeEvents } from '@callboard/protocol';
import type { TestClient } from '@callboard/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  LiveClock,
  maskedFrame,
  type RawPeer,
  type Running,
  type SocketWire,
  Stage,
  turn,
  until,
  upgradeRequest,
} from '../test/support.ts';

/*
 * Whatever comes by a socket is answered with a coded error or a close, reaches no handler, disturbs nobody else and
 * leaves nothing behind.
 */

const seed = 20260102;
const frameCodes: ReadonlySet<number> = new Set([1002, 1007, 1009, ...Object.values(disconnects)]);
const native: ReadonlySet<string> = new Set(Object.values(nativeEvents).flat());
const NEVER = new Promise<boolean>(() => {});
/** A mid that no generated frame has. */
const FENCE = Number.MAX_SAFE_INTEGER;

let stage: Stage;
let clock: LiveClock;
let running: Running;
let bystander: TestClient<SocketWire>;
/** Actions that got through, but for the bystander's. */
let reached: AnyAction[];
let idle: { timers: number; sockets: number };
let release: () => void;

beforeEach(async () => {
  stage = new Stage();
  clock = new LiveClock();
  reached = [];
  running = await stage.serve({
    clock,
    limits: { maxConnectionsPerAddress: 100_000, maxConnectsPerSecond: 100_000 },
    verifyClient: ({ userId }) => (userId === 'pending' ? NEVER : true),
    handlers: {
      ECHO: ({ action }) => action.n,
      SLOW: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    },
    handler: ({ action }) => {
      if (!native.has(action.type)) reached.push(action as AnyAction);
    },
  });
  running.server.actions$.subscribe(({ action, user }) => {
    if (user.id !== 'bystander') reached.push(action);
  });
  bystander = await running.connect('bystander');
  idle = { timers: clock.pendingTimers, sockets: await running.connections() };
});
afterEach(() => stage.end());

let echoed = 0;
async function bystanderIsWell(): Promise<void> {
  const n = ++echoed;
  expect(await bystander.expectReply(bystander.call({ type: 'ECHO', n }))).toBe(n);
}

/** All is as it was before, once everything has had its time. */
async function nothingIsLeft(): Promise<void> {
  await until(async () => {
    clock.advance(1_000);
    await bystanderIsWell();
    return (await running.connections()) === idle.sockets && running.server.stats().users === 1;
  }, 'the end of all others');
  await running.quiet(1);
  expect(running.server.stats().clients).toEqual({ online: 1, resumable: 0, connecting: 0 });
  expect(clock.pendingTimers).toBe(idle.timers);
  expect(reached).toEqual([]);
  expect(running.errors).toEqual([]);
}

const json = fc.json({ maxDepth: 4 });
const odd = fc.constantFrom(
  ...[0, -1, 1.5, 1e308, 2 ** 53, '', ' ', '1', 'constructor', '__proto__', 'toString', '\u0000', '\ud800'],
  ...[
    null,
    true,
    [],
    {},
    [null],
    [[]],
    'x'.repeat(300),
    { type: 1 },
    { type: '' },
    { type: 'STATUS_CHANGE' },
  ],
);
const some = fc.oneof(odd, fc.jsonValue({ maxDepth: 2 }));
const ops = [
  'connect',
  'call',
  'broadcast',
  'send',
  'subscribe',
  'unsubscribe',
  'refresh',
  'activity',
  'pong',
];
/** Frames as they could be, with one or all of their fields wrong. */
const frame = fc
  .record(
    {
      op: fc.oneof(fc.constantFrom(...ops), some),
      mid: fc.oneof(fc.integer({ min: 1, max: 50 }), some),
      action: some,
      to: some,
      events: some,
      token: some,
      settled: some,
      state: some,
      version: fc.oneof(fc.constant(1), some),
      userId: fc.oneof(fc.constantFrom('44', 'pending'), some),
      device: some,
      resume: fc.oneof(fc.record({ session: some, positions: some, mid: some }, { requiredKeys: [] }), some),
    },
    { requiredKeys: [] },
  )
  .map((fields) => JSON.stringify(fields));
/** Requests that can be answered, whatever is wrong with them. */
const answerable = fc
  .record({
    op: fc.constantFrom(...ops.slice(1, 7), 'publish', '__proto__'),
    mid: fc.integer({ min: 1, max: 50 }),
    action: some,
    to: some,
    events: some,
    token: some,
  })
  .map((fields) => JSON.stringify(fields));
/** Would be fine without the keys that pollute. */
const polluting = fc
  .tuple(
    fc.constantFrom('call', 'call', 'broadcast', ...ops),
    fc.constantFrom('__proto__', '\\u005f_proto__', 'constructor', 'c\\u006fnstructor'),
    json,
  )
  .map(
    ([op, key, value]) =>
      `{"op":"${op}","mid":7,"action":{"type":"X","x":[{"${key}":{"prototype":{"is":${value}}}}]}}`,
  );
const deep = fc
  .tuple(fc.integer({ min: 60, max: 20_000 }), fc.constantFrom('[', '{"a":', '[{"a":'))
  .map(
    ([times, open]) =>
      `{"op":"call","mid":8,"action":{"type":"X","x":${open.repeat(Math.min(times, 65_000 / open.length - 20))}`,
  );
const closedDeep = fc
  .integer({ min: 70, max: 10_000 })
  .map((times) => `{"op":"call","mid":9,"action":{"type":"X","x":${'['.repeat(times)}${']'.repeat(times)}}}`);
const huge = fc
  .integer({ min: 60_000, max: 70_000 })
  .map((size) => `{"op":"call","mid":10,"x":"${'x'.repeat(size)}"`);
const mayBeRight = fc
  .oneof(
    { weight: 3, arbitrary: frame },
    { weight: 3, arbitrary: answerable },
    fc.tuple(frame, fc.nat(200)).map(([whole, end]) => whole.slice(0, end)),
    json,
    fc.string({ unit: 'binary', maxLength: 200 }),
  )
  .filter((each) => !isWelcome(each));
const text = fc.oneof({ weight: 3, arbitrary: mayBeRight }, polluting, deep, closedDeep, huge);
const texts = fc.oneof(
  fc.array(
    answerable.filter((each) => !isWelcome(each)),
    { minLength: 1, maxLength: 12 },
  ),
  fc.array(text, { minLength: 1, maxLength: 12 }),
);

/** A request with an action that is well formed would rightly reach a handler. */
function isWelcome(given: string): boolean {
  try {
    return ['call', 'broadcast', 'send'].includes(jsonCodec.decodeClient(given).op);
  } catch {
    return false;
  }
}

/** The mid that an answer must have; undefined where there can be none. */
function midOf(given: string): number | undefined {
  try {
    const { op, mid } = JSON.parse(given);
    return typeof op === 'string' && Number.isSafeInteger(mid) && mid > 0 ? mid : undefined;
  } catch {
    return undefined;
  }
}

/** Sends them all, and sees that each is answered, or the connection closed with a code. */
async function answered(peer: RawPeer, given: readonly string[]): Promise<void> {
  for (const each of given) peer.send(each);
  peer.send(JSON.stringify({ op: 'unsubscribe', mid: FENCE, events: ['STATUS_CHANGE'] }));
  const fenced = () => peer.texts.some((each) => each.includes(`"mid":${FENCE}`));
  await until(() => peer.closed || peer.closedWith !== undefined || fenced(), 'an answer or the end');
  if (peer.closedWith !== undefined) {
    expect(frameCodes).toContain(peer.closedWith);
    if (peer.closedWith >= 3000) expect(peer.disconnect?.code).toBe(peer.closedWith);
    return;
  }
  expect(fenced()).toBe(true);
  const mids = new Set(peer.texts.map((each) => JSON.parse(each).mid));
  for (const each of given) {
    const mid = midOf(each);
    const { op } = mid === undefined ? { op: '' } : JSON.parse(each);
    if (mid !== undefined && !['connect', 'activity', 'pong'].includes(op)) expect(mids).toContain(mid);
  }
}

describe('instead of HTTP', () => {
  const request = upgradeRequest('127.0.0.1', '/callboard');
  const mutated = fc
    .array(fc.tuple(fc.nat(request.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 5 })), {
      maxLength: 4,
    })
    .map((cuts) =>
      cuts.reduce(
        (result, [at, length, put]) => result.slice(0, at) + put + result.slice(at + length),
        request,
      ),
    );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 500 }).map((each) => Buffer.from(each)),
    mutated.map((each) => Buffer.from(each, 'latin1')),
    fc
      .tuple(mutated, fc.uint8Array({ maxLength: 100 }))
      .map(([head, body]) => Buffer.concat([Buffer.from(head), body])),
  );

  test('anything is answered with a status or with nothing, and the socket closed', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (given) => {
        const socket = await running.tcp();
        let came = '';
        socket.on('data', (chunk) => {
          came += chunk.toString('latin1');
        });
        socket.end(given);
        await new Promise((resolve) => socket.once('close', resolve));
        expect(came).toMatch(/^(HTTP\/1\.1 \d{3} |$)/);
        await bystanderIsWell();
      }),
      { seed, numRuns: 100 },
    );
    await nothingIsLeft();
  }, 60_000);
});

describe('after the upgrade', () => {
  const wireFrame = fc
    .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(15), fc.boolean(), fc.constantFrom(0, 0, 0, 1, 4))
    .map(([payload, opcode, fin, rsv]) => maskedFrame(payload, { opcode, fin, rsv }));
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 500 }).map((each) => Buffer.from(each)),
    fc.array(wireFrame, { minLength: 1, maxLength: 6 }).map((each) => Buffer.concat(each)),
  );

  test.each(['before connect', 'online'])(
    'arbitrary bytes, %s: a close with a code, or patience',
    async (state) => {
      await fc.assert(
        fc.asyncProperty(bytes, async (given) => {
          const peer = await running.peer();
          if (state === 'online') await peer.connect('44');
          peer.write(given);
          await bystanderIsWell();
          peer.socket.end();
          await until(() => peer.closed, 'the end');
          if (peer.closedWith !== undefined && peer.closedWith !== 1005) {
            // ws gives a close code back that it was sent.
            const echoed = peer.closedWith;
            expect(frameCodes.has(echoed) || (echoed >= 1000 && echoed < 5000)).toBe(true);
          }
        }),
        { seed, numRuns: 80 },
      );
      await nothingIsLeft();
    },
    60_000,
  );

  const states: Record<string, () => Promise<RawPeer>> = {
    'before connect': () => running.peer(),
    'while the verifier is asked': async () => {
      const peer = await running.peer();
      peer.send('{"op":"connect","version":1,"userId":"pending"}');
      return peer;
    },
    online: async () => {
      const peer = await running.peer();
      await peer.connect('44');
      return peer;
    },
  };
  test.each(Object.keys(states))(
    'arbitrary frames, %s',
    async (state) => {
      await fc.assert(
        fc.asyncProperty(texts, async (given) => {
          const peer = await (states[state] as () => Promise<RawPeer>)();
          if (state === 'online') await answered(peer, given);
          else {
            // The first frame that is no fitting connect ends it; a fitting one may be followed by whatever comes.
            for (const each of given) peer.send(each);
            peer.send('{}');
            await until(() => peer.closedWith !== undefined, 'the close');
            expect(frameCodes).toContain(peer.closedWith);
          }
          await bystanderIsWell();
          peer.socket.destroy();
        }),
        { seed, numRuns: 100 },
      );
      await nothingIsLeft();
    },
    60_000,
  );

  test('arbitrary frames, after another connection took the session over', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (given) => {
        const old = await running.peer();
        const session = await old.connect('44');
        const newer = await running.peer();
        newer.send(JSON.stringify({ op: 'connect', version: 1, userId: '44', resume: { session } }));
        await until(() => newer.texts.length === 1 && old.closedWith !== undefined, 'the takeover');
        expect(JSON.parse(newer.texts[0] as string)).toMatchObject({ resumed: true });
        expect(old.closedWith).toBe(disconnects.REPLACED);
        const before = old.texts.length;
        for (const each of given) old.send(each);
        await answered(newer, []);
        await bystanderIsWell();
        expect(old.texts.length).toBe(before);
        expect(newer.texts).toHaveLength(2);
        old.socket.destroy();
        newer.socket.destroy();
      }),
      { seed, numRuns: 60 },
    );
    await nothingIsLeft();
  }, 60_000);

  test('arbitrary frames, while the server drains', async () => {
    const given = fc.sample(texts, { seed, numRuns: 60 });
    const peers = await Promise.all(given.map(() => states.online?.() as Promise<RawPeer>));
    const slow = bystander.call({ type: 'SLOW' });
    await until(() => running.server.stats().requests.running === 1, 'the call');
    const done = running.server.disconnect({ graceMs: 60_000 });
    for (const [i, peer] of peers.entries()) await answered(peer, given[i] as string[]);
    expect(running.server.stats().status).toBe('draining');
    release();
    await bystander.expectReply(slow);
    await bystander.expectClose('SERVER_SHUTDOWN');
    for (const { socket } of peers) socket.destroy();
    while (running.server.stats().status !== 'stopped') {
      clock.advance(100);
      await turn();
    }
    await done;
    expect(reached).toEqual([]);
    expect(running.server.stats()).toMatchObject({
      users: 0,
      clients: { online: 0, resumable: 0, connecting: 0 },
    });
    expect(clock.pendingTimers).toBe(0);
    expect(running.errors).toEqual([]);
  }, 60_000);
});

test('no memory is kept', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const heap = async () => {
    for (let i = 0; i < 3; i++) {
      gc();
      await turn();
    }
    return process.memoryUsage().heapUsed;
  };
  const round = async (numRuns: number, from: number) => {
    for (const given of fc.sample(texts, { seed: seed + from, numRuns })) {
      const peer = await running.peer();
      if (from % 2 === 0) await peer.connect(`user ${from}`);
      for (const each of given) peer.send(each);
      peer.socket.end();
      await until(() => peer.closed, 'the end');
    }
    await nothingIsLeft();
  };
  await round(60, 0);
  await round(60, 1);
  const before = await heap();
  for (let i = 2; i < 6; i++) await round(60, i);
  expect((await heap()) - before).toBeLessThan(4_000_000);
}, 60_000);

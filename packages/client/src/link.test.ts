import type { ConnectFrame, ServerFrame } from '@callboard/protocol';
import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { connected, type ScriptedOptions, ScriptedTransport } from '../test/scripted-transport.ts';
import { deferred } from '../test/support.ts';
import { Link } from './link.ts';

const hello: ConnectFrame = { op: 'connect', version: 1, userId: '44' };
const lost = (reason: string, code = 1006, afterMs?: number) => ['lost', { code, reason, afterMs }];

let clock: SimulatedClock;
let transport: ScriptedTransport;
let seen: unknown[];

beforeEach(() => {
  clock = new SimulatedClock();
  seen = [];
});

function link(
  connectFrame: () => ConnectFrame | Promise<ConnectFrame> = () => hello,
  options: ScriptedOptions = {},
): Link {
  transport = new ScriptedTransport(options);
  return new Link({
    timers: clock,
    transport,
    url: 'ws://server/callboard',
    connectFrame,
    opened: () => void seen.push('opened'),
    received: (frame) => void seen.push(frame),
    lost: (ending) => void seen.push(['lost', ending]),
    failed: (cause) => void seen.push(['failed', cause]),
  });
}

/** One that is open, and has said so. */
function opened(options?: ScriptedOptions): Link {
  const made = link(undefined, options);
  transport.last.open();
  seen.length = 0;
  return made;
}

const receive = (frame: ServerFrame | string) => transport.last.receive(frame);

describe('the handshake', () => {
  test('opens the connection, writes the first frame, and tells', () => {
    link();
    expect([transport.last.url, transport.last.texts, seen]).toEqual(['ws://server/callboard', [], []]);
    transport.last.open();
    expect([transport.last.frames, seen]).toEqual([[hello], ['opened']]);
    receive(connected());
    expect(seen).toEqual(['opened', connected()]);
  });

  test('waits for its frame before it opens anything', async () => {
    const { promise, resolve } = deferred<ConnectFrame>();
    link(() => promise);
    await clock.settle();
    expect(transport.connections).toEqual([]);
    resolve(hello);
    await clock.settle();
    transport.last.open();
    expect(transport.last.frames).toEqual([hello]);
  });

  const broken = new Error('no token');
  test.each<[string, () => Promise<ConnectFrame>]>([
    ['rejects', () => Promise.reject(broken)],
    [
      'throws',
      () => {
        throw broken;
      },
    ],
  ])('is a lost connection where the frame %s', async (_, connectFrame) => {
    link(connectFrame);
    await clock.settle();
    expect(transport.connections).toEqual([]);
    expect(seen).toEqual([['failed', broken], lost('no connection could be opened')]);
  });

  test('is a lost connection where none can be opened', async () => {
    const { promise, resolve } = deferred<ConnectFrame>();
    link(() => promise);
    transport.failure = broken;
    resolve(hello);
    await clock.settle();
    expect(seen).toEqual([['failed', broken], lost('no connection could be opened')]);
  });

  test.each<[string, (made: Link) => void, unknown[]]>([
    ['is dropped', (made) => made.drop(), []],
    ['is given up', (made) => made.giveUp('over'), [lost('over')]],
    ['is closed', (made) => made.close(() => seen.push('closed')), ['closed']],
  ])('opens nothing where it %s before its frame is there', async (_, end, expected) => {
    for (const late of [() => Promise.resolve(hello), () => Promise.reject(broken)]) {
      const { promise, resolve } = deferred();
      const made = link(() => promise.then(late));
      end(made);
      resolve();
      await clock.settle();
      expect([transport.connections, seen]).toEqual([[], expected]);
      seen.length = 0;
    }
  });

  test('says nothing on a connection that opens when it was let go', () => {
    link().drop();
    transport.last.open();
    expect([transport.last.texts, transport.last.dropped, seen]).toEqual([[], true, []]);
  });
});

describe('its end', () => {
  const farewell = (code: number, afterMs?: number): ServerFrame => ({
    op: 'disconnect',
    code,
    reason: 'because',
    reconnect: true,
    ...(afterMs !== undefined && { afterMs }),
  });

  test('is told with what the transport says', () => {
    opened();
    transport.last.cut(1001, 'going');
    expect(seen).toEqual([lost('going', 1001)]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is told once', () => {
    const made = opened();
    transport.last.cut();
    made.giveUp('again');
    transport.last.cut();
    expect(seen).toEqual([lost('')]);
  });

  test('is told once where the transport tells at once too', () => {
    opened({ dropsAtOnce: true }).giveUp('over');
    expect([seen, transport.last.dropped]).toEqual([[lost('over')], true]);
  });

  test('is what the server said before, with when to come back', () => {
    opened();
    receive(farewell(3000, 730));
    expect(seen).toEqual([]);
    transport.last.cut(1006);
    expect(seen).toEqual([lost('because', 3000, 730)]);
  });

  test('is what the server said before, also where the line then goes dead', () => {
    const made = opened();
    made.watch(1_000);
    receive(farewell(3507));
    clock.advance(1_000);
    expect(seen).toEqual([lost('because', 3507)]);
  });

  test.each(['drop', 'close'] as const)('is nobody’s business any more after %s', (how) => {
    const made = opened();
    made.watch(1_000);
    if (how === 'drop') made.drop();
    else made.close(() => {});
    receive(connected());
    receive('garbage');
    made.write('{}');
    transport.last.cut();
    clock.advance(60_000);
    expect([seen, transport.last.frames, clock.pendingTimers]).toEqual([[], [hello], 0]);
  });

  test('with a goodbye is over when the other side has heard it', () => {
    const made = opened({ closesAtOnce: false });
    made.close(() => seen.push('closed'));
    expect([transport.last.closed, seen]).toEqual([{ code: 1000, reason: '' }, []]);
    transport.last.cut(1000);
    expect(seen).toEqual(['closed']);
  });

  test('with a goodbye is over at once where it was lost before', () => {
    const made = opened();
    transport.last.cut();
    made.close(() => seen.push('closed'));
    expect([transport.last.closed, seen]).toEqual([undefined, [lost(''), 'closed']]);
  });
});

describe('what comes', () => {
  test.each<[string, string]>([
    ['not JSON', '{"op":'],
    ['not JSON', ''],
    ['not a frame', '[]'],
    ['not a frame', 'null'],
    ['not a frame', '{"op":7}'],
    ['a key that would pollute a prototype', '{"op":"event","event":{"type":"A","__proto__":{}}}'],
    ['a key that would pollute a prototype', '{"op":"event","event":{"type":"A","\\u005f_proto__":{}}}'],
    ['a key that would pollute a prototype', '{"op":"ping","constructor":{"prototype":{}}}'],
    ['nested too deeply', `{"op":"ping","deep":${'['.repeat(67)}${']'.repeat(67)}}`],
    ['not a whole message frame', '{"op":"message","offset":1}'],
  ])('costs the connection where it is %s', (reason, text) => {
    opened();
    receive(text);
    expect([seen, transport.last.dropped]).toEqual([[lost(reason)], true]);
    receive(connected());
    expect(seen).toHaveLength(1);
  });

  test('is passed on where its op is not known, unless it goes by the name of something else', () => {
    opened();
    const frames = ['later', 'constructor', 'toString', 'hasOwnProperty'].map((op) => ({ op }) as never);
    for (const frame of frames) receive(frame);
    expect(seen).toEqual(frames);
  });
});

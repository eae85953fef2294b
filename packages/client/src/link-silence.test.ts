import type { Timers } from '@callboard/runtime';
import { SimulatedClock } from '@callboard/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ScriptedTransport } from '../test/scripted-transport.ts';
import { Link } from './link.ts';

const lost = (reason: string) => ['lost', reason];

let clock: SimulatedClock;
let transport: ScriptedTransport;
let seen: unknown[];
/** How far the hour is from what timers count: by what the machine slept, or the clock was set back. */
let skewMs: number;

beforeEach(() => {
  clock = new SimulatedClock();
  transport = new ScriptedTransport();
  seen = [];
  skewMs = 0;
});

const timers: Timers = {
  now: () => clock.now() + skewMs,
  setTimeout: (task, ms) => clock.setTimeout(task, ms),
  clearTimeout: (timer) => clock.clearTimeout(timer),
};

function opened(): Link {
  const link = new Link({
    timers,
    transport,
    url: 'ws://server/callboard',
    connectFrame: () => ({ op: 'connect', version: 1 }),
    opened: () => {},
    received: ({ op }) => void seen.push(op),
    lost: ({ reason }) => void seen.push(lost(reason)),
    failed: () => {},
  });
  transport.last.open();
  return link;
}

const ping = () => transport.last.receive({ op: 'ping' });

describe('silence', () => {
  test('is borne for so long, and counts from the last word', () => {
    opened().watch(33_000);
    clock.advance(32_999);
    ping();
    clock.advance(32_999);
    expect(seen).toEqual(['ping']);
    clock.advance(1);
    expect([seen, transport.last.dropped]).toEqual([['ping', lost('nothing was heard')], true]);
  });

  test('is watched by one timer, whatever comes', () => {
    opened().watch(33_000);
    for (let n = 0; n < 1_000; n++) {
      clock.advance(77);
      ping();
    }
    expect(clock.pendingTimers).toBe(1);
    expect(seen).toHaveLength(1_000);
  });

  test('is watched anew where it is said anew', () => {
    const link = opened();
    link.watch(33_000);
    link.watch(3_000);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(3_000);
    expect(seen).toEqual([lost('nothing was heard')]);
  });

  test('is not watched before the welcome', () => {
    opened();
    expect(clock.pendingTimers).toBe(0);
  });

  test('of a machine that slept ends the connection as soon as timers run again', () => {
    opened().watch(33_000);
    clock.advance(20_000);
    ping();
    skewMs = 3_600_000;
    clock.advance(12_999);
    expect(seen).toEqual(['ping']);
    clock.advance(1);
    expect(seen).toEqual(['ping', lost('nothing was heard')]);
  });

  test('lasts no longer where the clock was set back', () => {
    opened().watch(33_000);
    skewMs = -86_400_000;
    clock.advance(66_000);
    expect(seen).toEqual([lost('nothing was heard')]);
  });

  test.each([2 ** 31, Number.POSITIVE_INFINITY])('of %d ms is longer than timers count', (ms) => {
    opened().watch(ms);
    clock.advance(2 ** 31 - 1);
    expect([seen, clock.pendingTimers]).toEqual([[], 1]);
  });
});

describe('a probe', () => {
  const ask = () => void seen.push('asked');

  test('is not needed where something was heard just now', () => {
    const made = opened();
    clock.advance(4_999);
    made.probe(ask);
    expect([seen, clock.pendingTimers]).toEqual([[], 0]);
  });

  test.each([0, 1, 4_999])('that is answered after %i ms shows that the link lives', (ms) => {
    const made = opened();
    clock.advance(5_000);
    made.probe(ask);
    clock.advance(ms);
    ping();
    clock.advance(60_000);
    expect(seen).toEqual(['asked', 'ping']);
  });

  test('that is not answered ends the connection', () => {
    const made = opened();
    clock.advance(20_000);
    made.probe(ask);
    clock.advance(4_999);
    expect(seen).toEqual(['asked']);
    clock.advance(1);
    expect(seen).toEqual(['asked', lost('a probe was not answered')]);
  });

  test('is one at a time, and none once it is over', () => {
    const made = opened();
    clock.advance(20_000);
    for (let n = 0; n < 3; n++) made.probe(ask);
    expect([seen, clock.pendingTimers]).toEqual([['asked'], 1]);
    made.drop();
    made.probe(ask);
    expect([seen, clock.pendingTimers]).toEqual([['asked'], 0]);
  });
});

import { SimulatedClock, streamLogSuite } from '@callboard/testkit';
import { describe, expect, test } from '@jest/globals';
import { keyLimits, type Retention } from './log.ts';
import { MemoryStreamLog } from './memory-log.ts';

const retention: Retention = { maxEntries: 100, maxLength: 10_000, ttlMs: 1_000 };

streamLogSuite(
  'MemoryStreamLog',
  (limits) => {
    const clock = new SimulatedClock();
    const log = new MemoryStreamLog(clock, limits);
    return { log, advance: (ms) => clock.advance(ms), left: () => log.size + clock.pendingTimers };
  },
  { describe, test },
);

describe('MemoryStreamLog', () => {
  test('answers at once, and an entry was followed when its append returns', () => {
    const log = new MemoryStreamLog(new SimulatedClock(), retention);
    const followed: string[] = [];
    const { epoch } = log.open('s', (entry) => followed.push(entry.body));
    expect(log.append('s', { body: 'a' })).toEqual({ epoch, offset: 1, outcome: 'published' });
    expect(followed).toEqual(['a']);
    expect(log.read('s', { epoch, offset: 0 }, 1)?.entries).toEqual([{ offset: 1, body: 'a' }]);
  });

  test('opens a stream once', () => {
    const log = new MemoryStreamLog(new SimulatedClock(), retention);
    log.open('s', () => {});
    expect(() => log.open('s', () => {})).toThrow('open already');
  });

  test('gives an entry that is appended again an offset of its own', () => {
    const log = new MemoryStreamLog(new SimulatedClock(), retention);
    const { epoch } = log.open('s', () => {});
    const stale: { body: string } = { offset: 7, body: 'a' } as { body: string };
    log.append('s', stale);
    expect(log.read('s', { epoch, offset: 0 }, 1)?.entries[0]?.offset).toBe(1);
  });

  test('sweeps with one timer however many streams there are, and with none when nothing is left to expire', () => {
    const clock = new SimulatedClock();
    const log = new MemoryStreamLog(clock, retention);
    for (let i = 0; i < 10; i++) {
      log.open(`s${i}`, () => {});
      log.append(`s${i}`, { body: '' });
      log.append(`s${i}`, { body: '' });
    }
    expect(clock.pendingTimers).toBe(1);
    clock.advance(999);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
    log.append('s1', { body: 'again' });
    expect(clock.pendingTimers).toBe(1);
    log.release('s1');
    expect(clock.pendingTimers).toBe(0);
  });

  test('forgets keys that have expired, though none comes any more', () => {
    const clock = new SimulatedClock();
    const log = new MemoryStreamLog(clock, retention);
    log.open('s', () => {}, { ...retention, maxEntries: 0 });
    log.append('s', { body: '', key: 'a' });
    clock.advance(keyLimits.ttlMs - 1);
    expect(clock.pendingTimers).toBe(1);
    expect(log.append('s', { body: '', key: 'a' })?.outcome).toBe('repeated');
    clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
    expect(log.append('s', { body: '', key: 'a' })?.outcome).toBe('published');
    log.release('s');
    expect(clock.pendingTimers).toBe(0);
  });

  test('epochs of two logs differ', () => {
    const epoch = () => new MemoryStreamLog(new SimulatedClock(), retention).open('s', () => {}).epoch;
    expect(epoch()).not.toBe(epoch());
  });
});

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Body, Requests } from './requests.ts';

const time: Body = { op: 'call', action: { type: 'TIME' } };

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function written(requests: Requests) {
  const added = requests.add(time);
  requests.written(added.frame);
  return added;
}

test('mids grow, and each request says what was settled before it', async () => {
  const requests = new Requests();
  const first = written(requests);
  const second = written(requests);
  expect([first.frame, second.frame]).toEqual([
    { op: 'call', mid: 1, settled: 0, action: { type: 'TIME' } },
    { op: 'call', mid: 2, settled: 0, action: { type: 'TIME' } },
  ]);
  requests.answered({ op: 'reply', mid: 2, result: 'late' });
  expect(requests.settled).toBe(0);
  requests.answered({ op: 'error', mid: 1, code: 'FORBIDDEN', message: 'No.', retryable: false });
  expect(requests.settled).toBe(2);
  expect(requests.add(time).frame).toMatchObject({ mid: 3, settled: 2 });
  expect(await first.answer).toEqual({ ok: false, code: 'FORBIDDEN', message: 'No.' });
  expect(await second.answer).toMatchObject({ ok: true, result: 'late' });
});

test('a second answer, and one that nobody waits for, is ignored', () => {
  const requests = new Requests();
  written(requests);
  requests.answered({ op: 'reply', mid: 1 });
  requests.answered({ op: 'reply', mid: 1 });
  requests.answered({ op: 'reply', mid: 9 });
  expect(requests.settled).toBe(1);
});

test('in a session of another server’s, what went out is unknown, and what did not still goes', async () => {
  const requests = new Requests();
  const before = written(requests);
  const kept = requests.add(time);
  expect(requests.lastWritten).toBe(1);
  requests.forgetWritten();
  expect(await before.answer).toMatchObject({ ok: false, code: 'OUTCOME_UNKNOWN' });
  expect(requests.open).toEqual([kept.frame]);
  expect(kept.frame.mid).toBeGreaterThan(requests.lastWritten);
});

test('nothing stays open for ever', async () => {
  const requests = new Requests();
  const sent = written(requests);
  const kept = requests.add(time);
  jest.advanceTimersByTime(90_000);
  expect(await sent.answer).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  expect(await kept.answer).toMatchObject({ code: 'NOT_SENT' });
  expect(requests.open).toEqual([]);
  const left = written(requests);
  requests.abandon();
  expect(await left.answer).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
});

import { Disconnect } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { connected, limits } from '../test/scripted-transport.ts';
import { serverFrame } from './server-frame.ts';

const read = (frame: object) => serverFrame(JSON.stringify(frame));
const position = { epoch: 'e', offset: 1 };
const whole: Record<string, Record<string, unknown>> = {
  connected: { ...connected({ expiresAtMs: 7, events: ['CAST_CHANGE'] }) },
  reply: { op: 'reply', mid: 2, result: { free: [1] }, offset: 20 },
  error: { op: 'error', mid: 4, code: 'RATE_LIMITED', message: 'no', retryable: true, retryAfterMs: 240 },
  message: { op: 'message', offset: 18, action: { type: 'A' }, from: { userId: '12', clientId: 'c' } },
  gap: { op: 'gap', stream: '$inbox', from: position, to: position, reason: 'evicted' },
  publication: {
    ...{
      op: 'publication',
      channel: 'a',
      epoch: 'e',
      offset: 18,
      data: { stock: 41 },
      from: { userId: '12', clientId: 'c' },
    },
    ...{ meta: { unit: 'x' }, version: 7, retained: true, ageMs: 52_000 },
  },
  unsubscribed: {
    op: 'unsubscribed',
    channels: ['a', 'a/#'],
    code: 'FORBIDDEN',
    message: 'no',
    retryable: false,
  },
  event: { op: 'event', event: { type: 'CLIENT_LOST' } },
  ping: { op: 'ping', offset: 21 },
  disconnect: { op: 'disconnect', code: 3000, reason: 'SERVER_SHUTDOWN', reconnect: true, afterMs: 412 },
};
const optional: Record<string, readonly string[]> = {
  connected: ['expiresAtMs', 'events'],
  reply: ['offset', 'result'],
  error: ['retryAfterMs'],
  message: ['from'],
  publication: ['from', 'meta', 'version', 'retained', 'ageMs'],
  ping: ['offset'],
  disconnect: ['afterMs'],
};
/** Fields that this client does not build on. */
const unread: Record<string, readonly string[]> = {
  connected: ['version', 'userId'],
  gap: ['reason'],
  disconnect: ['reconnect'],
};
const rows = Object.entries(whole).flatMap(([op, frame]) =>
  Object.keys(frame)
    .filter((field) => field !== 'op' && !unread[op]?.includes(field))
    .map((field) => [op, field] as const),
);

describe('a whole frame', () => {
  test.each(Object.entries(whole))('%s is what it was', (_, frame) => {
    expect(read(frame)).toEqual(frame);
    expect(read({ ...frame, more: true })).toEqual({ ...frame, more: true });
  });

  test.each(Object.entries(optional).flatMap(([op, fields]) => fields.map((field) => [op, field] as const)))(
    '%s may lack %s',
    (op, field) => {
      const { [field]: _, ...rest } = whole[op] ?? {};
      expect(read(rest)).toEqual(rest);
    },
  );

  test('may have filters among its streams, which have no position', () => {
    const streams = { $inbox: { ...position, recovered: true }, 'a/+': { recovered: false as const } };
    expect(read(connected({ streams }))).toMatchObject({ streams });
  });

  test.each(Object.keys(limits))('says that there is no limit %s as JSON can', (name) => {
    const frame = read({ ...connected(), limits: { ...limits, [name]: null } });
    expect(frame).toMatchObject({ limits: { [name]: Number.POSITIVE_INFINITY } });
  });
});

describe('what is none', () => {
  test.each(rows.filter(([op, field]) => !optional[op]?.includes(field)))('%s without %s', (op, field) => {
    const { [field]: _, ...rest } = whole[op] ?? {};
    expect(() => read(rest)).toThrow(Disconnect);
  });

  const free = new Set(['reply result', 'publication data']);
  test.each(rows.filter((row) => !free.has(row.join(' '))))('%s with an odd %s', (op, field) => {
    const wrong: unknown[] = [[], {}, -1, true, 'text', '', null, { epoch: 7 }, [7]];
    const taken = wrong.filter((value) => {
      try {
        return JSON.stringify(read({ ...whole[op], [field]: value })) !== '';
      } catch (error) {
        expect(error).toMatchObject({ code: 3502, reason: `not a whole ${op} frame` });
        return false;
      }
    });
    // What is a text may be any, what is an object may have any fields, and so on.
    expect(taken.length).toBeLessThan(wrong.length / 2);
  });

  test.each([
    ['message', { offset: 1.5 }],
    ['message', { action: { type: '' } }],
    ['message', { action: ['type'] }],
    ['gap', { to: { epoch: 'e', offset: -1 } }],
    ['disconnect', { afterMs: -1 }],
    ['connected', { streams: { $inbox: { epoch: 'e' } } }],
    ['connected', { streams: { $inbox: { recovered: false } } }],
    ['connected', { streams: { 'a/+': null } }],
    ['connected', { streams: { 'a/+': { epoch: 'e' } } }],
    ['connected', { streams: [position] }],
    ['publication', { data: undefined }],
    ['publication', { version: 1.5 }],
    ['publication', { meta: null }],
    ['unsubscribed', { channels: ['a', 7] }],
    ['connected', { limits: { ...limits, maxFrameBytes: 'many' } }],
    ['connected', { limits: {} }],
    ['connected', { events: 'CAST_CHANGE' }],
  ])('%s with %j', (op, fields) => {
    expect(() => read({ ...whole[op], ...fields })).toThrow(Disconnect);
  });
});

test('whatever comes is a frame or a Disconnect', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(whole)),
      fc.string(),
      fc.jsonValue(),
      (frame, name, value) => {
        const fields = Object.keys(frame);
        const field = fields[name.length % fields.length] as string;
        for (const text of [name, JSON.stringify(value), JSON.stringify({ ...frame, [field]: value })]) {
          try {
            expect(typeof serverFrame(text).op).toBe('string');
          } catch (error) {
            expect(error).toBeInstanceOf(Disconnect);
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

import { expect, test } from '@jest/globals';
import { createAction, dialects } from './dialect.ts';

const { callboard, socketio } = dialects;
const action = { type: 'BENCH', at: 1.5, text: 'x' };

test('an action has about the size asked for', () => {
  expect(JSON.stringify(createAction('BENCH')).length).toBeGreaterThan(105);
  expect(JSON.stringify(createAction('BENCH')).length).toBeLessThan(130);
});

test('Callboard: connects, requests, and understands what comes back', () => {
  expect(JSON.parse(callboard.greeting('u1') ?? '')).toEqual({
    op: 'connect',
    version: 1,
    userId: 'u1',
    token: 't',
  });
  expect(callboard.shakeHands('{"op":"connected"}', 'u1')).toBe('ready');
  expect(() => callboard.shakeHands('{"op":"disconnect"}', 'u1')).toThrow('disconnect');
  expect(JSON.parse(callboard.send(3, ['u1'], action))).toEqual({ op: 'send', mid: 3, to: ['u1'], action });
  expect(callboard.settled('{"op":"reply","mid":3}')).toBe(3);
  expect(callboard.settled('{"op":"message"}')).toBeUndefined();
  expect(() => callboard.settled('{"op":"error","mid":3}')).toThrow('refused');
  expect(callboard.delivered(JSON.stringify({ op: 'message', from: 'u2', action }))).toEqual(action);
  expect(JSON.parse(callboard.subscribe(4, ['a']))).toEqual({ op: 'subscribe', mid: 4, channels: ['a'] });
  expect(JSON.parse(callboard.publish(5, 'a', action))).toEqual({
    op: 'publish',
    mid: 5,
    channel: 'a',
    data: action,
  });
  expect(callboard.delivered(JSON.stringify({ op: 'publication', channel: 'a', data: action }))).toEqual(
    action,
  );
  expect(callboard.pong('{"op":"ping"}')).toBe('{"op":"pong"}');
  expect(callboard.pong('{"op":"reply","mid":3}')).toBeUndefined();
});

test('Socket.IO: connects, requests, and understands what comes back', () => {
  expect(socketio.greeting('u1')).toBeUndefined();
  expect(socketio.shakeHands('0{"sid":"a"}', 'u1')).toBe('40{"userId":"u1","token":"t"}');
  expect(socketio.shakeHands('40{"sid":"b"}', 'u1')).toBe('ready');
  expect(() => socketio.shakeHands('44{"message":"unauthorized"}', 'u1')).toThrow('unauthorized');
  expect(socketio.call(7, action)).toBe(`427["call",${JSON.stringify(action)}]`);
  expect(socketio.settled('437[]')).toBe(7);
  expect(socketio.settled('42["message",{}]')).toBeUndefined();
  expect(socketio.delivered(`42["message",${JSON.stringify(action)}]`)).toEqual(action);
  expect(socketio.subscribe(4, ['a'])).toBe('424["subscribe",["a"]]');
  expect(socketio.publish(5, 'a', action)).toBe(`425["publish","a",${JSON.stringify(action)}]`);
  expect(socketio.delivered(`42["publication","a",${JSON.stringify(action)}]`)).toEqual(action);
  expect(socketio.pong('2')).toBe('3');
  expect(socketio.pong('437[]')).toBeUndefined();
});

test('Callboard: comes back with its last session, and where it stands', () => {
  const at = (offset: number) => ({ epoch: 'e', offset });
  const session = callboard.session(
    [
      { op: 'connected', session: 's1', streams: { $inbox: at(0) } },
      { op: 'reply', mid: 1, result: { streams: { a: { ...at(3), recovered: false }, b: at(7) } } },
      { op: 'publication', channel: 'a', epoch: 'e', offset: 4, data: action },
      { op: 'connected', session: 's2', streams: { $inbox: at(0), a: at(6), b: at(7) } },
      { op: 'publication', channel: 'a', epoch: 'e', offset: 5, data: action },
    ].map((frame) => JSON.stringify(frame)),
  );
  expect(session).toEqual({ resume: { session: 's2', positions: { $inbox: at(0), a: at(5), b: at(7) } } });
  expect(JSON.parse(callboard.greeting('u1', session) ?? '')).toMatchObject({ userId: 'u1', ...session });
});

test('Socket.IO: comes back with its private id and the last offset', () => {
  const event = (offset: string) => `42["publication","a",${JSON.stringify(action)},"${offset}"]`;
  const session = socketio.session(['40{"sid":"a","pid":"p"}', '431[]', event('x'), event('y')]);
  expect(session).toEqual({ pid: 'p', offset: 'y' });
  expect(socketio.shakeHands('0{"sid":"a"}', 'u1', session)).toBe(
    '40{"userId":"u1","token":"t","pid":"p","offset":"y"}',
  );
  expect(socketio.shakeHands(event('z'), 'u1', session)).toBeUndefined();
});

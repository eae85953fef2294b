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
  expect(socketio.pong('2')).toBe('3');
  expect(socketio.pong('437[]')).toBeUndefined();
});

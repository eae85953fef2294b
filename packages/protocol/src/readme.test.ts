import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { comesBack, defineContract, disconnects, jsonCodec, RequestRefused } from './index.ts';

test('a server reads what a client sent, and says what is wrong with it', async () => {
  expect.assertions(5);
  const contract = defineContract({
    actions: { RESERVE: { action: z.object({ seat: z.string() }), reply: z.object({ until: z.number() }) } },
  });

  const text = '{"op":"call","mid":1,"action":{"type":"RESERVE","seat":"7-9"},"unknown":true}';
  const frame = jsonCodec.decodeClient(text);
  expect(frame).toEqual({ op: 'call', mid: 1, action: { type: 'RESERVE', seat: '7-9' } });

  const { validate } = contract.actions.RESERVE.action['~standard'];
  expect(await validate({ type: 'RESERVE', seat: 7 })).toHaveProperty('issues');

  try {
    jsonCodec.decodeClient('{"op":"send","mid":2,"action":{"type":"HELLO"},"to":[]}');
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    const { code, message, retryable } = error.error;
    expect(jsonCodec.encode({ op: 'error', mid: error.mid, code, message, retryable })).toBe(
      '{"op":"error","mid":2,"code":"INVALID_REQUEST","message":"to is empty","retryable":false}',
    );
  }

  expect(comesBack(disconnects.SERVER_SHUTDOWN)).toBe(true);
  expect(comesBack(disconnects.UNAUTHORIZED)).toBe(false);
});

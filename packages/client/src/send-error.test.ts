import { type ErrorCode, errors, ReplyError } from '@callboard/protocol';
import { describe, expect, test } from '@jest/globals';
import { type ClientErrorCode, clientError, clientErrors, SendError } from './send-error.ts';

describe('the effect of a request that failed', () => {
  test.each(Object.keys(errors) as ErrorCode[])('%s: as in the catalogue', (code) => {
    expect(new ReplyError(code).effect).toBe(errors[code].effect);
  });

  test.each(Object.keys(clientErrors) as ClientErrorCode[])('%s: as this library knows', (code) => {
    expect(clientError(code).effect).toBe(clientErrors[code].effect);
  });

  test.each([
    [true, 'none'],
    [false, 'perhaps'],
  ])('an application’s own, retryable %s: %s', (retryable, effect) => {
    expect(new ReplyError('SOLD_OUT', { retryable }).effect).toBe(effect);
    expect(new ReplyError('constructor', { retryable }).effect).toBe(effect);
  });
});

describe('an error of this library’s own', () => {
  test.each(Object.entries(clientErrors))('%s has its text and may be retried or not', (code, entry) => {
    const cause = new Error('why');
    const { message, retryable } = entry;
    expect(clientError(code as ClientErrorCode, { cause })).toMatchObject({
      code,
      message,
      retryable,
      cause,
    });
  });

  test('has a name that no server uses', () => {
    for (const code of Object.keys(clientErrors)) expect(errors).not.toHaveProperty(code);
  });
});

test('a send error says what failed, why, and is an Error', async () => {
  const error = new ReplyError('RATE_LIMITED', { retryAfterMs: 240 });
  const action = { type: 'ADD', item: 7 };
  const failed = new SendError(error, action, 'none', () => Promise.resolve('again'));
  expect(failed).toBeInstanceOf(Error);
  expect(failed).toBeInstanceOf(SendError);
  expect(failed).toMatchObject({ name: 'SendError', code: 'RATE_LIMITED', error, action, effect: 'none' });
  expect(failed.cause).toBe(error);
  expect(failed.message).toBe('RATE_LIMITED: Too much was sent in too short a time.');
  expect(String(failed)).toContain('SendError: RATE_LIMITED');
  await expect(failed.retry()).resolves.toBe('again');
});

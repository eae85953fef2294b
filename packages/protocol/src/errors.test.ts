import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { comesBack, Disconnect, disconnectName, disconnects, errors, ReplyError } from './errors.ts';

describe('ReplyError', () => {
  test.each(Object.entries(errors))(
    '%s says what the catalogue says',
    (code, { message, retryable, effect }) => {
      const error = new ReplyError(code);
      expect(error).toMatchObject({ name: 'ReplyError', code, message, retryable, effect });
      expect(error.retryAfterMs).toBeUndefined();
      expect(message).toMatch(/^[A-Z].*\.$/);
    },
  );

  test('can be more particular', () => {
    const cause = new Error('the database is away');
    const options = { message: 'Later.', retryable: true, effect: 'none', retryAfterMs: 250, cause } as const;
    expect(new ReplyError('HANDLER_ERROR', options)).toMatchObject({ code: 'HANDLER_ERROR', ...options });
  });

  test('takes an application’s own code', () => {
    const error = new ReplyError('SOLD_OUT');
    expect(error).toMatchObject({
      code: 'SOLD_OUT',
      message: 'SOLD_OUT',
      retryable: false,
      effect: 'perhaps',
    });
    expect(new ReplyError('BUSY', { retryable: true }).effect).toBe('none');
    expect(new ReplyError('SOLD_OUT', { effect: 'none' }).effect).toBe('none');
    expect(error).toBeInstanceOf(Error);
  });

  test('is not taken in by names of Object.prototype', () => {
    for (const code of ['toString', 'constructor', '__proto__'])
      expect(new ReplyError(code)).toMatchObject({ code, message: code, retryable: false });
  });
});

describe('close codes', () => {
  test('are Callboard’s own: unique, below 4000, with a name', () => {
    const codes = Object.values(disconnects);
    expect(new Set(codes).size).toBe(codes.length);
    for (const [name, code] of Object.entries(disconnects)) {
      expect(code >= 3000 && code < 4000).toBe(true);
      expect(disconnectName(code)).toBe(name);
    }
    expect(disconnectName(4000)).toBe('4000');
  });

  test.each([
    [3000, true],
    [3499, true],
    [3500, false],
    [3999, false],
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
    [1000, false],
    [1001, true],
    [1006, true],
    [1009, false],
    [1011, true],
    [1012, true],
  ])('%d comes back: %p', (code, back) => {
    expect(comesBack(code)).toBe(back);
    expect(new Disconnect(code).reconnect).toBe(back);
  });
});

describe('Disconnect', () => {
  test('by name', () => {
    expect(new Disconnect('SERVER_SHUTDOWN', { afterMs: 500 })).toMatchObject({
      name: 'Disconnect',
      code: 3000,
      reason: 'SERVER_SHUTDOWN',
      message: 'SERVER_SHUTDOWN',
      reconnect: true,
      afterMs: 500,
    });
    expect(new Disconnect('KICKED', { reason: 'bye' })).toMatchObject({
      code: 3507,
      reason: 'bye',
      reconnect: false,
      afterMs: undefined,
    });
  });

  test('by an application’s number', () => {
    expect(new Disconnect(4501)).toMatchObject({ code: 4501, reason: '4501', reconnect: false });
  });

  test('a reason fits a close frame, and no character is cut', () => {
    const reasonOf = (reason: string) => new Disconnect('KICKED', { reason }).reason;
    expect(reasonOf('x'.repeat(123))).toBe('x'.repeat(123));
    expect(reasonOf('x'.repeat(124))).toBe('x'.repeat(123));
    expect(reasonOf('é'.repeat(62))).toBe('é'.repeat(61));
    expect(reasonOf('€'.repeat(42))).toBe('€'.repeat(41));
    expect(reasonOf('😀'.repeat(31))).toBe('😀'.repeat(30));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (reason) => {
        const cut = reasonOf(reason);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123);
        expect(reason.startsWith(cut)).toBe(true);
        const next = [...reason.slice(cut.length)][0] ?? '';
        if (next !== '') expect(Buffer.byteLength(cut + next)).toBeGreaterThan(123);
      }),
    );
  });
});

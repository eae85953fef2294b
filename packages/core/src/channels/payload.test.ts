import { describe, expect, test } from '@jest/globals';
import { type PayloadFormat, payloadFormats } from './payload.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const decoded = (format: PayloadFormat, text: string) => payloadFormats[format].decode(bytes(text));
const encoded = (format: PayloadFormat, data: unknown) =>
  Buffer.from(payloadFormats[format].encode(data)).toString('latin1');

describe('bytes become data', () => {
  test.each<[PayloadFormat, string, unknown]>([
    ['text', '21.5', '21.5'],
    ['text', '', ''],
    ['text', '\xef\xbb\xbfa', '\ufeffa'],
    ['json', ' {"a": [1, 2.50]}\n', { a: [1, 2.5] }],
    ['number', ' -1.5e3 ', -1500],
    ['number', '.5', 0.5],
    ['raw', '\xff\0', bytes('\xff\0')],
  ])('%s %j', (format, text, data) => expect(decoded(format, text)).toEqual(data));

  test.each<[PayloadFormat, string]>([
    ['text', '\xff'],
    ['json', ''],
    ['json', '{a}'],
    ['json', '{"__proto__": {"a": 1}}'],
    ['json', '['.repeat(100_000)],
    ['number', ''],
    ['number', '0x10'],
    ['number', '1e999'],
    ['number', 'on'],
  ])('not %s %.20j', (format, text) => expect(() => decoded(format, text)).toThrow());
});

describe('data becomes bytes', () => {
  test.each<[PayloadFormat, unknown, string]>([
    ['text', 'on', 'on'],
    ['text', { on: true }, '{"on":true}'],
    ['json', 'on', '"on"'],
    ['json', { on: true }, '{"on":true}'],
    ['number', 21.5, '21.5'],
    ['raw', bytes('\xff\0'), '\xff\0'],
    ['json', bytes('\xff'), '\xff'],
    ['raw', 'on', 'on'],
  ])('%s %j', (format, data, text) => expect(encoded(format, data)).toBe(text));
});

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteLength } from './utf8.ts';

test.each([
  ['', 0],
  ['a', 1],
  ['\u007f', 1],
  ['\u0080', 2],
  ['\u07ff', 2],
  ['\u0800', 3],
  ['\uffff', 3],
  ['😀', 4],
  ['\ud83d', 3],
  ['\ude00', 3],
  ['\ude00\ud83d', 6],
  ['\ud83d\ud83d\ude00', 7],
])('%j has %i bytes', (text, bytes) => {
  expect(byteLength(text)).toBe(bytes);
});

test('counts as Buffer does, whatever the units', () => {
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 0xffff }),
    fc.integer({ min: 0xd7fe, max: 0xe001 }),
    fc.integer({ min: 0, max: 0x7f }),
  );
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const text = String.fromCharCode(...units);
      expect(byteLength(text)).toBe(Buffer.byteLength(text));
    }),
    { numRuns: 500 },
  );
});

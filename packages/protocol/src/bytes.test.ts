import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromWire, isData, toWire } from './bytes.ts';
import { jsonCodec } from './codec.ts';

describe('bytes', () => {
  test('come back as they went, through JSON', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 40_000 }), (bytes) => {
      const wire = JSON.parse(JSON.stringify(toWire(bytes)));
      expect(isData(wire)).toBe(true);
      expect(fromWire(wire)).toEqual(bytes);
    });
    fc.assert(property, { numRuns: 50 });
  });

  test('are those of a view, and of a Buffer', () => {
    const buffer = Uint8Array.of(1, 2, 3, 4, 5);
    expect(toWire(buffer.subarray(1, 3))).toEqual({ b64: 'AgM=' });
    expect(toWire(Buffer.from('hello'))).toEqual({ b64: Buffer.from('hello').toString('base64') });
  });

  test('are those of an ArrayBuffer, and of any other view', () => {
    const { buffer } = Uint8Array.of(1, 2, 3, 4);
    expect(toWire(buffer)).toEqual({ b64: 'AQIDBA==' });
    expect(toWire(new DataView(buffer, 1, 2))).toEqual({ b64: 'AgM=' });
    expect(toWire(new Uint16Array(buffer, 2))).toEqual({ b64: 'AwQ=' });
  });

  test('are put into a body by the codec', () => {
    expect(jsonCodec.encodeBody({ data: Uint8Array.of(255), meta: { a: 1 }, version: 3 })).toBe(
      '"data":{"b64":"/w=="},"meta":{"a":1},"version":3}',
    );
  });
});

test('any other JSON value stays what it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(isData(value));
      expect(toWire(value)).toBe(value);
      if (!(fromWire(value) instanceof Uint8Array)) expect(fromWire(value)).toBe(value);
    }),
  );
});

import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Receiver } from '../test/support.ts';
import { webSocketFraming } from './framing.ts';

function read(chunks: readonly Uint8Array[]): string[] {
  const texts: string[] = [];
  const receiver = new Receiver({ isServer: false });
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(false);
    texts.push(data.toString());
  });
  receiver.on('error', (error: Error) => {
    throw error;
  });
  for (const chunk of chunks) receiver.write(chunk);
  return texts;
}

test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('frames a text of %i bytes', (length) => {
  const text = 'x'.repeat(length);
  const bytes = webSocketFraming.frame(text);
  expect(bytes.length).toBe(length + (length < 126 ? 2 : length < 65_536 ? 4 : 10));
  expect(read([bytes])).toEqual([text]);
});

test.each([124, 125, 126, 65_534, 65_535, 65_536])('counts bytes, not characters: %i of them', (length) => {
  for (const character of ['ä', '€', '😀']) {
    const size = Buffer.byteLength(character);
    const text = character.repeat(Math.floor(length / size)) + 'x'.repeat(length % size);
    expect(Buffer.byteLength(text)).toBe(length);
    expect(read([webSocketFraming.frame(text)])).toEqual([text]);
  }
});

test('whatever the texts, ws reads them, however the bytes are cut', () => {
  const unit = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 400 }));
  const long = fc.tuple(unit, fc.integer({ min: 1, max: 3_000 })).map(([text, times]) => text.repeat(times));
  const texts = fc.array(fc.oneof(unit, long), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 5_000 }), (given, size) => {
      const bytes = Buffer.concat(given.map((text) => webSocketFraming.frame(text)));
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(read(chunks)).toEqual(given);
    }),
    { seed: 20260101, numRuns: 100 },
  );
});

test('half a surrogate pair becomes what UTF-8 has for it', () => {
  expect(read([webSocketFraming.frame('a\ud800b')])).toEqual(['a\ufffdb']);
});

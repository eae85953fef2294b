import { expect, test } from '@jest/globals';
import { encodeFrame, FrameReader, opcodes } from './frames.ts';

const texts = ['', 'short', 'm'.repeat(125), 'e'.repeat(126), 'l'.repeat(65_535), 'h'.repeat(65_536)];

test.each([1, 2, 3, 7, 1000, 1_000_000])('frames are whole, cut into chunks of %d bytes', (size) => {
  const bytes = Buffer.concat(texts.map(serverFrame));
  const received: string[] = [];
  const reader = new FrameReader((opcode, from, start, end) => {
    expect(opcode).toBe(opcodes.text);
    received.push(from.toString('utf8', start, end));
  });
  const reused = Buffer.alloc(Math.min(size, bytes.length));
  for (let at = 0; at < bytes.length; at += size) {
    reader.read(reused, bytes.copy(reused, 0, at, at + size));
  }
  // Not `toEqual`: a failure would print a megabyte.
  expect(received.map((text) => text.length)).toEqual(texts.map((text) => text.length));
  expect(received.join('') === texts.join('')).toBe(true);
});

test('a fragmented frame is an error, for it would be counted twice', () => {
  const first = serverFrame('half');
  first.writeUInt8(opcodes.text, 0);
  expect(() => new FrameReader(() => {}).read(first)).toThrow('fragmented');
});

test.each(texts)('a client frame is masked (%#)', (text) => {
  const frame = encodeFrame(opcodes.text, Buffer.from(text));
  const header = text.length < 126 ? 2 : text.length < 65_536 ? 4 : 10;
  expect(frame[0]).toBe(0x81);
  expect((frame[1] ?? 0) & 0x80).toBe(0x80);
  const payload = frame.subarray(header + 4).map((byte, i) => byte ^ (frame[header + (i & 3)] ?? 0));
  expect(Buffer.from(payload).toString() === text).toBe(true);
});

/** What a server sends: the same frame unmasked. */
function serverFrame(text: string): Buffer {
  const frame = encodeFrame(opcodes.text, Buffer.from(text));
  const header = frame.length - 4 - text.length;
  frame.writeUInt8((frame[1] ?? 0) & 0x7f, 1);
  return Buffer.concat([frame.subarray(0, header), Buffer.from(text)]);
}
